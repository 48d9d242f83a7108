package main

import (
	"context"

	"github.com/graft-lambda/graft/internal/testbed"
)

// readersLayer is the ready-made layer that the functions of the example of the
// same name read from.
const readersLayer = "parameters-and-secrets"

// rustReader returns the function of that example which reads with a client
// library from crates.io.
func rustReader(ctx context.Context, bed *testbed.Bed) (program string, err error) {
	project, err := inTree(ctx, "examples/"+readersLayer+"/rust")
	if err != nil {
		return "", err
	}
	return bed.Cargo(ctx, project[0], "aws-parameters-and-secrets-lambda")
}
