package telemetry

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Marks begin every line that an exporter writes on standard output, so that
// [Own] knows it when Lambda sends it back.
const (
	MarkPlatform = `{"graft":"platform"`
	MarkMetrics  = `{"graft":"emf"`
)

// Own knows the lines that this program wrote itself. Without it a program
// that is subscribed to extension logs would hear its own echo for ever.
type Own struct {
	prefixes [][]byte // as they stand in a JSON string
	texts    []string
}

// NewOwn takes what the program's own lines begin with, beside the marks of
// the exporters.
func NewOwn(prefixes ...string) Own {
	own := Own{texts: append(slices.Clone(prefixes), MarkPlatform, MarkMetrics)}
	for _, text := range own.texts {
		quoted, _ := json.Marshal(text)
		own.prefixes = append(own.prefixes, quoted[:len(quoted)-1])
	}
	return own
}

// Wrote says whether the event is one of the program's own lines.
func (o Own) Wrote(event Event) bool {
	if event.Type != TypeExtensionLog && event.Type != TypeFunctionLog || len(event.Record) == 0 {
		return false
	}
	switch event.Record[0] {
	case '"':
		return slices.ContainsFunc(o.prefixes, func(prefix []byte) bool { return bytes.HasPrefix(event.Record, prefix) })
	case '{':
		return o.wroteObject(event.Record)
	}
	return false
}

// wroteObject looks into an object: the JSON log format takes our JSON lines
// apart, and wraps our plain ones.
func (o Own) wroteObject(record []byte) bool {
	if !bytes.Contains(record, []byte(`"graft"`)) && !bytes.Contains(record, []byte(`"message"`)) {
		return false
	}
	var object struct {
		Graft   string `json:"graft"`
		Message string `json:"message"`
	}
	if tolerant(json.Unmarshal(record, &object)) != nil {
		return false
	}
	return object.Graft == "platform" || object.Graft == "emf" ||
		slices.ContainsFunc(o.texts, func(prefix string) bool { return strings.HasPrefix(object.Message, prefix) })
}
