package invokeapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

type api struct {
	function Function
	places   chan struct{} // one is taken by each invocation
}

// maxClientContext bounds the header, decoded, in bytes.
const maxClientContext = 3583

// maxTail is how much of the log is in an answer, in bytes.
const maxTail = 4 << 10

func (a *api) invoke(w http.ResponseWriter, r *http.Request) {
	request, err := a.read(w, r)
	if err != nil {
		write(w, err)
		return
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	if kind == "Event" {
		a.later(w, r, request)
		return
	}
	defer a.give()
	switch kind {
	case "DryRun":
		w.Header().Set("X-Amz-Executed-Version", version)
		w.WriteHeader(http.StatusNoContent)
		return
	case "", "RequestResponse":
	default:
		write(w, invalid("invocation type %q", kind))
		return
	}
	answer, err := a.call(r.Context(), request)
	if err != nil {
		write(w, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	answered(header, answer)
	if answer.FunctionError != "" {
		header.Set("X-Amz-Function-Error", answer.FunctionError)
	}
	if request.Tail {
		header.Set("X-Amz-Log-Result", logResult(answer.Log))
	}
	hurry(w)
	_, _ = w.Write(answer.Body) // a caller that is gone
}

// later answers at once; what becomes of the invocation nobody is told. It
// gives the place back when that is over.
func (a *api) later(w http.ResponseWriter, r *http.Request, request Request) {
	ctx := context.WithoutCancel(r.Context())
	go func() {
		defer a.give()
		_, _ = a.function.Invoke(ctx, request)
	}()
	w.WriteHeader(http.StatusAccepted)
}

// call invokes the function, when it is the request's turn.
func (a *api) call(ctx context.Context, request Request) (Answer, error) {
	answer, err := a.function.Invoke(ctx, request)
	if err != nil {
		return answer, fault{500, "ServiceException", err.Error(), ""}
	}
	return answer, nil
}

func (a *api) take() error {
	select {
	case a.places <- struct{}{}:
		return nil
	default:
		return fault{429, "TooManyRequestsException", "Rate Exceeded.", "ConcurrentInvocationLimitExceeded"}
	}
}

func (a *api) give() { <-a.places }

// read returns what is asked for, or the fault to answer with. Without a fault
// a place is taken, which the caller gives back: before the payload is read, so
// that not more of them than there are places are held in memory.
func (a *api) read(w http.ResponseWriter, r *http.Request) (Request, error) {
	if name := functionName(r.PathValue("name")); name != a.function.Name {
		return Request{}, fault{404, "ResourceNotFoundException",
			fmt.Sprintf("Function not found: %s (here is only %s)", r.PathValue("name"), a.function.ARN), ""}
	}
	request := Request{Trace: r.Header.Get("X-Amzn-Trace-Id")}
	switch kind := r.Header.Get("X-Amz-Log-Type"); kind {
	case "", "None":
	case "Tail":
		request.Tail = true
	default:
		return request, invalid("log type %q", kind)
	}
	var err error
	if request.ClientContext, err = clientContext(r.Header.Get("X-Amz-Client-Context")); err != nil {
		return request, err
	}
	if err := a.take(); err != nil {
		return request, err
	}
	if request.Payload, err = payload(w, r); err != nil {
		a.give()
	}
	return request, err
}

// payload reads the event.
func payload(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, fault{413, "RequestTooLargeException",
			fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", MaxPayload), ""}
	case err != nil:
		return nil, fault{400, "InvalidRequestContentException", "the request broke off", ""}
	case len(data) == 0:
		data = []byte("{}")
	case !json.Valid(data):
		return nil, fault{400, "InvalidRequestContentException", "Could not parse request body into json", ""}
	}
	return data, nil
}

// functionName takes the name from what may be a name, a whole or a partial
// ARN, each with or without a qualifier.
func functionName(text string) string {
	parts := strings.Split(text, ":")
	for i, part := range parts[:len(parts)-1] {
		if part == "function" {
			return parts[i+1]
		}
	}
	return parts[0]
}

func clientContext(header string) ([]byte, error) {
	if header == "" {
		return nil, nil
	}
	text, err := base64.StdEncoding.DecodeString(header)
	if err != nil || !json.Valid(text) || len(text) > maxClientContext {
		return nil, fault{400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.", ""}
	}
	return text, nil
}

func answered(header http.Header, answer Answer) {
	header.Set("X-Amzn-Requestid", answer.RequestID)
	header.Set("X-Amz-Executed-Version", version)
	if answer.Trace != "" {
		header.Set("X-Amzn-Trace-Id", answer.Trace)
	}
}

func logResult(log []byte) string {
	return base64.StdEncoding.EncodeToString(log[max(0, len(log)-maxTail):])
}

// writeLimit is how long a caller may take to read an answer.
const writeLimit = time.Minute

// hurry bounds the writing of the answer.
func hurry(w http.ResponseWriter) {
	// Without a connection, as in a test, there is nothing to bound.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeLimit))
}
