package local

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A destination is where a subscriber listens. Its methods are called one
// after the other.
type destination interface {
	// send delivers one batch; without an error it has been taken.
	send(ctx context.Context, batch [][]byte) error
	close()
}

// loopback is the address of the sandbox's own name, and so of all destinations.
const loopback = "127.0.0.1"

// An httpDestination gets a batch as a JSON array.
type httpDestination struct {
	method, url string
	client      http.Client
}

// newHTTPDestination returns the destination at this URL, whose host is not
// looked up.
func newHTTPDestination(method, url string, port int) *httpDestination {
	address := net.JoinHostPort(loopback, strconv.Itoa(port))
	return &httpDestination{method: method, url: url, client: http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", address)
			},
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (d *httpDestination) send(ctx context.Context, batch [][]byte) error {
	var body bytes.Buffer
	body.WriteByte('[')
	body.Write(bytes.Join(batch, []byte(",")))
	body.WriteByte(']')
	request, err := http.NewRequestWithContext(ctx, d.method, d.url, &body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// What is short is read, so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10)
	if response.StatusCode >= 400 {
		return fmt.Errorf("telemetry: %s", response.Status)
	}
	return nil
}

func (d *httpDestination) close() { d.client.CloseIdleConnections() }

// A tcpDestination gets a batch as lines of JSON over one lasting connection.
// There are no answers: what the kernel took has been delivered.
type tcpDestination struct {
	address string
	conn    net.Conn // nil: not connected
}

func newTCPDestination(port int) *tcpDestination {
	return &tcpDestination{address: net.JoinHostPort(loopback, strconv.Itoa(port))}
}

func (d *tcpDestination) send(ctx context.Context, batch [][]byte) error {
	if d.conn == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", d.address)
		if err != nil {
			return err
		}
		d.conn = conn
	}
	stop := context.AfterFunc(ctx, func() { _ = d.conn.SetWriteDeadline(time.Unix(1, 0)) })
	_, err := d.conn.Write(append(bytes.Join(batch, []byte("\n")), '\n'))
	if !stop() || err != nil {
		d.close()
	}
	return err
}

func (d *tcpDestination) close() {
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
}
