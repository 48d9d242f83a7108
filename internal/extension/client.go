// Package extension is a client of Lambda's Extensions API 2020-01-01 and of
// the Telemetry API's subscription, version 2022-07-01.
//
// It retries nothing and prints nothing: what is to be done about an error is
// its caller's business. No call has a time limit of its own. For [Client.Next]
// that is Lambda's rule: the environment may be frozen in it for hours. For
// [Client.Register] it is prudence: Lambda refuses a second registration, so
// whoever gives up on the first one has lost its identifier.
package extension

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	headerName       = "Lambda-Extension-Name"
	headerIdentifier = "Lambda-Extension-Identifier"
	headerFeatures   = "Lambda-Extension-Accept-Feature"
)

// maxAnswer is the longest answer that is read, in bytes. Events and errors
// are far below it.
const maxAnswer = 1 << 20

// A Client speaks to the API of one execution environment.
type Client struct {
	api  string
	http *http.Client
}

// New returns a client of the API at address, HOST:PORT as the variable
// AWS_LAMBDA_RUNTIME_API has it.
func New(address string) *Client {
	return &Client{api: address, http: &http.Client{
		Transport: &http.Transport{
			// No Proxy: HTTP_PROXY of the function is not meant for this.
			DialContext:        (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// A Registration is what Lambda answers to [Client.Register].
type Registration struct {
	// ID goes with every later call.
	ID              string `json:"-"`
	FunctionName    string `json:"functionName"`
	FunctionVersion string `json:"functionVersion"`
	Handler         string `json:"handler"`
	// AccountID is empty where Lambda does not say it.
	AccountID string `json:"accountId"`
}

// Register registers the extension name for events, which may be none. name
// must be the base name of its file in /opt/extensions; under any other name
// Lambda takes it for an internal extension.
//
// The error is an [*Error] if Lambda refused.
func (c *Client) Register(ctx context.Context, name string, events ...EventType) (Registration, error) {
	if events == nil {
		events = []EventType{}
	}
	answer, err := c.call(ctx, http.MethodPost, "/2020-01-01/extension/register",
		map[string]string{headerName: name, headerFeatures: "accountId"},
		map[string]any{"events": events})
	if err != nil {
		return Registration{}, fmt.Errorf("register: %w", err)
	}
	r := Registration{ID: answer.header.Get(headerIdentifier)}
	if r.ID == "" {
		return r, errors.New("register: answer without an identifier")
	}
	// The identifier is what counts: Lambda would refuse to register again.
	if err := json.Unmarshal(answer.body, &r); err != nil {
		return Registration{ID: r.ID}, nil
	}
	return r, nil
}

// Next says that the extension is done, and waits for the next event, however
// long that takes. An event of an unknown type is no error.
func (c *Client) Next(ctx context.Context, id string) (Event, error) {
	answer, err := c.call(ctx, http.MethodGet, "/2020-01-01/extension/event/next",
		map[string]string{headerIdentifier: id}, nil)
	if err != nil {
		return Event{}, fmt.Errorf("next: %w", err)
	}
	e, err := parseEvent(answer.body)
	if err != nil {
		return Event{}, fmt.Errorf("next: %w", err)
	}
	return e, nil
}

// An answer is a whole successful response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call makes one request. A status other than 200 to 299 is an [*Error].
func (c *Client) call(ctx context.Context, method, path string, header map[string]string, body any) (answer, error) {
	if c.api == "" {
		return answer{}, errors.New("no address: AWS_LAMBDA_RUNTIME_API is not set")
	}
	var send io.Reader = http.NoBody
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		send = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.api+path, send)
	if err != nil {
		return answer{}, errors.New("AWS_LAMBDA_RUNTIME_API is no address")
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, cause(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		return answer{}, newError(res.StatusCode, data)
	case err != nil:
		return answer{}, fmt.Errorf("answer cut short: %w", cause(err))
	case len(data) > maxAnswer:
		return answer{}, errors.New("answer too long")
	}
	return answer{res.StatusCode, res.Header, data}, nil
}

// oneLine keeps what a server sent in one line of bearable length.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if s = strings.TrimSpace(s); len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
