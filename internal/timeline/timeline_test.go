package timeline_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/graft-lambda/graft/internal/timeline"
)

var update = flag.Bool("update", false, "write the results into testdata")

// began is when the environments of testdata are stopped, for 12.5 ms.
var began = time.Date(2026, 1, 2, 3, 4, 9, 0, time.UTC)

// TestTimeline draws the events of each file in testdata: one event a line,
// and what is known of inits besides.
func TestTimeline(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			var events []telemetry.Event
			want := map[string]*txtar.File{}
			for i := range archive.Files {
				f := &archive.Files[i]
				want[f.Name] = f
			}
			for line := range strings.Lines(string(want["events"].Data)) {
				var event telemetry.Event
				require.NoError(t, json.Unmarshal([]byte(line), &event), line)
				events = append(events, event)
			}
			var inits []timeline.Init
			if f := want["inits"]; f != nil {
				require.NoError(t, json.Unmarshal(f.Data, &inits))
			}
			stop := timeline.Stop{Began: began, Ended: began.Add(12500 * time.Microsecond), Ends: []timeline.End{
				{Name: "runtime", At: began.Add(2 * time.Millisecond)}, {Name: "watch", At: began.Add(12 * time.Millisecond)},
				{Name: "gone", At: began.Add(-time.Second)},
			}}
			errors := map[string]string{
				"6f1c2a54-0000-4000-8000-000000000002": "not this: Lambda says more of it", "6f1c2a54-0000-4000-8000-000000000003": "Function.Bad",
				"b": "ValueError",
			}
			drawn := timeline.New(events, inits, errors, stop)
			for name, f := range want {
				var text strings.Builder
				switch name {
				case "text":
					require.NoError(t, drawn.Write(&text, timeline.Style{}))
					for line := range strings.Lines(text.String()) {
						assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
					}
				case "colour":
					require.NoError(t, drawn.Write(&text, timeline.Style{Width: 60, Colour: true}))
				case "json":
					encoder := json.NewEncoder(&text)
					encoder.SetIndent("", "  ")
					require.NoError(t, encoder.Encode(drawn))
				default:
					continue
				}
				if *update {
					f.Data = []byte(text.String())
				}
				assert.Equal(t, string(f.Data), text.String(), name)
			}
			if *update {
				require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
			}
		})
	}
}

// TestMany sums up what would fill screens, but for what failed.
func TestMany(t *testing.T) {
	var events []telemetry.Event
	for i := range 100 {
		status := "success"
		if i == 50 {
			status = "timeout"
		}
		record, err := json.Marshal(map[string]any{
			"requestId": strings.Repeat("x", i+1), "status": status, "metrics": map[string]any{"durationMs": i},
		})
		require.NoError(t, err)
		events = append(events, telemetry.Event{Time: began, Type: telemetry.TypeReport, Record: record})
	}
	drawn := timeline.New(events, nil, map[string]string{strings.Repeat("x", 61): "Bad"}, timeline.Stop{})
	var text strings.Builder
	require.NoError(t, drawn.Write(&text, timeline.Style{}))
	assert.Contains(t, text.String(), "invoke 20 ")
	assert.NotContains(t, text.String(), "invoke 21 ")
	assert.Contains(t, text.String(), "invoke 51 ")
	assert.Contains(t, text.String(), "invoke 61 ")
	assert.Contains(t, text.String(), "and 78 more             half within 61.0 ms, the longest 99.0 ms\n")
}

// TestGarbage holds what no environment sends.
func TestGarbage(t *testing.T) {
	var events []telemetry.Event
	for _, kind := range []string{
		telemetry.TypeInitStart, telemetry.TypeInitRuntimeDone, telemetry.TypeInitReport, telemetry.TypeExtension, telemetry.TypeStart,
		telemetry.TypeRuntimeDone, telemetry.TypeReport, telemetry.TypeRestoreStart, telemetry.TypeRestoreRuntimeDone,
		telemetry.TypeRestoreReport, telemetry.TypeLogsDropped, "platform.new",
	} {
		for _, record := range []string{"", "1", `{}`, `{"metrics":{"durationMs":-5},"spans":[{"name":"\u001b[2J","durationMs":-1},{"durationMs":1e300}]}`} {
			events = append(events, telemetry.Event{Type: kind, Record: json.RawMessage(record)}, telemetry.Event{Type: kind, Time: began, Record: json.RawMessage(record)})
		}
	}
	for i := range events {
		var text strings.Builder
		require.NoError(t, timeline.New(events[i:], []timeline.Init{{}}, nil, timeline.Stop{Began: began}).Write(&text, timeline.Style{Width: 1}))
		assert.NotContains(t, text.String(), "\x1b")
	}
}
