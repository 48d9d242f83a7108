//go:build linux

package main

import (
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
)

// programFiles are the programs that do what programs should not.
var programFiles = map[string]string{
	"stubborn": "#!/bin/sh\ntrap '' TERM\nsleep 1000 & echo $$ $!\nwhile :; do sleep 1000; done\n",
	"crash":    "#!/bin/sh\necho life; exit 7\n",
	"once":     "#!/bin/sh\n[ -e /tmp/life ] || { touch /tmp/life; exit 7; }\necho up; exec sleep 1000\n",
	"talk":     "#!/bin/sh\nhead -c 50000000 /dev/zero | tr '\\0' x\necho; head -c 50000000 /dev/zero | tr '\\0' x >&2\necho done; exec sleep 1000\n",
	"family":   "#!/bin/sh\nsh -c 'sleep 1000 & echo $$ $!; wait' & echo $$ $!; wait\n",
	"leaves":   "#!/bin/sh\nsleep 1000 & echo $!\n",
	"fills":    "#!/bin/sh\nhead -c 10000000 /dev/zero > /tmp/full; echo full; exec sleep 1000\n",
}

// program is a row with a fragment that runs one, until the log has all of what
// is said in it.
func program(name, run, outcome string, said ...string) fault {
	files := map[string]string{"graft.d/50-p.env": run + "\n"}
	for file, text := range programFiles {
		files[file] = text
	}
	return fault{name: name, files: files, during: func(r *trial) string {
		eventually(r.T, func() bool {
			log := r.printed()
			return !slices.ContainsFunc(said, func(s string) bool { return !strings.Contains(log, s) })
		}, "said: %v: %v", said, &r.err)
		return outcome
	}}
}

var programFaults = []fault{
	program("program missing", "GRAFT_RUN=/nowhere/x\nGRAFT_RUN_READY=tcp:127.0.0.1:1\nGRAFT_RUN_READY_TIMEOUT=1h", "tried again", "no such file", "again in 200ms"),
	program("program crashes once", "GRAFT_RUN=/opt/once", "started again", "starting it again in 100ms", "p: up"),
	program("program crashes at once, for ever", "GRAFT_RUN=/opt/crash", "started again, more and more rarely", "starting it again in 100ms", "starting it again in 200ms", "starting it again in 800ms"),
	program("program ignores SIGTERM", "GRAFT_RUN=/opt/stubborn", "killed", "p: "),
	program("program has grandchildren", "GRAFT_RUN=/opt/family", "all end with it", "p: "),
	program("program ends, its child does not", "GRAFT_RUN=/opt/leaves", "the child is ended", "starting it again in 100ms"),
	program("program never ready", "GRAFT_RUN=/opt/family\nGRAFT_RUN_READY=tcp:127.0.0.1:1\nGRAFT_RUN_READY_TIMEOUT=100ms", "not waited for", "not ready (tcp) after 100ms"),
	talkative(program("program prints 100 MB", "GRAFT_RUN=/opt/talk", "passed on", "p: done\n")),
	program("`/tmp` is full", "GRAFT_RUN=/opt/fills", "", "p: full\n"),
	program("fragment that makes no sense", "GRAFT_RUN=a | b", "left out", "p: skipped: /opt/graft.d/50-p.env:1: GRAFT_RUN stops at byte 2"),
}

// talkative asks for platform events only: of a forked companion what its
// programs print is the function's output.
func talkative(f fault) fault {
	f.env = []string{"GRAFT_TELEMETRY=platform"}
	f.after = func(r *trial) string {
		for _, pid := range r.companions() {
			assert.Less(r, peakMemory(r.T, pid), 24<<20, "bytes")
		}
		return ""
	}
	return f
}
