package extension

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNextWaits: an event may come after hours, and a client that has given up
// by then misses it (https://github.com/getsentry/sentry-javascript/pull/24219).
// The hours are those of a clock that nobody waits for.
func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := New("api")
		c.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
		defer c.http.CloseIdleConnections()
		go func() {
			defer theirs.Close()
			if _, err := http.ReadRequest(bufio.NewReader(theirs)); !assert.NoError(t, err) {
				return
			}
			<-time.After(10 * time.Hour)
			_, err := io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n"+`{"eventType":"SHUTDOWN"}`)
			assert.NoError(t, err)
		}()
		e, err := c.Next(t.Context(), "id")
		require.NoError(t, err)
		assert.Equal(t, Shutdown, e.Type)
	})
}
