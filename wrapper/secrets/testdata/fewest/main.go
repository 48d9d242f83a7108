// Fewest is the least that a program can do to fetch parameters with the AWS
// SDK: as few calls as possible, all at once. It is timed beside graft-secrets.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	client := ssm.NewFromConfig(cfg)
	var calls sync.WaitGroup
	var out sync.Mutex
	for names := range slices.Chunk(os.Args[1:], 10) {
		calls.Go(func() {
			got, err := client.GetParameters(ctx, &ssm.GetParametersInput{Names: names, WithDecryption: aws.Bool(true)})
			if err != nil {
				panic(err)
			}
			out.Lock()
			defer out.Unlock()
			for _, p := range got.Parameters {
				fmt.Printf("%s=%s\x00", *p.Name, *p.Value)
			}
		})
	}
	calls.Wait()
}
