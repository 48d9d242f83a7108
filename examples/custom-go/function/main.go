// A function of an OS-only runtime, on nothing but the Runtime API.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		if err := serve(api); err != nil {
			log.Fatal(err)
		}
	}
}

func serve(api string) error {
	next, err := http.Get(api + "next")
	if err != nil {
		return err
	}
	defer next.Body.Close()
	event, err := io.ReadAll(next.Body)
	if err != nil {
		return err
	}
	answer, err := json.Marshal(handle(event))
	if err != nil {
		return err
	}
	id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
	reply, err := http.Post(api+id+"/response", "application/json", bytes.NewReader(answer))
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusAccepted {
		return fmt.Errorf("response: %s", reply.Status)
	}
	return nil
}

func handle(event json.RawMessage) map[string]any {
	return map[string]any{
		"runtime":    runtime.Version(),
		"log_level":  os.Getenv("LOG_LEVEL"),
		"attributes": os.Getenv("OTEL_RESOURCE_ATTRIBUTES"),
		"event":      event,
	}
}
