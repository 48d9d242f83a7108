package fragment_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
)

// TestParseLine is the gate of fragments: what is let through, and as what.
func TestParseLine(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`A=1`, `1`},
		{`A=`, ``},
		{`_a9=x`, `x`},
		{`A=a=b=c`, `a=b=c`},
		{`A=a b  c`, `a b  c`},
		{"A=x  \t", `x`},
		{`A=x # comment`, `x`},
		{"A=x\t# comment", `x`},
		{`A=x#y`, `x#y`},
		{`A=it's`, `it's`},
		{`A=a "b c" d`, `a "b c" d`},
		{`A=a 'b "c' d # comment`, `a 'b "c' d`},
		{`A=--import "/opt/otel/register.mjs"`, `--import "/opt/otel/register.mjs"`},
		{`A={918728DD-259F-4A6A-AC2B-B85E1B658318}`, `{918728DD-259F-4A6A-AC2B-B85E1B658318}`},
		{`A='x'`, `x`},
		{`A='a $b \ "c" # d'`, `a $b \ "c" # d`},
		{`A=''`, ``},
		{`A='x' # comment`, `x`},
		{`A="a 'b' # c"`, `a 'b' # c`},
		{`A=""`, ``},
		{`A="x" # it's a "comment"`, `x`},
		{`A=ünï → ✓`, `ünï → ✓`},
		{`A=a;b|c&d<e>f(g)`, `a;b|c&d<e>f(g)`},
		{`A=x: y`, `x: y`},
	} {
		for _, end := range []string{"", "\n", "\r\n"} {
			f, err := fragment.Parse("f", "a", []byte("# first\n\n"+c.line+end))
			if assert.NoError(t, err, c.line) {
				name, _, _ := strings.Cut(c.line, "=")
				assert.Equal(t, []fragment.Var{{Name: name, Value: c.want}}, f.Vars, c.line)
			}
		}
	}
}

func TestParseComments(t *testing.T) {
	f, err := fragment.Parse("f", "a", []byte("\n  \n#A=1\n \t# $x \\ \"\n#\r\n\r\n"))
	require.NoError(t, err)
	assert.Empty(t, f.Vars)
}

// TestParseRefuses: anything else is refused with its line; the text is never
// in the error.
func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ line, problem string }{
		{`export A=s3cret`, "export"},
		{"export\tA=s3cret", "export"},
		{`A: s3cret`, "NAME=VALUE"},
		{`A: s3cret=x`, "name"},
		{`s3cret`, "NAME=VALUE"},
		{`A =s3cret`, "blank"},
		{`A= s3cret`, "blank"},
		{"A=\ts3cret", "blank"},
		{` A=s3cret`, "name"},
		{`=s3cret`, "name"},
		{`9A=s3cret`, "name"},
		{`A.B=s3cret`, "name"},
		{`A-B=s3cret`, "name"},
		{`Ä=s3cret`, "name"},
		{`A B=s3cret`, "name"},
		{`A=$s3cret`, "$"},
		{`A=s3cret${B}`, "$"},
		{`A='a' $s3cret`, "closing quote"},
		{`A=s3cret\n`, "backslash"},
		{`A="$s3cret"`, "$"},
		{`A="s3cret\n"`, "backslash"},
		{`A='s3cret\'`, "backslash"},
		{`A='s3cret`, "open quote"},
		{`A="s3cret`, "open quote"},
		{`A="s3"cret`, "closing quote"},
		{`A='s3'#cret`, "closing quote"},
		{`A=x "s3cret # y`, "inside open quotes"},
		{`A=it's s3cret # y`, "inside open quotes"},
		{`A=#s3cret`, "#"},
		{"A=`s3cret`", "backtick"},
		{`A=x # s3cret # y`, "alike"},
		{"A=s3\x00cret", "NUL"},
		{"#s3\x00cret", "NUL"},
		{"A=s3\xffcret", "UTF-8"},
		{"#s3\xffcret", "UTF-8"},
		{"A=s3\x1bcret", "control"},
		{"A=s3cret\rB=1", "carriage return"},
		{"# comment\rA=s3cret", "carriage return"},
		{"A=s3cret\u00a0", "alike"},
		{"A=1\nA=s3cret", "twice"},
		{"GRAFT_RUNTIMES=java\nGRAFT_RUNTIMES=s3cret", "twice"},
		{"\xef\xbb\xbfA=s3cret", "byte order mark"},
		{"GRAFT_NO_SUCH=s3cret", "not a directive"},
		{"GRAFT_DISABLE=s3cret", "not a directive"},
		{"GRAFT_RUNTIMES=s3cret", "none of java"},
		{"GRAFT_RUNTIMES=nodejs>=s3cret", "bound"},
		{"GRAFT_RUNTIMES=nodejs>=1.2.3.4", "bound"},
		{"GRAFT_RUNTIMES=java,,python", "none of java"},
		{"GRAFT_RUNTIMES=", "none of java"},
		{"GRAFT_JAVA=s3cret", "argv"},
		{"GRAFT_ORIGINAL_HANDLER=s3-cret", "name of a variable"},
		{"GRAFT_ORIGINAL_HANDLER=GRAFT_X", "name of a variable"},
		{`GRAFT_ARGS=`, "no argument"},
		{`GRAFT_ARGS=--a;s3cret`, "stops at byte 3"},
		{`GRAFT_ARGS=--a=b|s3cret`, "stops at byte 5"},
		{`GRAFT_ARGS=s3cret >x`, "stops at"},
		{`GRAFT_ARGS=a (s3cret)`, "bracket"},
		{`GRAFT_ARGS=a "s3cret`, "open quote"},
		{`GRAFT_ARGS=-s3cret`, "exactly one runtime"},
		{"GRAFT_RUNTIMES=java,python\nGRAFT_ARGS=-s3cret", "exactly one runtime"},
		{"_HANDLER=s3cret", "exactly one runtime"},
		{"GRAFT_RUNTIMES=java\n_HANDLER=s3cret", "GRAFT_ORIGINAL_HANDLER"},
		{"GRAFT_ORIGINAL_HANDLER=S3CRET", "needs _HANDLER"},
		{"GRAFT_RUNTIMES=java\n_HANDLER=s3cret\nGRAFT_ORIGINAL_HANDLER=X\nX=1", "is given a value"},
	} {
		_, err := fragment.Parse("/opt/graft.d/50-a.env", "a", []byte(c.line+"\n"))
		if assert.ErrorContains(t, err, c.problem, c.line) {
			assert.Contains(t, err.Error(), "/opt/graft.d/50-a.env:", c.line)
			assert.NotContains(t, strings.ToLower(err.Error()), "s3", c.line)
		}
	}
}

func TestParseNamesTheLine(t *testing.T) {
	_, err := fragment.Parse("f.env", "a", []byte("# one\r\nA=1\r\n\r\nB = 2\r\n"))
	assert.EqualError(t, err, `f.env:4: has a blank beside "="`)
}

func TestParseSize(t *testing.T) {
	data := []byte("A=" + strings.Repeat("x", fragment.MaxSize-2))
	f, err := fragment.Parse("f", "a", data)
	require.NoError(t, err)
	assert.Len(t, f.Vars[0].Value, 1<<20-2)
	_, err = fragment.Parse("f", "a", append(data, 'x'))
	assert.EqualError(t, err, "f: larger than 1 MiB")
}

func TestParseDirectives(t *testing.T) {
	f, err := fragment.Parse("f", "a", []byte(`GRAFT_RUNTIMES=java>=17, java<8
GRAFT_ARGS=--a "b c" 'd;e' --f='g h'
GRAFT_ORIGINAL_HANDLER=OLD
_HANDLER=new
GRAFT_JAVA=env
GRAFT_RUN=/opt/x
GRAFT_RUN_READY=none
GRAFT_RUN_READY_TIMEOUT=1s
B=2
A=1
`))
	require.NoError(t, err)
	assert.Equal(t, []string{"--a", "b c", "d;e", "--f=g h"}, f.Args)
	assert.Equal(t, "OLD", f.OriginalHandler)
	assert.Equal(t, "env", f.Java)
	assert.Len(t, f.Runtimes, 2)
	only, ok := f.Only()
	assert.True(t, ok)
	assert.Equal(t, fragment.Java, only)
	assert.Equal(t, []fragment.Var{{Name: "_HANDLER", Value: "new"}, {Name: "B", Value: "2"}, {Name: "A", Value: "1"}}, f.Vars, "in file order, without directives")
}

// TestWords: neither variables nor commands, whatever the text.
func TestWords(t *testing.T) {
	t.Setenv("GRAFT_TEST_WORD", "expanded")
	words, err := fragment.Words(`$GRAFT_TEST_WORD "${GRAFT_TEST_WORD}" '$(echo x)'`)
	require.NoError(t, err)
	assert.Equal(t, []string{"$GRAFT_TEST_WORD", "${GRAFT_TEST_WORD}", "$(echo x)"}, words)
	words, err = fragment.Words("`echo x`")
	if err == nil {
		assert.Equal(t, []string{"`echo x`"}, words)
	}
}
