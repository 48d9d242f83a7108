package otlp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/graft-lambda/graft/internal/export"
	"github.com/stretchr/testify/assert"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
)

func TestConfigure(t *testing.T) {
	t.Parallel()
	const p = "OTEL_EXPORTER_OTLP_"
	type m = map[string]string
	signal := func(change func(*Signal)) Signal {
		s := Signal{URL: "http://localhost:4318/v1/traces", Timeout: 10 * time.Second, Gzip: true}
		change(&s)
		return s
	}
	address := func(url string) Signal { return signal(func(s *Signal) { s.URL = url }) }
	for _, test := range []struct {
		name     string
		env      m
		traces   Signal
		problems []string
	}{
		{"nothing", nil, address("http://localhost:4318/v1/traces"), nil},
		{"empty is unset", m{p + "ENDPOINT": " ", p + "TIMEOUT": ""}, address("http://localhost:4318/v1/traces"), nil},
		{"base", m{p + "ENDPOINT": "https://x:1"}, address("https://x:1/v1/traces"), nil},
		{"base with a slash", m{p + "ENDPOINT": "https://x/"}, address("https://x/v1/traces"), nil},
		{"base with a path", m{p + "ENDPOINT": "https://x/otlp"}, address("https://x/otlp/v1/traces"), nil},
		{"own, as it is", m{p + "ENDPOINT": "https://x", p + "TRACES_ENDPOINT": "http://y:9/in"}, address("http://y:9/in"), nil},
		{"own, no path", m{p + "TRACES_ENDPOINT": "http://y:9"}, address("http://y:9/"), nil},
		{"no scheme", m{p + "ENDPOINT": "x:4317"}, address("http://localhost:4318/v1/traces"), []string{p + "ENDPOINT: not an http or https address"}},
		{"headers", m{p + "HEADERS": "a=1, b-c = x%3Dy%2Cz ,,"}, signal(func(s *Signal) { s.Headers = Headers{"A": {"1"}, "B-C": {"x=y,z"}} }), nil},
		{"own headers", m{p + "HEADERS": "a=1", p + "TRACES_HEADERS": "b=2"}, signal(func(s *Signal) { s.Headers = Headers{"B": {"2"}} }), nil},
		{"bad headers", m{p + "HEADERS": "s3cret,a=%zz,b=1,c=x%0Ay,d e=1"}, signal(func(s *Signal) { s.Headers = Headers{"B": {"1"}} }), []string{p + "HEADERS: not a list of key=value"}},
		{"timeout", m{p + "TIMEOUT": "250"}, signal(func(s *Signal) { s.Timeout = 250 * time.Millisecond }), nil},
		{"bad timeout", m{p + "TIMEOUT": "10s"}, signal(func(*Signal) {}), []string{p + "TIMEOUT: not a number of milliseconds"}},
		{"bad own timeout", m{p + "TRACES_TIMEOUT": "-1"}, signal(func(*Signal) {}), []string{p + "TRACES_TIMEOUT: not a number of milliseconds"}},
		{"plain", m{p + "COMPRESSION": "none"}, signal(func(s *Signal) { s.Gzip = false }), nil},
		{"compression", m{p + "COMPRESSION": "zstd"}, signal(func(*Signal) {}), []string{p + "COMPRESSION: neither gzip nor none"}},
		{"protocol", m{p + "PROTOCOL": "grpc"}, signal(func(*Signal) {}), []string{p + "PROTOCOL: http/protobuf is used here"}},
		{"certificate", m{p + "CERTIFICATE": "/a.pem"}, signal(func(s *Signal) { s.Certificate = "/a.pem" }), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			traces, logs, problems := Configure(env(test.env))
			assert.Equal(t, test.traces, traces)
			assert.NotEqual(t, traces.URL, logs.URL)
			var texts []string
			for _, problem := range problems {
				texts = append(texts, problem.Error())
			}
			assert.Equal(t, test.problems, texts)
		})
	}
}

func TestHeadersAreSecret(t *testing.T) {
	t.Parallel()
	s := Signal{Headers: Headers{"Api-Key": {"s3cret"}}}
	text, err := json.Marshal(s)
	assert.NoError(t, err)
	for _, shown := range []string{string(text), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v", s, s, s), fmt.Sprintf("%s %q %x %v", s.Headers, s.Headers, s.Headers, s.Headers), fmt.Sprint(s.Headers), fmt.Sprintf("%#v", &s)} {
		assert.NotContains(t, shown, "s3cret")
		assert.NotContains(t, shown, "733363726574")
		assert.NotContains(t, shown, "Api-Key")
	}
	assert.Equal(t, "s3cret", http.Header(s.Headers).Get("api-key"))
}

func TestResource(t *testing.T) {
	t.Parallel()
	type m = map[string]string
	for _, test := range []struct {
		name string
		env  m
		of   export.Function
		want map[string]any
	}{
		{"nothing", nil, export.Function{}, map[string]any{"service.name": "unknown_service", "cloud.provider": "aws", "cloud.platform": "aws_lambda"}},
		{"as in the runtime", m{"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "3", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f", "AWS_LAMBDA_LOG_STREAM_NAME": "2026/[3]x", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "many"}, export.Function{},
			map[string]any{"service.name": "f", "cloud.provider": "aws", "cloud.platform": "aws_lambda", "cloud.region": "eu-west-1", "faas.name": "f", "faas.version": "3", "faas.instance": "2026/[3]x", "aws.log.group.names": []string{"/aws/lambda/f"}, "aws.log.stream.names": []string{"2026/[3]x"}}},
		{"the owner's win", m{"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "service.name=no,cloud.region=mars,a=%C3%A9"}, export.Function{Name: "f", Version: "1"},
			map[string]any{"service.name": "shop", "cloud.provider": "aws", "cloud.platform": "aws_lambda", "cloud.region": "mars", "a": "é", "faas.name": "f", "faas.version": "1"}},
		{"wrong, so left out", m{"OTEL_RESOURCE_ATTRIBUTES": "a=1,b"}, export.Function{Name: "f"},
			map[string]any{"service.name": "f", "cloud.provider": "aws", "cloud.platform": "aws_lambda", "faas.name": "f"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := map[string]any{}
			for _, a := range Resource(env(test.env), test.of).Attributes {
				if array, ok := a.Value.Value.(*commonpb.AnyValue_ArrayValue); ok {
					got[a.Key] = []string{array.ArrayValue.Values[0].GetStringValue()}
				} else {
					got[a.Key] = a.Value.GetStringValue()
				}
			}
			assert.Equal(t, test.want, got)
		})
	}
}
