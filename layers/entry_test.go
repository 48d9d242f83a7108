package layers_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

func TestVetEntry(t *testing.T) {
	for _, test := range []struct {
		name, entry, target string
		mode                fs.FileMode
		want                string
	}{
		{name: "file", entry: "a/b.txt"},
		{name: "folder", entry: "a/", mode: fs.ModeDir},
		{name: "dots in a name", entry: "a/..b/...", mode: 0o644},
		{name: "link beside", entry: "a/l", target: "b", mode: fs.ModeSymlink},
		{name: "link up and inside", entry: "a/b/l", target: "../../c", mode: fs.ModeSymlink},
		{name: "link to the root", entry: "a/l", target: "..", mode: fs.ModeSymlink},

		{name: "absolute link into /opt", entry: "a/l", target: "/opt/x/../y", mode: fs.ModeSymlink},
		{name: "dot", entry: "./x"},
		{name: "the layer itself", entry: "./", mode: fs.ModeDir},
		{name: "set-group-id folder", entry: "s/", mode: fs.ModeDir | fs.ModeSetgid | 0o755},

		{name: "only dots", entry: "././", want: "an empty name"},
		{name: "empty", want: "an empty name"},
		{name: "root", entry: "//", want: "an absolute name"},
		{name: "absolute", entry: "/etc/passwd", want: "an absolute name"},
		{name: "escape", entry: "../x", want: "a name that leaves the layer"},
		{name: "escape within", entry: "a/../../x", want: "a name that leaves the layer"},
		{name: "the layer itself in a roundabout way", entry: "a/../", mode: fs.ModeDir, want: "an empty name"},
		{name: "backslash", entry: `a\..\x`, want: "a backslash in the name"},
		{name: "NUL", entry: "a\x00b", want: "a control character in the name"},
		{name: "newline", entry: "a\nb", want: "a control character in the name"},
		{name: "terminal code of one character", entry: "a\u009b31m", want: "a control character in the name"},
		{name: "not UTF-8", entry: "a\xff", want: "a name that is not UTF-8"},
		{name: "long element", entry: strings.Repeat("a", 256), want: "a name that is too long"},
		{name: "long name", entry: strings.Repeat("a/", 2047) + "ab", want: "a name that is too long"},
		{name: "set-user-id", entry: "s", mode: fs.ModeSetuid | 0o755, want: "a set-user-id or set-group-id file"},
		{name: "device", entry: "d", mode: fs.ModeDevice, want: "neither a file nor a link"},
		{name: "FIFO", entry: "d", mode: fs.ModeNamedPipe, want: "neither a file nor a link"},
		{name: "link that is a folder by its name", entry: "d/", mode: fs.ModeDir | fs.ModeSymlink, target: "x", want: "neither a file nor a link"},
		{name: "link out", entry: "a/l", target: "../../x", mode: fs.ModeSymlink, want: "a link that leaves the layer"},
		{name: "absolute link", entry: "a/l", target: "/etc/passwd", mode: fs.ModeSymlink, want: "a link that leaves the layer"},
		{name: "absolute link that climbs", entry: "a/l", target: "/opt/../x", mode: fs.ModeSymlink, want: "a link that leaves the layer"},
		{name: "link to a neighbour of /opt", entry: "l", target: "../optional", mode: fs.ModeSymlink, want: "a link that leaves the layer"},
		{name: "empty link", entry: "a/l", mode: fs.ModeSymlink, want: "a link that leaves the layer: no path in it"},
		{name: "NUL in a link", entry: "a/l", target: "b\x00", mode: fs.ModeSymlink, want: "a link that leaves the layer: no path in it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := layers.VetEntry(test.entry, test.mode, test.target)
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, test.want)
		})
	}
}

func TestFolders(t *testing.T) {
	folders := layers.Folders{}
	fresh, err := folders.Add("a/b/c")
	require.NoError(t, err)
	assert.Equal(t, []string{"a/b", "a"}, fresh)
	fresh, err = folders.Add("a/d/e")
	require.NoError(t, err)
	assert.Equal(t, []string{"a/d"}, fresh)
	deep := strings.Repeat("/x", 1000)
	for i := 0; err == nil && i <= layers.MaxEntries/1000; i++ {
		_, err = folders.Add(fmt.Sprint(i) + deep)
	}
	assert.EqualError(t, err, "more than 200000 folders")
}
