package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/export"
	"google.golang.org/protobuf/proto"
)

const (
	// staleAfter is how long a connection may idle before it is given up: the
	// other end may have closed it while the environment was frozen.
	staleAfter  = 5 * time.Second
	maxAnswer   = 64 << 10 // bytes of an answer that are read
	maxRetry    = time.Hour
	dialTimeout = 5 * time.Second
)

// A client makes single attempts to send one signal.
type client struct {
	signal  Signal
	http    *http.Client
	now     func() time.Time
	last    time.Time
	gzip    *gzip.Writer
	version string
}

func newClient(signal Signal, options Options) (*client, error) {
	transport := &http.Transport{
		Proxy:                  options.Proxy,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           1,
		MaxResponseHeaderBytes: maxAnswer,
	}
	if signal.Certificate != "" {
		pem, err := os.ReadFile(signal.Certificate)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate: %q: no certificate in it", signal.Certificate)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	if signal.Timeout <= 0 {
		signal.Timeout = defaultTimeout
	}
	return &client{
		signal: signal,
		now:    options.Now,
		http: &http.Client{
			Transport: transport,
			// To follow one would send the headers, which are secret, elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		version: options.Version,
	}, nil
}

// send makes one attempt. Its errors are those of [export.Exporter].
func (c *client) send(ctx context.Context, message proto.Message) (answer []byte, err error) {
	request, err := c.request(message)
	if err != nil {
		return nil, err
	}
	if idle := c.now().Sub(c.last); idle > staleAfter || idle < 0 {
		c.http.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, c.signal.Timeout)
	defer cancel()
	response, err := c.http.Do(request.WithContext(ctx))
	c.last = c.now()
	if err != nil {
		// What net/http wraps around its errors is the address, which may hold
		// a key.
		if outer := new(url.Error); errors.As(err, &outer) {
			err = outer.Err
		}
		return nil, &export.Later{Err: err}
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return answer, nil // accepted, even if the answer was cut off
	case code == 429 || code == 502 || code == 503 || code == 504:
		return nil, &export.Later{After: retryAfter(response.Header.Get("Retry-After"), c.now()), Err: status(code)}
	case code >= 300 && code < 400:
		return nil, fmt.Errorf("%w: redirects are not followed", status(code))
	default:
		return nil, status(code)
	}
}

func status(code int) error {
	return errors.New(strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code))))
}

// request has a body of its own: after an attempt that was given up, net/http
// may still be reading it.
func (c *client) request(message proto.Message) (*http.Request, error) {
	body, err := proto.Marshal(message)
	if err != nil {
		return nil, err
	}
	if c.signal.Gzip {
		if body, err = c.compress(body); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequest(http.MethodPost, c.signal.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("endpoint: not an address")
	}
	request.Header.Set("User-Agent", strings.TrimSuffix("graft/"+c.version, "/"))
	maps.Copy(request.Header, c.signal.Headers)
	request.Header.Set("Content-Type", "application/x-protobuf")
	if c.signal.Gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	return request, nil
}

func (c *client) compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	if c.gzip == nil {
		c.gzip, _ = gzip.NewWriterLevel(&out, gzip.BestSpeed)
	} else {
		c.gzip.Reset(&out)
	}
	if _, err := c.gzip.Write(body); err != nil {
		return nil, err
	}
	if err := c.gzip.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// retryAfter reads seconds or a date; 0 if there is neither.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(strings.TrimSpace(header), 10, 32); err == nil {
		return min(maxRetry, max(0, time.Duration(seconds)*time.Second))
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(maxRetry, max(0, at.Sub(now)))
	}
	return 0
}
