//go:build linux

package local_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
)

// TestInits has two extensions and the runtime get ready, all anew after a
// crash, and finds who was when.
func TestInits(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	f := goFunction(t)
	f.Layers = []string{extensions(t, map[string]string{"a": `register '"SHUTDOWN"'; loop`, "b": `register '"SHUTDOWN"'; loop`})}
	f.InitTimeout = deadline
	var inits []local.Init
	f.Inits = func(i local.Init) { inits = append(inits, i) }
	e := start(t, f)
	send(t, e, event{Do: "exit", Arg: "3"})
	send(t, e, event{Do: "echo"})
	require.NoError(t, e.Stop(context.Background()))
	require.Len(t, inits, 2)
	for _, i := range inits {
		var names []string
		for _, p := range i.Parts {
			names = append(names, p.Name)
			assert.False(t, p.Began.Before(i.Began))
			assert.True(t, p.Ready.After(p.Began))
			assert.False(t, p.Ready.After(i.Ended))
		}
		assert.Equal(t, []string{"a", "b", ""}, names)
	}
	assert.True(t, inits[1].Began.After(inits[0].Ended))
}

// TestInitsFailed tells of an init that fails, too.
func TestInitsFailed(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	f := bash("exit 3")
	var inits []local.Init
	f.Inits = func(i local.Init) { inits = append(inits, i) }
	_, err := local.Start(bounded(t), f)
	require.True(t, errors.As(err, new(*local.InitError)), "%v", err)
	require.Len(t, inits, 1)
	require.Len(t, inits[0].Parts, 1)
	assert.Zero(t, inits[0].Parts[0].Ready)
}
