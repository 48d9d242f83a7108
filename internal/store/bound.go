package store

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Bounds for what is read of one answer, in bytes: another service than AWS's
// may stand behind an endpoint's variable.
const (
	// AWS's largest answer is that of BatchGetSecretValue: 20 secrets of 64 KiB, of
	// which JSON may write each byte as six, are below 8 MiB.
	maxAnswer      = 16 << 20
	maxCredentials = 64 << 10
)

// bound has the SDK read no more than limit bytes of any answer, what it drains
// of a body before it closes it included. In a configuration that goes for
// whoever gives credentials, too.
func bound(limit int) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		// The last one is next to the transport: whatever reads the body is above it.
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("BoundAnswer",
			func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
				out, metadata, err := next.HandleDeserialize(ctx, in)
				if r, ok := out.RawResponse.(*smithyhttp.Response); ok && r.Body != nil {
					r.Body = &boundedBody{r.Body, limit, limit}
				}
				return out, metadata, err
			}), middleware.After)
	}
}

// A boundedBody fails where an io.LimitReader would end: a cut answer must not
// pass for a whole one.
type boundedBody struct {
	io.ReadCloser
	limit, left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		n, err = b.left, Problem(fmt.Sprintf("the answer is larger than %d KiB", b.limit>>10))
	}
	b.left -= n
	return n, err
}
