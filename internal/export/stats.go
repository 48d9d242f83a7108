package export

import (
	"fmt"
	"strings"
)

// LaneStats counts one exporter's events. At all times, Accepted is the sum of
// Exported, Overflow, Refused, Unsent and Queued.
type LaneStats struct {
	Exporter string
	Accepted uint64 // that the exporter wants
	Exported uint64
	Overflow uint64 // dropped: the queue was full
	Refused  uint64 // dropped: the endpoint does not want them, or the exporter cannot send them
	Unsent   uint64 // dropped: left over at the end
	Queued   uint64 // still to be sent
	Retries  uint64 // attempts that failed and are made again
}

// gone is how many events are done with, in one way or another.
func (s LaneStats) gone() uint64 { return s.Exported + s.Overflow + s.Refused + s.Unsent }

// Dropped is how many events were lost.
func (s LaneStats) Dropped() uint64 { return s.Overflow + s.Refused + s.Unsent }

// Stats counts the events of a pipeline, exporter by exporter.
type Stats []LaneStats

// Line says in one line what was lost, and why. It is empty if nothing was.
func (s Stats) Line() string {
	var parts []string
	for _, lane := range s {
		if lane.Dropped() == 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %d of %d events (queue full %d, refused %d, not sent in time %d)",
			lane.Exporter, lane.Dropped(), lane.Accepted, lane.Overflow, lane.Refused, lane.Unsent))
	}
	if len(parts) == 0 {
		return ""
	}
	return "telemetry: dropped: " + strings.Join(parts, "; ")
}
