package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/graft-lambda/graft/internal/invokeapi"
	"github.com/graft-lambda/graft/internal/local"
)

// ServeAddress returns the address that text stands for: PORT, :PORT or
// HOST:PORT, where HOST is an address of loopback or localhost. Port 0 is a
// free one.
func ServeAddress(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = "", text
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q: want PORT or 127.0.0.1:PORT", text)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if addr, err := netip.ParseAddr(host); err != nil || !addr.IsLoopback() {
		return "", fmt.Errorf("%q: the function is served to this machine only: give 127.0.0.1:%s, or just %s", text, port, port)
	}
	return net.JoinHostPort(host, port), nil
}

// serve offers the Invoke API until ctx ends.
func (r *run) serve(ctx context.Context) error {
	// First, so that a port that is taken is known before anything starts.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", r.Serve)
	if err != nil {
		return fmt.Errorf("--serve: %w", err)
	}
	defer listener.Close()
	if err := r.start(ctx); err != nil {
		r.out.flush()
		return err
	}
	if r.env == nil {
		r.out.flush()
		r.out.say("%v", r.failure)
		r.out.hint(hint(r.Function, r.failure))
		return ErrFailed
	}
	server := &http.Server{
		Handler:           invokeapi.Handler(invokeapi.Function{Name: r.Function.Name, ARN: r.env.ARN(), Invoke: r.invoke}),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	url := "http://" + listener.Addr().String()
	r.out.say("serving on %s until Ctrl-C; such as:", url)
	r.out.say("  aws lambda invoke --endpoint-url %s --function-name %s answer.json", url, r.Function.Name)
	r.out.say("  curl -d '{}' %s/2015-03-31/functions/%s/invocations", url, r.Function.Name)
	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
	}
	err = errors.Join(err, r.end(ctx))
	// The invocations are over; their answers need no long time.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(closing) != nil {
		server.Close()
	}
	return errors.Join(err, ctx.Err())
}

// invoke is what the Invoke API calls. Whoever asked waits no longer than
// until the answer, except for a log, which ends later.
func (r *run) invoke(ctx context.Context, request invokeapi.Request) (invokeapi.Answer, error) {
	var options []local.InvokeOption
	if !request.Tail {
		options = append(options, local.Early())
	}
	if request.Trace != "" {
		options = append(options, local.Trace(request.Trace))
	}
	if request.ClientContext != nil {
		options = append(options, local.ClientContext(string(request.ClientContext)))
	}
	response, err := r.env.Invoke(ctx, request.Payload, options...)
	if err != nil {
		return invokeapi.Answer{}, err
	}
	answer := invokeapi.Answer{
		Body: response.Body, FunctionError: response.FunctionError,
		RequestID: response.RequestID, Trace: response.TraceHeader,
	}
	if response.StreamError != nil {
		answer.Body, answer.FunctionError = response.StreamError, "Unhandled"
	}
	if request.Tail {
		answer.Log = r.record.tail(response.RequestID)
	}
	return answer, nil
}
