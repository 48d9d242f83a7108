package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
)

// TestPythonExtension runs the extension in Python, with its packages, beside a
// function of the oldest and of the newest Python: a line for each invocation
// and one for the end are in the log and reach the collector.
func TestPythonExtension(t *testing.T) {
	k := newKit(t)
	for _, name := range []string{"python3.8", "python3.13"} {
		t.Run(name, func(t *testing.T) {
			rt := testbed.Need(t, k.bed, name)
			var mu sync.Mutex
			var got []string
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var body struct{ Line string }
				assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
				mu.Lock()
				defer mu.Unlock()
				got = append(got, body.Line)
			}))
			defer collector.Close()
			recv, err := receiver.New()
			require.NoError(t, err)
			defer recv.Close()
			f, err := k.function(t.Context(), exampleIn(t, "python-extension"), rt, recv)
			testbed.NeedErr(t, err)
			var log, extension bytes.Buffer
			f.Stdout, f.Stderr = &log, &log
			f.ExtensionOutput = func(name string) io.Writer {
				if name != "invocation-log" {
					return io.Discard
				}
				return &extension
			}
			f.Env = append(f.Env, "INVOCATION_LOG_URL="+collector.URL)
			env, err := local.Start(t.Context(), f)
			require.NoError(t, err)
			defer env.Stop(context.WithoutCancel(t.Context()))
			var want []string
			for range 2 {
				answer, err := env.Invoke(t.Context(), []byte(`{}`))
				require.NoError(t, err)
				require.Empty(t, answer.FunctionError, "%s", answer.Body)
				want = append(want, "invocation "+answer.RequestID)
			}
			require.NoError(t, env.Stop(t.Context()))
			want = append(want, "the end: spindown")
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, want, got, "%s%s", &log, &extension)
			assert.Equal(t, "invocation-log: "+strings.Join(want, "\ninvocation-log: ")+"\n", extension.String())
		})
	}
}
