//go:build linux

package local_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The head of an HTTP response that is streamed comes as it is.
func TestStreamPrelude(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	const prelude = `{"statusCode":201,"headers":{"A":"b"}}`
	r := send(t, start(t, goFunction(t)), event{Do: "prelude", Arg: prelude})
	assert.Equal(t, prelude+"\x00\x00\x00\x00\x00\x00\x00\x00bo\x00dy", string(r.Body))
	assert.Equal(t, "application/vnd.awslambda.http-integration-response", r.ContentType)
	assert.Empty(t, r.ErrorType)
}
