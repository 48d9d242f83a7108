package fragment_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/inject/fragment"
)

func TestDisabled(t *testing.T) {
	for _, c := range []struct {
		value  string
		all    bool
		agents []string
	}{
		{"", false, nil}, {"0", false, nil}, {"false", false, nil}, {"FALSE", false, nil}, {" 0 ", false, nil},
		{"1", true, nil}, {"true", true, nil}, {"*", true, nil}, {"a,*", true, nil},
		{"otel", false, []string{"otel"}}, {"otel, a.b ,,x", false, []string{"otel", "a.b", "x"}},
	} {
		all, agents := fragment.Disabled(c.value)
		assert.Equal(t, c.all, all, c.value)
		assert.Equal(t, c.agents, agents, c.value)
	}
}

// TestMisnamed: an agent whose fragment cannot be read is one too.
func TestMisnamed(t *testing.T) {
	fragments := []fragment.Fragment{{Name: "otel"}, {Name: "datadog"}}
	bad := []fragment.Problem{{Agent: "broken", Err: errors.New("x")}, {Err: errors.New("no fragment by its name")}}
	for _, test := range []struct {
		disabled  []string
		fragments []fragment.Fragment
		problems  []fragment.Problem
		want      []string
	}{
		{nil, fragments, bad, nil},
		{[]string{"otel", "broken"}, fragments, bad, nil},
		{[]string{"otl", "datadog", "Otel"}, fragments, bad, []string{"otl", "Otel"}},
		{[]string{"otel"}, nil, bad, []string{"otel"}},
		{[]string{"otel"}, nil, bad[1:], nil},
		{[]string{"otel"}, nil, nil, nil},
	} {
		assert.Equal(t, test.want, fragment.Misnamed(test.disabled, test.fragments, test.problems), "%q", test.disabled)
	}
}
