//go:build linux

package local_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

// TestLifecycleConformance has the same processes fail here and in AWS's own
// emulator, and compares what the caller gets.
func TestLifecycleConformance(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	bed, err := testbed.Open()
	require.NoError(t, err)
	const at = "#!/bin/bash\necho at $AWS_LAMBDA_RUNTIME_API\n"
	const answering = at + bashClient + `while next; do answer '{"ok":true}'; done`
	extension := func(script string) string { return at + bashExtension + script }
	tests := []struct {
		name, runtime, extension string
		timeout                  time.Duration
	}{
		{name: "answer", runtime: answering},
		{name: "answer, with an extension", runtime: answering, extension: extension(both)},
		{name: "answer, with one that asks for nothing", runtime: answering, extension: extension(nothing)},
		{name: "runtime exits", runtime: at + bashClient + `next; exit 3`},
		{name: "runtime exits with 0", runtime: at + bashClient + `next; exit 0`},
		{name: "runtime is killed", runtime: at + bashClient + `next; kill -9 $$`},
		{name: "runtime exits, with an extension", runtime: at + bashClient + `next; exit 3`, extension: extension(both)},
		{name: "extension exits", runtime: at + bashClient + `next; exec sleep 1000`, extension: extension(`register '"INVOKE"'; next; exit 9`)},
		{name: "extension exits with 0", runtime: at + bashClient + `next; exec sleep 1000`, extension: extension(`register '"INVOKE"'; next; exit 0`)},
		{name: "extension is killed", runtime: at + bashClient + `next; exec sleep 1000`, extension: extension(`register '"INVOKE"'; next; kill -9 $$`)},
		{name: "extension reports and exits", runtime: at + bashClient + `next; exec sleep 1000`,
			extension: extension(`register '"INVOKE"'; next; report exit My.Error; exit 2`)},
		{name: "timeout", runtime: at + bashClient + `next; exec sleep 1000`, timeout: 2 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := scripts(t, test.runtime, test.extension)
			if test.timeout != 0 {
				f.Timeout = test.timeout
			}
			ours := ourSession(t, f)
			theirs := theirSession(t, bed, f)
			got, want := ours.normal(<-ours.begin(`{}`)).Body, theirs.normal(<-theirs.begin(`{}`)).Body
			compare(t, test.name, want, got)
			if test.name == "timeout" {
				assert.Equal(t, "Task timed out after 2.00 seconds", want)
				assert.Contains(t, got, want)
			}
		})
	}
}
