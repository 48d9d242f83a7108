package inject

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type splitter = func(string) ([]word, error)

func texts(words []word) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.text
	}
	return list
}

// TestSplit: the quoting rules of the three runtimes. An error is an open
// quote, on which each runtime refuses to start.
func TestSplit(t *testing.T) {
	const open = "open"
	for _, c := range []struct {
		in              string
		jvm, node, ruby []string
	}{
		{"", []string{}, []string{}, []string{}},
		{"  ", []string{}, []string{}, []string{}},
		{" a  b ", []string{"a", "b"}, []string{"a", "b"}, []string{"a", "b"}},
		{"a\tb", []string{"a", "b"}, []string{"a\tb"}, []string{"a", "b"}},
		{"a\nb", []string{"a", "b"}, []string{"a\nb"}, []string{"a", "b"}},
		{"'x y'", []string{"x y"}, []string{"'x", "y'"}, []string{"'x", "y'"}},
		{`"x y"`, []string{"x y"}, []string{"x y"}, []string{`"x`, `y"`}},
		{`a"x y"b`, []string{"ax yb"}, []string{"ax yb"}, []string{`a"x`, `y"b`}},
		{`-D='a b'c"d e"`, []string{"-D=a bcd e"}, []string{"-D='a", "b'cd e"}, []string{"-D='a", `b'c"d`, `e"`}},
		{`"it's"`, []string{"it's"}, []string{"it's"}, []string{`"it's"`}},
		{`'say "hi"'`, []string{`say "hi"`}, []string{"'say", "hi'"}, []string{"'say", `"hi"'`}},
		{`x\ y`, []string{`x\`, "y"}, []string{`x\`, "y"}, []string{`x\`, "y"}},
		{`"x\\y"`, []string{`x\\y`}, []string{`x\y`}, []string{`"x\\y"`}},
		{`"x\"y"`, []string{open}, []string{`x"y`}, []string{`"x\"y"`}},
		{`"x\`, []string{open}, []string{open}, []string{`"x\`}},
		{`"x`, []string{open}, []string{open}, []string{`"x`}},
		{`a b"`, []string{open}, []string{open}, []string{"a", `b"`}},
		{"it's", []string{open}, []string{"it's"}, []string{"it's"}},
		{`""`, []string{""}, []string{""}, []string{`""`}},
		{`a "" b`, []string{"a", "", "b"}, []string{"a", "", "b"}, []string{"a", `""`, "b"}},
		{"x;y|z&(w)$v*?~", []string{"x;y|z&(w)$v*?~"}, []string{"x;y|z&(w)$v*?~"}, []string{"x;y|z&(w)$v*?~"}},
		{"a\u00a0b\u2003c", []string{"a\u00a0b\u2003c"}, []string{"a\u00a0b\u2003c"}, []string{"a\u00a0b\u2003c"}},
		{"ä ✓", []string{"ä", "✓"}, []string{"ä", "✓"}, []string{"ä", "✓"}},
	} {
		for _, s := range []struct {
			name  string
			split splitter
			want  []string
		}{{"jvm", splitJVM, c.jvm}, {"node", splitNode, c.node}, {"ruby", splitBlanks, c.ruby}} {
			words, err := s.split(c.in)
			if len(s.want) == 1 && s.want[0] == open {
				assert.ErrorIs(t, err, errOpenQuote, "%s: %q", s.name, c.in)
				continue
			}
			require.NoError(t, err, "%s: %q", s.name, c.in)
			assert.Equal(t, s.want, texts(words), "%s: %q", s.name, c.in)
		}
	}
}

// FuzzSplit: for each grammar, the words as written give the same words again
// with one blank between, and a word that is quoted comes back.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"", "a b", `"a b" c`, `'a b'"c"`, `"a\"b\\"`, `a"`, "\t\n x", `""`, "a\x00b", "\xff "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, g := range []struct {
			name  string
			split splitter
			// quote writes a word for the grammar; ok is false if it cannot.
			quote func(string) (q string, ok bool)
		}{
			{"jvm", splitJVM, func(w string) (string, bool) {
				if !strings.Contains(w, `"`) {
					return `"` + w + `"`, true
				}
				return `'` + w + `'`, !strings.Contains(w, `'`)
			}},
			{"node", splitNode, func(w string) (string, bool) {
				return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w) + `"`, true
			}},
			{"ruby", splitBlanks, func(w string) (string, bool) { return w, w != "" && !strings.ContainsAny(w, " \t\n\v\f\r") }},
		} {
			if q, ok := g.quote(s); ok {
				words, err := g.split(" " + q + "  " + q)
				require.NoError(t, err, g.name)
				require.Equal(t, []string{s, s}, texts(words), g.name)
			}
			words, err := g.split(s)
			if err != nil {
				continue
			}
			var raw []string
			for _, w := range words {
				require.NotEmpty(t, w.raw, g.name)
				require.Contains(t, s, w.raw, g.name)
				raw = append(raw, w.raw)
			}
			again, err := g.split(strings.Join(raw, " "))
			require.NoError(t, err, g.name)
			require.Equal(t, words, again, g.name)
		}
	})
}
