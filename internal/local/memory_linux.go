package local

import (
	"bytes"
	"os"
	"strconv"
)

// peakMemory returns how much memory the processes on the stage, without its
// keeper, have used at most, in bytes: the sum of the peaks of their resident
// sets (VmHWM). What processes share counts for each of them, and the peaks
// need not have been at the same time, so it is an upper bound; what has ended
// does not count.
func (s *stage) peakMemory() int64 {
	var sum int64
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != s.keeper && s.namespace.has(pid) {
			sum += peakResident(pid)
		}
	}
	return sum
}

// peakResident returns the peak of the resident set of a process, or 0.
func peakResident(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(value), []byte("kB")))), 10, 64)
			return kb << 10
		}
	}
	return 0
}
