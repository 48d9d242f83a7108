//go:build linux

package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
)

// The first invocation tries again what failed in the init, and gets the error
// if that fails as well.
func TestRetryInit(t *testing.T) {
	t.Parallel()
	const once, always = `[[ -e /tmp/again ]] || { touch /tmp/again; exit 9; }; `, `exit 9; `
	const answering = bashClient + `while next; do answer 1; done`
	tests := []struct {
		name, runtime, extension string
		first, then              string // errors
	}{
		{"runtime, once", once + answering, both, "Runtime.ExitError", ""},
		{"runtime, always", always, both, "Runtime.ExitError", "Runtime.ExitError"},
		{"extension, once", answering, once + both, "Extension.Crash", ""},
		{"extension, always", answering, always, "Extension.Crash", "Extension.Crash"},
		{"no failure", answering, both, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var o outputs
			f := with(t, &o, map[string]string{"x": test.extension})
			f.Command, f.Mounts = []string{"/bin/bash", "-c", test.runtime}, nil
			f.TmpSize = 1 << 20
			f.RetryInit = true
			e := start(t, f)
			if test.first == "" {
				assert.Nil(t, e.InitError())
				assert.Equal(t, local.PhaseReady, e.Phase())
			} else {
				require.NotNil(t, e.InitError())
				assert.Equal(t, test.first, e.InitError().Type)
				assert.Equal(t, 9, e.InitError().ExitCode)
				assert.Equal(t, local.PhaseDown, e.Phase())
			}
			r, err := e.Invoke(bounded(t), []byte(`{}`))
			require.NoError(t, err)
			assert.Equal(t, test.then, r.ErrorType)
			assert.Equal(t, test.first != "", r.Init > 0)
		})
	}
}

// It is not for what is no error of the function, nor for other init types.
func TestRetryInitNot(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	for _, initType := range []local.InitType{local.ProvisionedConcurrency, local.SnapStart, local.ManagedInstances} {
		f := bash(`exit 9`)
		f.RetryInit, f.InitType = true, initType
		_, err := local.Start(bounded(t), f)
		var failure *local.InitError
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, "Runtime.ExitError", failure.Type)

		f = bash(`exec sleep 1000`)
		f.InitType, f.InitTimeout = initType, 100*time.Millisecond
		_, err = local.Start(bounded(t), f)
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, "Sandbox.Timedout", failure.Type)
		assert.Equal(t, "init took longer than 100ms", failure.Message)
	}
	ctx, cancel := context.WithCancel(bounded(t))
	running := make(started, 1)
	go func() { <-running; cancel() }()
	f := bash(`echo; exec sleep 1000`)
	f.RetryInit, f.Stdout = true, running
	_, err := local.Start(ctx, f)
	assert.ErrorIs(t, err, context.Canceled)
}
