package check_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/layers/check"
)

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"opentelemtry": "opentelemetry", "50-otel": "otel", "otl": "otel", "datadog": "datadog",
		"newrelic": "", "dd": "", "": "",
	} {
		assert.Equal(t, want, check.Nearest(name, []string{"otel", "opentelemetry", "datadog", "apm"}), name)
	}
}
