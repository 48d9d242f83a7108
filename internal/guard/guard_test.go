package guard_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/guard"
)

func TestCall(t *testing.T) {
	fault := errors.New("x")
	assert.NoError(t, guard.Call(func() error { return nil }))
	assert.ErrorIs(t, guard.Call(func() error { return fault }), fault)
	assert.EqualError(t, guard.Call(func() error { panic("s3cret") }), "internal error, please report it (a panic of type string)")
	var none []int
	assert.EqualError(t, guard.Call(func() error { return errors.New(string(rune(none[len(none)]))) }),
		"internal error, please report it (runtime error: index out of range [0] with length 0)")
}
