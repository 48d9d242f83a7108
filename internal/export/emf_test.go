package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var units = regexp.MustCompile(`^(Seconds|Microseconds|Milliseconds|Bytes|Kilobytes|Megabytes|Gigabytes|Terabytes|Bits|Kilobits|Megabits|Gigabits|Terabits|Percent|Count|Bytes/Second|Kilobytes/Second|Megabytes/Second|Gigabytes/Second|Terabytes/Second|Bits/Second|Kilobits/Second|Megabits/Second|Gigabits/Second|Terabits/Second|Count/Second|None)$`)

// validEMF holds a line against the rules of the specification: its MUSTs, and
// its JSON schema.
func validEMF(line []byte) error {
	var root map[string]json.RawMessage
	if err := json.Unmarshal(line, &root); err != nil {
		return err
	}
	if len(line) > 256<<10 {
		return fmt.Errorf("%d bytes", len(line))
	}
	var meta struct {
		Timestamp         *int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct {
				Name              string
				Unit              string
				StorageResolution *int
			}
		}
	}
	strict := json.NewDecoder(bytes.NewReader(root["_aws"]))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&meta); err != nil {
		return fmt.Errorf("_aws: %w", err)
	}
	if meta.Timestamp == nil || *meta.Timestamp <= 0 || len(meta.CloudWatchMetrics) == 0 {
		return fmt.Errorf("no Timestamp or no CloudWatchMetrics")
	}
	name := func(s string) bool { return utf8.RuneCountInString(s) >= 1 && len(s) <= 255 }
	for _, d := range meta.CloudWatchMetrics {
		if !name(d.Namespace) || strings.HasPrefix(d.Namespace, "AWS/") || strings.HasPrefix(d.Namespace, ":") {
			return fmt.Errorf("namespace %q", d.Namespace)
		}
		if len(d.Dimensions) < 1 || len(d.Metrics) < 1 || len(d.Metrics) > 100 {
			return fmt.Errorf("%d dimension sets, %d metrics", len(d.Dimensions), len(d.Metrics))
		}
		for _, set := range d.Dimensions {
			if len(set) > 9 {
				return fmt.Errorf("%d dimensions", len(set))
			}
			for _, key := range set {
				var value string
				if !name(key) || json.Unmarshal(root[key], &value) != nil || value == "" {
					return fmt.Errorf("dimension %q has no text", key)
				}
			}
		}
		seen := map[string]bool{}
		for _, m := range d.Metrics {
			var value float64
			if !name(m.Name) || seen[m.Name] || !units.MatchString(m.Unit) || string(root[m.Name]) == "null" || json.Unmarshal(root[m.Name], &value) != nil {
				return fmt.Errorf("metric %+v", m)
			}
			seen[m.Name] = true
		}
	}
	return nil
}

func TestValidEMFFindsFaults(t *testing.T) {
	t.Parallel()
	good := `{"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["d"]],"Metrics":[{"Name":"t","Unit":"Milliseconds"}]}]},"d":"x","t":100}`
	require.NoError(t, validEMF([]byte(good)))
	for _, change := range [][2]string{
		{`"t":100`, `"t":"100"`}, {`"t":100`, `"t":null`}, {`,"t":100`, ``}, {`"d":"x",`, ``}, {`"d":"x"`, `"d":1`}, {`Milliseconds`, `ms`},
		{`"Timestamp":1574109732004,`, ``}, {`"Namespace":"n"`, `"Namespace":""`}, {`[["d"]]`, `[]`}, {`"Unit"`, `"Units"`}, {`}`, `} x`},
	} {
		assert.Error(t, validEMF([]byte(strings.Replace(good, change[0], change[1], 1))), change)
	}
}

func events(t *testing.T, from string) []telemetry.Event {
	t.Helper()
	all, skipped, err := telemetry.Batch([]byte(from))
	require.NoError(t, err)
	require.Zero(t, skipped)
	return all
}

const lifetime = `[
 {"time":"2026-01-01T00:00:00Z","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init"}},
 {"time":"2026-01-01T00:00:01Z","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":125.33}}},
 {"time":"2026-01-01T00:00:02Z","type":"function","record":"secret of the function"},
 {"time":"2026-01-01T00:00:02Z","type":"extension","record":{"message":"secret of an extension"}},
 {"time":"2026-01-01T00:00:02Z","type":"platform.runtimeDone","record":{"requestId":"r","status":"success","metrics":{"durationMs":200,"producedBytes":15},"spans":[{"name":"runtimeOverhead","start":"2026-01-01T00:00:01Z","durationMs":3},{"name":"other","start":"2026-01-01T00:00:01Z","durationMs":3}]}},
 {"time":"2026-01-01T00:00:03Z","type":"platform.report","record":{"requestId":"r","status":"timeout","metrics":{"durationMs":220.12,"billedDurationMs":300,"memorySizeMB":128,"maxMemoryUsedMB":90},"spans":[{"name":"extensionOverhead","start":"2026-01-01T00:00:01Z","durationMs":4},{"name":"extensionOverhead","durationMs":5}]}},
 {"time":"2026-01-01T00:00:04Z","type":"platform.restoreReport","record":{"status":"error","errorType":"Runtime.ExitError","metrics":{"durationMs":15.19}}},
 {"time":"2026-01-01T00:00:05Z","type":"platform.logsDropped","record":{"droppedBytes":12345,"droppedRecords":123,"reason":"slow"}},
 {"time":"2026-01-01T00:00:06Z","type":"platform.report","record":{"requestId":"s"}},
 {"time":"2026-01-01T00:00:07Z","type":"platform.report","record":{"requestId":"q","status":"success","metrics":{"durationMs":"slow"}}}
]`

func TestEMF(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := New(Config{}, EMF(&out, Function{Name: "f", Version: "$LATEST"}))
	p.Add(events(t, lifetime))
	sum(t, p.Close(within(t)))

	want := []map[string]float64{
		{"InitDuration": 125.33, "InitErrors": 0},
		{"RuntimeDuration": 200, "ProducedBytes": 15, "RuntimeOverhead": 3},
		{"Duration": 220.12, "BilledDuration": 300, "MemorySize": 128, "MaxMemoryUsed": 90, "Errors": 1, "Timeouts": 1, "ExtensionOverhead": 4},
		{"RestoreDuration": 15.19, "RestoreErrors": 1},
		{"TelemetryDroppedRecords": 123, "TelemetryDroppedBytes": 12345},
		{"Errors": 0, "Timeouts": 0},
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, got, len(want))
	for i, line := range got {
		require.NoError(t, validEMF([]byte(line)), line)
		require.True(t, strings.HasPrefix(line, telemetry.MarkMetrics), line)
		var root map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &root))
		assert.Equal(t, "f", root["FunctionName"])
		metrics := map[string]float64{}
		directive := root["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
		for _, m := range directive["Metrics"].([]any) {
			name := m.(map[string]any)["Name"].(string)
			metrics[name] = root[name].(float64)
		}
		assert.Equal(t, want[i], metrics)
	}
	assert.Contains(t, got[2], `"requestId":"r"`)
}

func TestEMFWithoutAName(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := New(Config{}, EMF(&out, Function{}))
	p.Add(events(t, lifetime))
	p.Close(within(t))
	for line := range strings.Lines(out.String()) {
		require.NoError(t, validEMF([]byte(line)), line)
	}
}

func TestStdout(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := New(Config{}, Stdout(&out))
	p.Add(events(t, lifetime))
	p.Add(events(t, "[{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"platform.new\",\"record\":{\"a\":\n[1]}},{\"type\":\"platform.bare\"}]"))
	stats := p.Close(within(t))
	assert.Equal(t, Stats{{Exporter: "stdout", Accepted: 10, Exported: 10}}, stats)
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, got, 10)
	assert.NotContains(t, out.String(), "secret")
	assert.Equal(t, `{"graft":"platform","time":"2026-01-01T00:00:00Z","type":"platform.new","record":{"a":[1]}}`, got[8])
	// What was written comes back as a line of an extension, and is known.
	own := telemetry.NewOwn()
	for _, line := range got {
		record, err := json.Marshal(line + "\n")
		require.NoError(t, err)
		assert.True(t, own.Wrote(telemetry.Event{Time: time.Now(), Type: "extension", Record: record}))
		assert.True(t, own.Wrote(telemetry.Event{Time: time.Now(), Type: "extension", Record: json.RawMessage(line)}))
	}
}

type brokenPipe struct{ left int }

func (b *brokenPipe) Write(text []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, fmt.Errorf("broken pipe")
	}
	return len(text), nil
}

func TestStdoutBroken(t *testing.T) {
	t.Parallel()
	p := New(Config{}, Stdout(&brokenPipe{left: 3}))
	p.Add(events(t, lifetime))
	stats := p.Close(within(t))
	assert.EqualValues(t, 3, stats[0].Exported)
	assert.EqualValues(t, 5, stats[0].Refused)
}
