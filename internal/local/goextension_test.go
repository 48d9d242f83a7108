//go:build linux

package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
)

// A note is what the extension in Go tells of an event.
type note struct {
	UID                      int
	ContentType, Event, Type string
	Second                   answer // of an init error at the wrong time
}

// goExtension is an extension in Go: the program "go-ext".
func goExtension() {
	c := goClient{base: "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension"}
	request, err := http.NewRequest("POST", c.base+"/register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Lambda-Extension-Name", "go-ext")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	response.Body.Close()
	id := response.Header.Get("Lambda-Extension-Identifier")
	for {
		request, err := http.NewRequest("GET", c.base+"/event/next", nil)
		if err != nil {
			panic(err)
		}
		request.Header.Set("Lambda-Extension-Identifier", id)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		text, err := io.ReadAll(response.Body)
		if err != nil {
			panic(err)
		}
		n := note{
			UID: os.Getuid(), ContentType: response.Header.Get("Content-Type"), Event: response.Header.Get("Lambda-Extension-Event-Identifier"),
			Type: string(text),
			// Running does not get to InitError.
			Second: c.do("POST", "/init/error", strings.NewReader(""), "Lambda-Extension-Identifier", id, "Lambda-Extension-Function-Error-Type", "A.B"),
		}
		line, err := json.Marshal(n)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
		if strings.Contains(n.Type, "SHUTDOWN") {
			return
		}
	}
}

func TestGoExtension(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	f := goFunction(t)
	f.Mounts = append(f.Mounts, local.Mount{Source: f.Mounts[0].Source, Target: "/opt/extensions/go-ext"})
	if os.Geteuid() == 0 {
		f.UID, f.GID = 993, 990
	}
	var o outputs
	f.ExtensionOutput = o.writer
	f.InitTimeout = deadline
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	r := send(t, e, event{Do: "echo", Arg: "hello"})
	assert.Equal(t, `"hello"`, string(r.Body))
	require.NoError(t, e.Stop(context.Background()))
	lines := o.lines("go-ext")
	require.Len(t, lines, 2)
	for i, line := range lines {
		var n note
		require.NoError(t, json.Unmarshal([]byte(line), &n))
		assert.Equal(t, 403, n.Second.Status)
		assert.Contains(t, n.Second.Body, "State transition from Running to InitError failed")
		if f.UID != 0 {
			assert.Equal(t, f.UID, n.UID)
		}
		if i == 0 {
			assert.Equal(t, "application/json", n.ContentType)
			assert.Regexp(t, `^[0-9a-f]{8}-`, n.Event)
			assert.Contains(t, n.Type, r.RequestID)
		} else {
			assert.Equal(t, "text/plain; charset=utf-8", n.ContentType)
			assert.Empty(t, n.Event)
			assert.Contains(t, n.Type, "spindown")
		}
	}
}
