package otlp

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// A place is where a span stands in a trace, by W3C's ids. Parent is nil for
// a root.
type place struct {
	trace  []byte // 16 bytes
	parent []byte // 8 bytes, or nil
	flags  byte   // 1: sampled
}

// parseTracing reads what Lambda says of an invocation's trace: X-Ray's header,
// or W3C's traceparent.
func parseTracing(tracing *telemetry.Tracing) (place, bool) {
	if tracing == nil {
		return place{}, false
	}
	if c, ok := parseXRay(tracing.Value); ok {
		return c, true
	}
	return parseTraceparent(tracing.Value)
}

// parseXRay reads Root=1-58406520-a006649127e371903a2de979;Parent=…;Sampled=1.
// Its trace id without the version and dashes is W3C's.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func parseXRay(header string) (place, bool) {
	var c place
	for field := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch strings.ToLower(key) {
		case "root":
			parts := strings.Split(value, "-")
			if len(parts) == 3 && parts[0] == "1" && len(parts[1]) == 8 {
				c.trace = id(parts[1]+parts[2], 16)
			}
		case "parent":
			c.parent = id(value, 8)
		case "sampled":
			if value == "1" {
				c.flags = 1
			}
		}
	}
	return c, c.trace != nil
}

// parseTraceparent reads 00-TRACE-PARENT-FLAGS.
// https://www.w3.org/TR/trace-context/#traceparent-header
func parseTraceparent(header string) (place, bool) {
	parts := strings.Split(strings.TrimSpace(header), "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 {
		return place{}, false
	}
	flags, err := hex.DecodeString(parts[3])
	if err != nil || len(flags) != 1 {
		return place{}, false
	}
	c := place{trace: id(parts[1], 16), parent: id(parts[2], 8), flags: flags[0] & 1}
	return c, c.trace != nil && c.parent != nil
}

// id is nil unless text is the hexadecimal form of size bytes, not all zero.
func id(text string, size int) []byte {
	if len(text) != 2*size || strings.Trim(text, "0") == "" {
		return nil
	}
	bytes, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return bytes
}

// derived is an id that is always the same for the same words: Lambda delivers
// an event at least once, and a span that comes twice must be one span.
func derived(size int, words ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return sum[:size]
}
