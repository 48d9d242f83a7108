package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

// TestSecurityAgent loads a library in C into an unmodified function, which
// then can start no shell, and runs the program that the library reports to.
func TestSecurityAgent(t *testing.T) {
	k := newKit(t)
	ex, rt := exampleIn(t, "security-agent"), testbed.Need(t, k.bed, "python3.13")

	tr := try(t, k, ex, rt)
	assert.Contains(t, string(tr.responses[0].Body), `"shell": "Permission denied"`)
	assert.Equal(t, invocations, strings.Count(tr.companion, "guard: refused /bin/sh"), tr.companion)

	tr = try(t, k, ex, rt, "GRAFT_DISABLE=guard")
	assert.Contains(t, string(tr.responses[0].Body), `"shell": "a shell has run"`)
	assert.NotContains(t, tr.companion, "guard: ")
}

// TestSecurityAgentForAnotherLibc builds the library for musl: in a function on
// glibc it would end the runtime with status 127, so graft leaves it out.
func TestSecurityAgentForAnotherLibc(t *testing.T) {
	k := newKit(t)
	k.built = ""
	ex, rt := exampleIn(t, "security-agent"), testbed.Need(t, k.bed, "python3.13")
	opt, err := k.layer(t.Context(), ex)
	testbed.NeedErr(t, err)
	folders, err := inTree(t.Context(), ex.folders()...)
	require.NoError(t, err)
	testbed.NeedErr(t, makeAgent(t.Context(), "musl-gcc", folders[0], opt))

	tr := try(t, k, ex, rt)
	assert.Contains(t, string(tr.responses[0].Body), `"shell": "a shell has run"`)
	assert.Regexp(t, `guard: skipped: /opt/guard/libguard\.so: .*musl`, tr.log)
}

// TestVendorWrapper runs another vendor's own wrapper after graft, with an agent
// of graft's in the same process.
func TestVendorWrapper(t *testing.T) {
	k := newKit(t)
	ex, rt := exampleIn(t, "vendor-wrapper"), testbed.Need(t, k.bed, "python3.13")
	tr := try(t, k, ex, rt)
	assert.Contains(t, string(tr.responses[0].Body), `"site": "example.com", "faulthandler": true`)
	assert.Equal(t, 1, strings.Count(tr.log, "start-time: 2"), tr.log)

	ex.env = nil
	tr = try(t, k, ex, rt)
	assert.Contains(t, string(tr.responses[0].Body), `"site": null, "faulthandler": false`)
	assert.Equal(t, 1, strings.Count(tr.log, "start-time: 2"), tr.log)
}
