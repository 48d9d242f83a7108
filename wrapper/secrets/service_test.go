package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A service stands in for Parameter Store, Secrets Manager and STS where moto
// does not break as they do. It knows everything that begins with /app/ or app-
// in region us-east-1.
type service struct {
	URL string
	// fault answers in the service's place; nil has it do its work.
	fault func(call) *reply

	mu    sync.Mutex
	calls map[string]int
}

// A call is what a request wants.
type call struct {
	action string // GetParameters
	n      int    // of this action, from 1
	names  []string
	signed time.Time // the caller's clock
	done   <-chan struct{}
}

// A reply is an answer to a call.
type reply struct {
	status int // 0: 200
	body   any
	date   time.Time // the service's clock; zero: the real one
	cut    bool      // the connection ends in the middle
}

// failed is how a service says no. Its message is a secret to whoever prints it.
func failed(code string) *reply {
	return &reply{status: 400, body: map[string]string{"__type": "com.amazonaws#" + code, "message": leak}}
}

// leak is in everything that must not be printed.
const leak = "s3cret"

func newService(t testing.TB, fault func(call) *reply) *service {
	s := &service{fault: fault, calls: make(map[string]int)}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func (s *service) count(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[action]
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Names, SecretIdList []string
		SecretId            string
	}
	_, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !ok {
		action = "AssumeRole"
	} else if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.calls[action]++
	c := call{action: action, n: s.calls[action], names: slices.Concat(in.Names, in.SecretIdList), done: r.Context().Done()}
	s.mu.Unlock()
	if in.SecretId != "" {
		c.names = []string{in.SecretId}
	}
	c.signed, _ = time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	here := strings.Contains(r.Header.Get("Authorization"), "/us-east-1/")
	var out *reply
	if s.fault != nil {
		out = s.fault(c)
	}
	if out == nil {
		out = work(c, here)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if !out.date.IsZero() {
		w.Header().Set("Date", out.date.UTC().Format(http.TimeFormat))
	}
	body, isText := out.body.(string)
	if !isText {
		data, err := json.Marshal(out.body)
		if err != nil {
			panic(err)
		}
		body = string(data)
	}
	if out.cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+1))
	}
	w.WriteHeader(max(out.status, http.StatusOK))
	_, _ = w.Write([]byte(body))
}

// valueOf is what the service keeps by a name: it is JSON for some.
func valueOf(name string) string {
	if strings.HasSuffix(name, "-json") {
		return `{"user":"s3cret-user","password":"s3cret-password"}`
	}
	return "s3cret value of " + name
}

type object map[string]any

// work does what the services do.
func work(c call, here bool) *reply {
	found, missing := []object{}, []object{}
	invalid := []string{}
	for _, name := range c.names {
		if here && (strings.HasPrefix(name, "/app/") || strings.HasPrefix(name, "app-")) {
			found = append(found, object{"Name": name, "Value": valueOf(name), "SecretString": valueOf(name)})
			continue
		}
		invalid = append(invalid, name)
		missing = append(missing, object{"SecretId": name, "ErrorCode": "ResourceNotFoundException", "Message": leak})
	}
	switch c.action {
	case "GetParameters":
		return &reply{body: object{"Parameters": found, "InvalidParameters": invalid}}
	case "BatchGetSecretValue":
		return &reply{body: object{"SecretValues": found, "Errors": missing}}
	case "GetSecretValue":
		if len(found) == 0 {
			return failed("ResourceNotFoundException")
		}
		return &reply{body: found[0]}
	case "GetParametersByPath":
		return &reply{body: object{"Parameters": []object{{"Name": "/app/one", "Value": valueOf("/app/one")}}}}
	}
	return &reply{body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>` +
		`<AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>` +
		`</Credentials></AssumeRoleResult></AssumeRoleResponse>`}
}
