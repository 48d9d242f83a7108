//go:build linux

package secretsapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/secretsapi"
	"github.com/graft-lambda/graft/layers"
)

// scratch is a folder for the whole run of this test program.
var scratch string

func TestMain(m *testing.M) {
	local.Main()
	if filepath.Base(os.Args[0]) == runtimeName {
		if err := serveFunction(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var err error
	if scratch, err = os.MkdirTemp("", "graft-secretsapi-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(scratch)
	os.Exit(status)
}

// programs are the real ones, built at most once each.
var programs sync.Map

func programFor(t testing.TB, pkg string) string {
	t.Helper()
	out := filepath.Join(scratch, filepath.Base(pkg))
	built, _ := programs.LoadOrStore(out, sync.OnceValue(func() error {
		return layers.BuildProgram(context.Background(), pkg, runtime.GOARCH, out)
	}))
	require.NoError(t, built.(func() error)())
	return out
}

// runtimeName is this test program as a function's runtime.
const runtimeName = "reader"

// serveFunction is a function that reads a secret when it starts, which is
// before the snapshot where there is one, and in each invocation, and answers
// both.
func serveFunction() error {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	first, err := read("secretId=s")
	if err != nil {
		return err
	}
	if os.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE") == string(local.SnapStart) {
		if _, _, err := fetch(api+"restore/next", ""); err != nil {
			return err
		}
	}
	for {
		_, id, err := fetch(api+"invocation/next", "")
		if err != nil {
			return err
		}
		now, err := read("secretId=s")
		if err != nil {
			return err
		}
		reply, err := http.Post(api+"invocation/"+id+"/response", "application/json", bytes.NewReader(fmt.Appendf(nil, `[%s,%s]`, first, now)))
		if err != nil {
			return err
		}
		reply.Body.Close()
	}
}

// read reads from the endpoint as a function does.
func read(query string) ([]byte, error) {
	token := os.Getenv("AWS_SESSION_TOKEN")
	if token == "" {
		token = os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	}
	body, _, err := fetch("http://localhost:"+os.Getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")+"/secretsmanager/get?"+query, token)
	return body, err
}

// fetch returns the body of an answer, and an invocation's id.
func fetch(url, token string) (body []byte, id string, err error) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	if token != "" {
		r.Header.Set(secretsapi.TokenHeader, token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, answer.Status, body)
	}
	return body, answer.Header.Get("Lambda-Runtime-Aws-Request-Id"), err
}
