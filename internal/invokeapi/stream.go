package invokeapi

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"net/http"
)

// chunk is how much of an answer is in one event of a stream, in bytes.
const chunk = 64 << 10

// stream answers in the event stream encoding. The answer is there as a whole
// before its first byte is sent: the local environment holds it that long.
// https://smithy.io/2.0/aws/amazon-eventstream.html
func (a *api) stream(w http.ResponseWriter, r *http.Request) {
	request, err := a.read(w, r)
	if err != nil {
		write(w, err)
		return
	}
	defer a.give()
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		write(w, invalid("invocation type %q", kind))
		return
	}
	answer, err := a.call(r.Context(), request)
	if err != nil {
		write(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	answered(w.Header(), answer)
	complete := struct {
		ErrorCode    string `json:"ErrorCode,omitempty"`
		ErrorDetails string `json:"ErrorDetails,omitempty"`
		LogResult    string `json:"LogResult,omitempty"`
	}{}
	if answer.FunctionError != "" {
		complete.ErrorCode, complete.ErrorDetails = answer.FunctionError, string(answer.Body)
		answer.Body = nil
	}
	if request.Tail {
		complete.LogResult = logResult(answer.Log)
	}
	last, err := json.Marshal(complete)
	if err != nil {
		panic(err) // three strings
	}
	hurry(w)
	for body := answer.Body; len(body) > 0; {
		n := min(len(body), chunk)
		if _, err := w.Write(message("PayloadChunk", "application/octet-stream", body[:n])); err != nil {
			return // a caller that is gone
		}
		body = body[n:]
	}
	_, _ = w.Write(message("InvokeComplete", "application/json", last))
}

// message returns one message: lengths, their checksum, headers, payload,
// checksum of all.
func message(event, contentType string, payload []byte) []byte {
	var headers []byte
	for _, h := range [][2]string{{":message-type", "event"}, {":event-type", event}, {":content-type", contentType}} {
		headers = append(append(headers, byte(len(h[0]))), h[0]...)
		const isString = 7
		headers = append(headers, isString)
		headers = append(binary.BigEndian.AppendUint16(headers, uint16(len(h[1]))), h[1]...)
	}
	const around = 16 // three numbers before, one after
	m := binary.BigEndian.AppendUint32(nil, uint32(around+len(headers)+len(payload)))
	m = binary.BigEndian.AppendUint32(m, uint32(len(headers)))
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	m = append(append(m, headers...), payload...)
	return binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
}
