package invokeapi_test

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A frame is a decoded message of an event stream.
type frame struct {
	headers map[string]string
	payload string
}

// decode reads the encoding independently of the code that writes it.
func decode(t *testing.T, stream string) (frames []frame) {
	t.Helper()
	data := []byte(stream)
	for len(data) > 0 {
		require.GreaterOrEqual(t, len(data), 16)
		total, headers := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
		require.Equal(t, crc32.ChecksumIEEE(data[:8]), binary.BigEndian.Uint32(data[8:]))
		require.LessOrEqual(t, int(total), len(data))
		require.Equal(t, crc32.ChecksumIEEE(data[:total-4]), binary.BigEndian.Uint32(data[total-4:]))
		f := frame{map[string]string{}, string(data[12+headers : total-4])}
		for h := data[12 : 12+headers]; len(h) > 0; {
			name := string(h[1 : 1+h[0]])
			h = h[1+h[0]:]
			require.Equal(t, byte(7), h[0])
			size := binary.BigEndian.Uint16(h[1:])
			f.headers[name] = string(h[3 : 3+size])
			h = h[3+size:]
		}
		frames, data = append(frames, f), data[total:]
	}
	return frames
}

func TestStream(t *testing.T) {
	server := serve(t, echo)
	long := `"` + strings.Repeat("x", 100_000) + `"`
	r := post(t, server, streams, long, "X-Amz-Log-Type", "Tail")
	assert.Equal(t, "application/vnd.amazon.eventstream", r.header.Get("Content-Type"))
	frames := decode(t, r.body)
	require.Len(t, frames, 3)
	assert.Equal(t, map[string]string{":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "application/octet-stream"}, frames[0].headers)
	assert.True(t, long == frames[0].payload+frames[1].payload)
	assert.Equal(t, map[string]string{":message-type": "event", ":event-type": "InvokeComplete", ":content-type": "application/json"}, frames[2].headers)
	assert.Contains(t, frames[2].payload, `{"LogResult":"`)

	frames = decode(t, post(t, server, streams, `"fail"`).body)
	require.Len(t, frames, 1)
	assert.Equal(t, `{"ErrorCode":"Unhandled","ErrorDetails":"{\"errorType\":\"T\"}"}`, frames[0].payload)
	assert.Equal(t, 204, post(t, server, streams, `1`, "X-Amz-Invocation-Type", "DryRun").status)
}
