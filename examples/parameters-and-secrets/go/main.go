// A function of an OS-only runtime that reads a parameter and a secret.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
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
	if _, err := io.ReadAll(next.Body); err != nil {
		return err
	}
	answer, err := handle()
	if err != nil {
		return err
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
	reply, err := http.Post(api+id+"/response", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return reply.Body.Close()
}

func handle() (map[string]any, error) {
	var parameter struct{ Parameter struct{ Value string } }
	if err := read("/systemsmanager/parameters/get", url.Values{"name": {"/example/url"}, "withDecryption": {"true"}}, &parameter); err != nil {
		return nil, err
	}
	var secret struct{ SecretString string }
	if err := read("/secretsmanager/get", url.Values{"secretId": {"example/database"}}, &secret); err != nil {
		return nil, err
	}
	var database struct{ User, Password string }
	if err := json.Unmarshal([]byte(secret.SecretString), &database); err != nil {
		return nil, err
	}
	return map[string]any{"url": parameter.Parameter.Value, "user": database.User, "password": len(database.Password)}, nil
}
