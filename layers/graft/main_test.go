package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/graft-lambda/graft/internal/extension"
	"github.com/graft-lambda/graft/internal/local"
)

// TestMain lets this program be what it is started as: graft, or, in the
// environment that graft makes, a runtime or an extension.
func TestMain(m *testing.M) {
	local.Main()
	switch filepath.Base(os.Args[0]) {
	case "bootstrap":
		functionRuntime()
		return
	case "watch":
		watch()
		return
	case "graft":
		main()
	}
	testscript.Main(m, map[string]func(){"graft": main})
}

// A task is what the runtime below takes for an event.
type task struct {
	Echo any    // answer with this
	Env  string // answer with this variable
	Read string // answer with this file
	Fail string // report an error of this type
	Exit int    // end with this status
	Hang bool   // say so, and answer never
	Tell string // say this first
	Part string // then this, which ends no line
	Head string // answer with this header of the event
}

// functionRuntime is a runtime with its function: the program "bootstrap". The
// handler "broken" has it end in its init, "slow" takes longer than any limit.
func functionRuntime() {
	fmt.Println("init of", os.Getenv("AWS_LAMBDA_FUNCTION_NAME"))
	switch os.Getenv("_HANDLER") {
	case "broken":
		os.Exit(7)
	case "slow":
		select {}
	}
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		event, err := http.Get(api + "next")
		must(err)
		var t task
		must(json.NewDecoder(event.Body).Decode(&t))
		event.Body.Close()
		if t.Tell != "" {
			fmt.Println(t.Tell)
		}
		fmt.Print(t.Part)
		answer := t.Echo
		switch {
		case t.Exit != 0:
			os.Exit(t.Exit)
		case t.Hang:
			fmt.Println("hanging")
			select {}
		case t.Env != "":
			answer = os.Getenv(t.Env)
		case t.Head != "":
			answer = event.Header.Get(t.Head)
		case t.Read != "":
			text, err := os.ReadFile(t.Read)
			must(err)
			answer = string(text)
		}
		body, err := json.Marshal(answer)
		must(err)
		request, err := http.NewRequest("POST", api+event.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", strings.NewReader(string(body)))
		must(err)
		if t.Fail != "" {
			request.URL.Path = strings.TrimSuffix(request.URL.Path, "response") + "error"
			request.Header.Set("Lambda-Runtime-Function-Error-Type", t.Fail)
			if t.Echo == nil {
				request.Body = http.NoBody
			}
		}
		response, err := http.DefaultClient.Do(request)
		must(err)
		response.Body.Close()
	}
}

// watch is an extension that tells of each event: the program of that name.
func watch() {
	ctx := context.Background()
	client := extension.New(os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	registration, err := client.Register(ctx, filepath.Base(os.Args[0]), extension.Invoke, extension.Shutdown)
	must(err)
	for {
		event, err := client.Next(ctx, registration.ID)
		must(err)
		fmt.Println(event.Type, event.Reason)
		if event.Type == extension.Shutdown {
			return
		}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
