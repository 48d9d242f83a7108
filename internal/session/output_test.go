package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/telemetry"
)

func TestOutput(t *testing.T) {
	var text strings.Builder
	o := &output{w: &text}
	a, b := o.source("a"), o.source("b\x1b[2J")
	fmt.Fprint(a, "one\ntw")
	fmt.Fprint(b, "\nother")
	fmt.Fprint(a, "o\nthree")
	a.Flush()
	a.Flush()
	fmt.Fprint(a, "four")
	o.flush()
	o.flush()
	assert.Equal(t, "a | one\nb?[2J | \na | two\na | three\na | four\nb?[2J | other\n", text.String())
}

func TestOutputSays(t *testing.T) {
	var text strings.Builder
	o := &output{w: &text}
	o.say("exec: %s", "/opt/extensions/\u202e\u009b2J\n")
	assert.Equal(t, "graft: exec: /opt/extensions/??2J?\n", text.String())
}

func TestOutputLongLines(t *testing.T) {
	var text strings.Builder
	o := &output{w: &text}
	long := strings.Repeat("x", maxLine)
	fmt.Fprint(o.source("a"), long+"y\n"+long+"\nz\n")
	assert.Equal(t, []string{"a | " + long, "a | y", "a | " + long, "a | z", ""}, strings.Split(text.String(), "\n"))
}

// TestOutputReturns makes lines of what would be written over on a terminal.
func TestOutputReturns(t *testing.T) {
	var text strings.Builder
	o := &output{w: &text}
	fmt.Fprint(o.source("a"), "one\r\n[ERROR] bad\rTraceback\r\n10%\r20%")
	o.flush()
	assert.Equal(t, "a | one\na | [ERROR] bad\na | Traceback\na | 10%\na | 20%\n", text.String())
}

// TestOutputTogether has many write at once, and finds every line whole.
func TestOutputTogether(t *testing.T) {
	var text strings.Builder
	o := &output{w: &text}
	var writers sync.WaitGroup
	for i := range 10 {
		writers.Go(func() {
			s := o.source("s")
			for range 100 {
				fmt.Fprintf(s, "line of %d\n", i)
				o.say("own")
			}
		})
	}
	writers.Wait()
	for line := range strings.Lines(text.String()) {
		assert.Regexp(t, `^(s \| line of \d|graft: own)\n$`, line)
	}
	assert.Equal(t, 2000, strings.Count(text.String(), "\n"))
}

// TestTails follows the logs of two invocations, and forgets the first of many.
func TestTails(t *testing.T) {
	var text strings.Builder
	r := &recorder{out: &output{w: &text}, serving: true}
	add := func(kind, record string) { r.add(telemetry.Event{Type: kind, Record: json.RawMessage(record)}) }
	add(telemetry.TypeFunctionLog, `"init"`)
	add(telemetry.TypeStart, `{"requestId":"1","version":"$LATEST"}`)
	add(telemetry.TypeFunctionLog, `"hello"`)
	add(telemetry.TypeReport, `{"requestId":"1","status":"success","metrics":{"durationMs":1}}`)
	add(telemetry.TypeStart, `{"requestId":"2","version":"$LATEST"}`)
	add(telemetry.TypeFunctionLog, `{"level":"INFO"}`)
	add(telemetry.TypeFunctionLog, `"`+strings.Repeat("x", maxTail-1)+`"`)
	assert.Equal(t, "START RequestId: 1 Version: $LATEST\nhello\nEND RequestId: 1\nREPORT RequestId: 1\tDuration: 1.00 ms\n", string(r.tail("1")))
	assert.Equal(t, strings.Repeat("x", maxTail-1)+"\n", string(r.tail("2")))
	assert.Equal(t, "START RequestId: 1 Version: $LATEST\nEND RequestId: 1\nREPORT RequestId: 1\tDuration: 1.00 ms\nSTART RequestId: 2 Version: $LATEST\n", text.String())
	for i := range maxTails {
		add(telemetry.TypeStart, fmt.Sprintf(`{"requestId":"more %d"}`, i))
	}
	assert.Nil(t, r.tail("2"))
	events, _ := r.all()
	assert.Empty(t, events)
}

// TestRecorderBound counts what does not fit.
func TestRecorderBound(t *testing.T) {
	r := &recorder{out: &output{w: &strings.Builder{}}}
	record := json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)
	for range 70 {
		r.add(telemetry.Event{Type: telemetry.TypeFunctionLog, Record: record})
	}
	events, left := r.all()
	assert.Len(t, events, 63)
	assert.Equal(t, 7, left)
}
