//go:build linux

package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/telemetry"
)

// bufferingVariable tells the extension of these tests how to subscribe.
const bufferingVariable = "TEST_BUFFERING"

// A heard is what that extension writes of each event: what its listener had
// got until then.
type heard struct {
	Event  string
	Types  []string
	Listen string
}

// telExtension is an extension with a real listener: the program "tel-ext".
func telExtension() {
	c := goClient{base: "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")}
	request, err := http.NewRequest("POST", c.base+ext+"/register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	if err != nil {
		panic(err)
	}
	request.Header.Set(nameIs, "tel-ext")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	response.Body.Close()
	id := response.Header.Get(idIs)
	got := newEvents()
	l, err := telemetry.Listen(context.Background(), telemetry.Receiver{Accept: got.accept})
	if err != nil {
		panic(err)
	}
	body := wanting("2025-01-29", `"platform","function"`, os.Getenv(bufferingVariable), to(l.URI()))
	if a := c.do("PUT", telemetryPath, strings.NewReader(body), idIs, id); a != (answer{200, `"OK"`}) {
		panic(a)
	}
	for {
		request, err := http.NewRequest("GET", c.base+ext+"/event/next", nil)
		if err != nil {
			panic(err)
		}
		request.Header.Set(idIs, id)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		text, err := io.ReadAll(response.Body)
		if err != nil {
			panic(err)
		}
		var event struct{ EventType string }
		if err := json.Unmarshal(text, &event); err != nil {
			panic(err)
		}
		line, err := json.Marshal(heard{Event: event.EventType, Types: types(got.list()), Listen: l.Addr().String()})
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
		if event.EventType == "SHUTDOWN" {
			return
		}
	}
}

// withTelemetry returns a function whose extension tel-ext subscribes.
func withTelemetry(t *testing.T, o *outputs, buffering string) local.Function {
	needIsolation(t)
	f := goFunction(t)
	f.Mounts = append(f.Mounts, local.Mount{Source: f.Mounts[0].Source, Target: "/opt/extensions/tel-ext"})
	f.Env = []string{bufferingVariable + "=" + buffering}
	f.ExtensionOutput = o.writer
	f.InitTimeout = deadline
	return f
}

func (o *outputs) heard(t *testing.T) (all []heard) {
	for _, line := range o.lines("tel-ext") {
		var h heard
		require.NoError(t, json.Unmarshal([]byte(line), &h), line)
		all = append(all, h)
	}
	return all
}

// What has waited for company is delivered before the event SHUTDOWN.
func TestFlushAtShutdown(t *testing.T) {
	t.Parallel()
	for name, freeze := range map[string]bool{"not frozen": false, "frozen": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o outputs
			f := withTelemetry(t, &o, `"timeoutMs":30000`)
			f.Freeze = freeze
			e, err := local.Start(bounded(t), f)
			require.NoError(t, err)
			for range 2 {
				send(t, e, event{Do: "echo", Arg: "1"})
			}
			require.NoError(t, e.Stop(context.Background()))
			all := o.heard(t)
			require.Len(t, all, 3)
			assert.Empty(t, all[1].Types)
			assert.Equal(t, heard{"SHUTDOWN", []string{
				"initStart", "telemetrySubscription", "initRuntimeDone", "extension", "initReport",
				"start", "runtimeDone", "report", "start", "runtimeDone", "report",
			}, all[2].Listen}, all[2])
			assert.True(t, strings.HasPrefix(all[2].Listen, "127.0.0.1:"), all[2].Listen)
		})
	}
}

// While all is frozen nothing is delivered; what came before is not lost.
func TestFreezeHoldsDeliveries(t *testing.T) {
	t.Parallel()
	var o outputs
	f := withTelemetry(t, &o, atOnce)
	f.Freeze = true
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	const n = 20
	for range n {
		send(t, e, event{Do: "echo", Arg: "1"})
	}
	require.NoError(t, e.Stop(context.Background()))
	all := o.heard(t)
	require.Len(t, all, n+1)
	last := all[n].Types
	for _, kind := range []string{"start", "runtimeDone", "report"} {
		assert.Equal(t, n, len(slices.DeleteFunc(slices.Clone(last), func(s string) bool { return s != kind })), kind)
	}
}

// The report of what was reset, and the subscription of who comes after it.
func TestTelemetryAcrossAReset(t *testing.T) {
	t.Parallel()
	var o outputs
	f := withTelemetry(t, &o, `"timeoutMs":30000`)
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	r := send(t, e, event{Do: "exit", Arg: "3"})
	assert.Equal(t, "Runtime.ExitError", r.ErrorType)
	send(t, e, event{Do: "echo", Arg: "1"})
	require.NoError(t, e.Stop(context.Background()))
	all := o.heard(t)
	require.Len(t, all, 4)
	init := []string{"initStart", "telemetrySubscription", "initRuntimeDone", "extension", "initReport"}
	assert.Equal(t, "SHUTDOWN", all[1].Event)
	assert.Equal(t, append(slices.Clone(init), "start", "runtimeDone", "report"), all[1].Types)
	assert.Equal(t, "SHUTDOWN", all[3].Event)
	assert.Equal(t, append(slices.Clone(init), "start", "runtimeDone", "report"), all[3].Types)
}
