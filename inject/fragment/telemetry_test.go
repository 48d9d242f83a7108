package fragment_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

func TestParseTelemetry(t *testing.T) {
	all := []string{"platform", "function", "extension"}
	for _, c := range []struct {
		name     string
		env      inject.Env
		want     fragment.Telemetry
		problems []string
	}{
		{"unset", nil, fragment.Telemetry{}, nil},
		{"empty", inject.Env{"GRAFT_TELEMETRY=", "GRAFT_TELEMETRY_TO=s3cret", "GRAFT_TELEMETRY_FLUSH=s3cret"}, fragment.Telemetry{}, nil},
		{"by default", inject.Env{"GRAFT_TELEMETRY=platform"}, fragment.Telemetry{Events: all[:1], To: []string{"stdout"}}, nil},
		{"async", inject.Env{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=async"}, fragment.Telemetry{Events: all[:1], To: []string{"stdout"}}, nil},
		{"everything", inject.Env{"GRAFT_TELEMETRY=extension, platform,,function", "GRAFT_TELEMETRY_TO=otlp,emf,stdout", "GRAFT_TELEMETRY_FLUSH=end"},
			fragment.Telemetry{Events: all, To: []string{"stdout", "emf", "otlp"}, HoldEnd: true}, nil},
		{"unknown", inject.Env{"GRAFT_TELEMETRY=Platform,platform,s3cret", "GRAFT_TELEMETRY_TO=s3cret,otlp", "GRAFT_TELEMETRY_FLUSH=s3cret"},
			fragment.Telemetry{Events: all[:1], To: []string{"otlp"}}, []string{
				"GRAFT_TELEMETRY: name 1 is none of platform, function, extension: left out",
				"GRAFT_TELEMETRY: name 3 is none of platform, function, extension: left out",
				"GRAFT_TELEMETRY_TO: name 1 is none of stdout, emf, otlp: left out",
				"GRAFT_TELEMETRY_FLUSH: is neither async nor end: ignored",
			}},
		{"nothing left", inject.Env{"GRAFT_TELEMETRY=s3cret"}, fragment.Telemetry{}, []string{
			"GRAFT_TELEMETRY: name 1 is none of platform, function, extension: left out"}},
		{"nowhere", inject.Env{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_TO=,"}, fragment.Telemetry{}, []string{
			"GRAFT_TELEMETRY_TO: names nothing to send to: no telemetry"}},
		{"nothing to send", inject.Env{"GRAFT_TELEMETRY=function,extension", "GRAFT_TELEMETRY_TO=stdout,emf"}, fragment.Telemetry{}, []string{
			"GRAFT_TELEMETRY: stdout and emf take platform events only: no telemetry"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, errs := fragment.ParseTelemetry(c.env.Lookup)
			assert.Equal(t, c.want, got)
			var problems []string
			for _, err := range errs {
				problems = append(problems, err.Error())
			}
			assert.Equal(t, c.problems, problems)
		})
	}
}
