//go:build linux

package local_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// An event tells the Go runtime of these tests what to do with it.
type event struct {
	Do   string
	Arg  string
	Size int
}

// An answer is what one of its requests to the Runtime API got.
type answer struct {
	Status int
	Body   string
}

// goRuntime is a runtime in Go: the program "bootstrap". On Managed Instances it
// takes as many invocations at once as there may be.
func goRuntime() {
	r := goClient{base: "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01"}
	n, _ := strconv.Atoi(os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY"))
	for range n - 1 {
		go r.loop()
	}
	r.loop()
}

func (c goClient) loop() {
	for {
		header, body := c.next()
		var e event
		if err := json.Unmarshal(body, &e); err != nil {
			panic(err)
		}
		c.handle(header, e)
	}
}

type goClient struct{ base string }

func (c goClient) next() (http.Header, []byte) {
	response, err := http.Get(c.base + "/runtime/invocation/next")
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		panic(fmt.Sprint(response.Status, string(body), err))
	}
	return response.Header, body
}

func (c goClient) do(method, path string, body io.Reader, headers ...string) answer {
	request, err := http.NewRequest(method, c.base+path, body)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return c.send(request)
}

func (c goClient) send(request *http.Request) answer {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	return answer{response.StatusCode, string(text)}
}

// handle does what e says. What it learns it returns, so that the test sees it.
func (c goClient) handle(header http.Header, e event) {
	id := header.Get("Lambda-Runtime-Aws-Request-Id")
	path := "/runtime/invocation/" + id
	const mode, streaming = "Lambda-Runtime-Function-Response-Mode", "streaming"
	respond := func(v any) {
		body, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		if a := c.do("POST", path+"/response", bytes.NewReader(body)); a != (answer{202, `{"status":"OK"}` + "\n"}) {
			panic(a)
		}
	}
	switch e.Do {
	case "header":
		respond(header)
	case "echo":
		respond(e.Arg)
	case "request": // "METHOD PATH" before the answer; ID is the invocation's
		method, where, _ := strings.Cut(strings.ReplaceAll(e.Arg, "ID", id), " ")
		respond(c.do(method, where, strings.NewReader("{}")))
	case "error":
		c.do("POST", path+"/error", strings.NewReader(`{"errorMessage":"no"}`), "Lambda-Runtime-Function-Error-Type", e.Arg)
	case "large":
		fmt.Println(c.do("POST", path+"/response", bytes.NewReader(make([]byte, e.Size))).Body)
	case "large error":
		fmt.Println(c.do("POST", path+"/error", bytes.NewReader(make([]byte, e.Size))).Body)
	case "second":
		respond("first")
		fmt.Println(c.do("POST", path+"/response", strings.NewReader("second")).Body)
		fmt.Println(c.do("POST", path+"/error", strings.NewReader("third")).Body)
	case "mode":
		fmt.Println(c.do("POST", path+"/response", strings.NewReader("x"), mode, e.Arg).Body)
	case "stream":
		pieces, w := io.Pipe() // no length, so it is sent in chunks
		go func() {
			for i := range e.Size {
				fmt.Fprintf(w, "piece %d\n", i)
			}
			w.Close()
		}()
		c.do("POST", path+"/response", pieces, mode, streaming)
	case "broken stream":
		request, err := http.NewRequest("POST", c.base+path+"/response", io.MultiReader(strings.NewReader("half")))
		if err != nil {
			panic(err)
		}
		request.Header.Set(mode, streaming)
		request.Trailer = http.Header{
			"Lambda-Runtime-Function-Error-Type": {"Function.Broken"},
			"Lambda-Runtime-Function-Error-Body": {base64.StdEncoding.EncodeToString([]byte(e.Arg))},
		}
		c.send(request)
	case "prelude": // of an HTTP response, in pieces
		pieces, w := io.Pipe()
		go func() {
			for _, piece := range []string{e.Arg[:3], e.Arg[3:], "\x00\x00\x00\x00", "\x00\x00\x00\x00", "bo\x00dy"} {
				_, _ = io.WriteString(w, piece)
			}
			w.Close()
		}()
		c.do("POST", path+"/response", pieces, mode, streaming, "Content-Type", "application/vnd.awslambda.http-integration-response")
	case "truncated":
		c.truncated(path)
	case "exit":
		code, err := strconv.Atoi(e.Arg)
		if err != nil {
			panic(err)
		}
		os.Exit(code)
	case "respond and exit":
		respond(e.Arg)
		os.Exit(0)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "wait": // for a line from the pipe, and tells what the answer gets, twice
		line, err := os.ReadFile(e.Arg)
		if err != nil {
			panic(err)
		}
		for range 2 {
			fmt.Print(c.do("POST", path+"/response", bytes.NewReader(line)))
		}
	case "clock":
		ms, err := strconv.ParseFloat(header.Get("Lambda-Runtime-Deadline-Ms"), 64)
		if err != nil {
			panic(err)
		}
		respond([]float64{float64(time.Now().UnixMilli()) / 1000, float64(time.Now().UnixMilli()) / 1000, ms / 1000})
	case "variables":
		respond(os.Environ())
	case "hang":
		select {}
	default:
		panic(errors.New(e.Do))
	}
}

// truncated sends less than it announced and prints the answer.
func (c goClient) truncated(path string) {
	conn, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /2018-06-01%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nless", path)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		panic(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
