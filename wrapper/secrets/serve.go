package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/graft-lambda/graft/internal/secretsapi"
	"github.com/graft-lambda/graft/internal/store"
)

// linePrefix begins each line of serve.
const linePrefix = "graft-secrets: "

// The bounds of a connection with the function. One that is not used stays: the
// function may be frozen for hours, and a client that finds its connection
// closed when it goes on takes that for an error of its request.
const (
	maxHeader     = 16 << 10 // bytes of a request; a session token is some 1,500
	maxClients    = 512      // connections
	requestLimit  = 10 * time.Second
	answerLimit   = 15*time.Minute + requestLimit
	idleLimit     = 24 * time.Hour
	shutdownLimit = 300 * time.Millisecond
)

// serve answers as AWS's Parameters and Secrets extension does, until SIGTERM.
func serve() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	say := func(line string) { fmt.Fprintln(os.Stderr, linePrefix+line) }
	if err := serveUntil(ctx, os.Getenv, say); err != nil {
		say(err.Error())
		return exitFailed
	}
	return 0
}

// serveUntil listens on loopback until ctx is done.
func serveUntil(ctx context.Context, getenv func(string) string, say func(line string)) error {
	settings, problems := secretsapi.Read(getenv)
	if err := harden(); err != nil {
		problems = append(problems, "its memory is not kept from others: "+err.Error())
	}
	if len(settings.Tokens) == 0 {
		problems = append(problems, "neither AWS_SESSION_TOKEN nor AWS_CONTAINER_AUTHORIZATION_TOKEN is set: every request will be refused")
	}
	listeners, missing, err := listen(settings.Port)
	if err != nil {
		return err
	}
	if missing != "" {
		problems = append(problems, missing)
	}
	if settings.Level >= secretsapi.Warn {
		for _, p := range problems {
			say(p)
		}
	}
	handler := secretsapi.New(settings, connect, time.Now, say)
	if settings.SnapStart {
		go tick(ctx, handler)
	}
	return answer(ctx, handler, listeners)
}

// listen listens on the port of 127.0.0.1, and of ::1 where it can. A client of
// localhost may try ::1 first, and goes on to 127.0.0.1 if nobody listens there:
// missing says so if somebody else does.
func listen(port int) (listeners []net.Listener, missing string, err error) {
	number := strconv.Itoa(port)
	v4, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", number))
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("port %d of 127.0.0.1 is taken: another extension for parameters and secrets, or PARAMETERS_SECRETS_EXTENSION_HTTP_PORT names another's", port)
		}
		return nil, "", err
	}
	v6, err := net.Listen("tcp6", net.JoinHostPort("::1", number))
	switch {
	case err == nil:
		return []net.Listener{v4, v6}, "", nil
	case errors.Is(err, syscall.EADDRINUSE):
		missing = fmt.Sprintf("port %d of ::1 is taken: a client of localhost may find another program there", port)
	}
	return []net.Listener{v4}, missing, nil
}

// answer serves the listeners until ctx is done, and finishes what is under way
// then.
func answer(ctx context.Context, handler http.Handler, listeners []net.Listener) error {
	server := &http.Server{
		Handler:        handler,
		MaxHeaderBytes: maxHeader, ReadHeaderTimeout: requestLimit, ReadTimeout: requestLimit,
		WriteTimeout: answerLimit, IdleTimeout: idleLimit,
		ConnState: atMost(maxClients),
		// It would print what a panic was given, and what clients send.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- server.Serve(l) }()
	}
	select {
	case err := <-failed:
		server.Close()
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
	defer cancel()
	if server.Shutdown(end) != nil {
		server.Close()
	}
	return nil
}

// atMost closes each connection that comes while there are n.
func atMost(n int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(c net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			if open.Add(1) > n {
				c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}

// tick tells the handler of the time until ctx is done.
func tick(ctx context.Context, handler *secretsapi.Handler) {
	ticker := time.NewTicker(secretsapi.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			handler.Tick()
		case <-ctx.Done():
			return
		}
	}
}

// clients are the services of the function's own region and role.
type clients struct {
	parameters *ssm.Client
	secrets    *secretsmanager.Client
}

// connect makes the clients from the environment as it is now.
func connect(ctx context.Context) (secretsapi.Service, error) {
	c, err := store.New(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case err != nil:
		return nil, store.Problem(store.ConfigProblem(err))
	case c.Region("") == "":
		return nil, store.Problem("no region: set AWS_REGION")
	case !c.HasCredentials():
		return nil, store.Problem(store.NoCredentials)
	}
	return clients{c.Parameters("", ""), c.Secrets("", "")}, nil
}

func (c clients) GetParameter(ctx context.Context, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	return c.parameters.GetParameter(ctx, in)
}

func (c clients) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	return c.secrets.GetSecretValue(ctx, in)
}
