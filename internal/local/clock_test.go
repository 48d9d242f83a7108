//go:build linux && amd64

package local_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

const hour = time.Hour

// pythonClocks is a runtime that answers with all ways to ask for the time.
const pythonClocks = `
import http.client, json, os, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(*request):
    api.request(*request)
    reply = api.getresponse()
    return reply.headers, reply.read()
while True:
    headers, _ = call("GET", "/2018-06-01/runtime/invocation/next")
    call("POST", "/2018-06-01/runtime/invocation/%s/response" % headers["Lambda-Runtime-Aws-Request-Id"], json.dumps([
        time.time(), time.clock_gettime(time.CLOCK_REALTIME), int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000]))
`

// nodeClocks is the same in JavaScript.
const nodeClocks = `
const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2018-06-01/runtime/invocation/";
(async () => { for (;;) {
  const event = await fetch(base + "next"); await event.text();
  await fetch(base + event.headers.get("Lambda-Runtime-Aws-Request-Id") + "/response", {method: "POST", body: JSON.stringify([
    Date.now() / 1000, new Date().getTime() / 1000, Number(event.headers.get("Lambda-Runtime-Deadline-Ms")) / 1000])});
} })()`

// Clocks of programs of several kinds go on an hour further, and then an hour
// more. Each answers with its clock, the same once more, and the deadline.
func TestAdvance(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	for name, command := range map[string][]string{
		"go":     nil, // a static program
		"bash":   {"/bin/bash", "-c", bashClient + `while next; do printf -v now '%(%s)T' -1; answer "[$EPOCHREALTIME,$now,0]"; done`},
		"python": {"python3", "-c", pythonClocks},
		"node":   {"node", "-e", nodeClocks},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := goFunction(t)
			if command != nil {
				f.Command = append([]string{testbed.NeedTool(t, command[0])}, command[1:]...)
				f.Mounts = nil
				f.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
			}
			f.Freeze = true
			e := start(t, f)
			for i, ahead := range []time.Duration{0, hour, hour, 2 * hour} {
				if i == 1 || i == 3 {
					require.NoError(t, e.Advance(bounded(t), hour-time.Millisecond)) // rounded up
				}
				before := time.Now()
				r := send(t, e, event{Do: "clock"})
				after := time.Now()
				var clocks [3]float64
				require.NoError(t, json.Unmarshal(r.Body, &clocks), string(r.Body))
				for _, clock := range clocks[:2] {
					got := time.UnixMilli(int64(clock * 1000))
					assert.WithinRange(t, got, before.Add(ahead-time.Second), after.Add(ahead+time.Second))
				}
				if told := time.UnixMilli(int64(clocks[2] * 1000)); name != "bash" {
					assert.WithinRange(t, told, before.Add(ahead), after.Add(ahead+deadline))
				}
			}
		})
	}
}

// A process elsewhere that has got the id of one that has ended keeps its clock.
func TestAdvanceElsewhere(t *testing.T) {
	t.Parallel()
	needIsolation(t)
	f := goFunction(t)
	f.Freeze = true
	e := start(t, f)
	other := exec.CommandContext(bounded(t), "/bin/bash", "-c", `read; printf '%(%s)T' -1`)
	var said bytes.Buffer
	other.Stdout = &said
	stdin, err := other.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	require.ErrorContains(t, local.SetClock(e, other.Process.Pid, 3600), "not in the namespace")
	_, err = stdin.Write([]byte("\n"))
	require.NoError(t, err)
	require.NoError(t, other.Wait())
	seconds, err := strconv.ParseInt(said.String(), 10, 64)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), time.Unix(seconds, 0), deadline)
}

// A snapshot is restored an hour later; after a reset the clock is the machine's.
func TestAdvanceSnapshot(t *testing.T) {
	t.Parallel()
	var o outputs
	const now = `printf -v now '%(%s)T' -1; `
	f := snapStart(t, &o, now+`echo $now; restore >/dev/null; `+now+`echo $now; serve`, map[string]string{"x": `register '"SHUTDOWN"'; next; ` + now + `echo $now`})
	f.Stdout = o.writer("runtime")
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	require.NoError(t, e.Advance(bounded(t), hour))
	require.NoError(t, e.Restore(bounded(t)))
	require.ErrorContains(t, e.Advance(bounded(t), hour), "advance: the environment is ready, not frozen")
	require.NoError(t, e.Stop(bounded(t)))
	seconds := func(line string) int {
		n, err := strconv.Atoi(line)
		require.NoError(t, err)
		return n
	}
	said := o.lines("runtime")
	require.Len(t, said, 2)
	assert.InDelta(t, 3600, seconds(said[1])-seconds(said[0]), deadline.Seconds())
	said = o.lines("x")
	require.Len(t, said, 3)
	var event struct{ DeadlineMs int64 }
	require.NoError(t, json.Unmarshal([]byte(said[1]), &event))
	assert.InDelta(t, event.DeadlineMs/1000, seconds(said[2]), 3, "deadlines are by the same clock")
}
