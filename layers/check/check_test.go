package check_test

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/internal/template"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers/check"
)

var update = flag.Bool("update", false, "write what was found into testdata")

// TestFindings checks the layers and templates in testdata. An archive is a
// working folder; besides its files it holds:
//
//	files   one file per line that text cannot say: "a/p mode=700",
//	        "a/l -> target", "a/empty/", "a/lib.so elf=arm64 [interp=PATH]", "a/big size=N"
//	zip     names of folders to pack into NAME.zip
//	check   the paths to check, the template last; by default every folder
//	want    the report
func TestFindings(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, archive := range archives {
		name := strings.TrimSuffix(filepath.Base(archive), ".txtar")
		t.Run(name, func(t *testing.T) {
			archive, err := filepath.Abs(archive) // the test changes its folder
			require.NoError(t, err)
			ar, err := txtar.ParseFile(archive)
			require.NoError(t, err)
			report := run(t, ar)
			var got bytes.Buffer
			require.NoError(t, report.Print(&got, false))
			i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
			if *update {
				want := txtar.File{Name: "want", Data: got.Bytes()}
				if i < 0 {
					ar.Files = append(ar.Files, want)
				} else {
					ar.Files[i] = want
				}
				require.NoError(t, os.WriteFile(archive, txtar.Format(ar), 0o644))
				return
			}
			require.GreaterOrEqual(t, i, 0)
			assert.Equal(t, string(ar.Files[i].Data), got.String())
			if name != "clean" && !strings.HasPrefix(name, "clean-") {
				code := name
				if n := strings.IndexByte(name, '.'); n > 0 {
					code = name[:n]
				}
				assert.True(t, slices.ContainsFunc(report.Findings, func(f check.Finding) bool { return f.Code == code }), "is named after what it shows")
			} else {
				assert.Empty(t, report.Findings)
			}
		})
	}
}

// TestEveryRuleIsShown wants an archive, or a hostile zip, for each rule.
func TestEveryRuleIsShown(t *testing.T) {
	for _, r := range check.Rules {
		shown, err := filepath.Glob("testdata/" + r.Code + ".txtar")
		require.NoError(t, err)
		more, err := filepath.Glob("testdata/" + r.Code + ".*.txtar")
		require.NoError(t, err)
		hostile := slices.ContainsFunc(hostileZips, func(z hostileZip) bool { return slices.Contains(z.want, r.Code) })
		assert.True(t, len(shown)+len(more) > 0 || hostile || r.Code == "unreadable-file", r.Code)
		assert.NotEmpty(t, r.Title, r.Code)
		assert.NotEmpty(t, r.Remedy, r.Code)
		assert.Contains(t, []check.Severity{check.Error, check.Warning}, r.Severity, r.Code)
	}
}

// run lays out an archive and checks it.
func run(t *testing.T, ar *txtar.Archive) check.Report {
	t.Helper()
	t.Chdir(t.TempDir())
	var paths, zips, late []string
	folders := map[string]bool{}
	for _, f := range ar.Files {
		switch f.Name {
		case "want":
		case "check":
			paths = strings.Fields(string(f.Data))
		case "zip":
			zips = strings.Fields(string(f.Data))
		case "files":
			late = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		default:
			write(t, f.Name, f.Data)
			if top, _, ok := strings.Cut(f.Name, "/"); ok {
				folders[top] = true
			}
		}
	}
	for _, line := range late {
		special(t, line)
		top, _, _ := strings.Cut(line, "/")
		folders[top] = true
	}
	for _, name := range zips {
		pack(t, name)
		delete(folders, name)
		folders[name+".zip"] = true
	}
	if paths == nil {
		for name := range folders {
			paths = append(paths, name)
		}
		slices.Sort(paths)
	}
	var list []*check.Layer
	open := func(file string) (*check.Layer, error) {
		l, err := check.Open(file)
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
		}
		return l, err
	}
	for _, p := range paths {
		if strings.HasSuffix(p, ".yaml") {
			data, err := os.ReadFile(p)
			require.NoError(t, err)
			reach := template.ReachOf(p, paths...)
			return check.Template(check.Options{}, p, data, func(file string) (*check.Layer, error) {
				if !filepath.IsAbs(file) {
					file = filepath.Join(filepath.Dir(p), file)
				}
				if real, err := template.RealPath(file); err == nil && !reach.Holds(real) {
					return nil, check.ErrOutside
				}
				return open(file)
			}, list...)
		}
		l, err := open(p)
		require.NoError(t, err)
		list = append(list, l)
	}
	return check.Layers(check.Options{}, list...)
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, data, 0o644))
}

// special makes what one line of the section "files" says.
func special(t *testing.T, line string) {
	t.Helper()
	if name, target, ok := strings.Cut(line, " -> "); ok {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.Symlink(target, name))
		return
	}
	if strings.HasSuffix(line, "/") {
		require.NoError(t, os.MkdirAll(line, 0o755))
		return
	}
	words := strings.Fields(line)
	name, mode, arch, interp, crlf := words[0], uint64(0o644), "", "", false
	size := int64(-1)
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		var err error
		switch key {
		case "mode":
			mode, err = strconv.ParseUint(value, 8, 32)
		case "elf":
			arch = value
		case "interp":
			interp = value
		case "size":
			size, err = strconv.ParseInt(value, 10, 64)
		case "crlf":
			crlf = true
		default:
			t.Fatalf("files: %q", line)
		}
		require.NoError(t, err)
	}
	data, err := os.ReadFile(name)
	if err != nil || arch != "" {
		data = nil
	}
	if arch != "" {
		machine, kind := native.Machine(arch), elf.ET_DYN
		require.NotZero(t, machine, arch)
		if interp == "static" {
			kind, interp = elf.ET_EXEC, ""
		}
		data = testbed.Object(kind, machine, interp)
	}
	if crlf {
		data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}
	write(t, name, data)
	if size >= 0 {
		require.NoError(t, os.Truncate(name, size))
	}
	perm := fs.FileMode(mode & 0o777)
	if mode&0o4000 != 0 {
		perm |= fs.ModeSetuid
	}
	require.NoError(t, os.Chmod(name, perm))
}

// pack makes NAME.zip of a folder, with the modes as they are.
func pack(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name + ".zip")
	require.NoError(t, err)
	z := zip.NewWriter(f)
	require.NoError(t, filepath.WalkDir(name, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		require.NoError(t, err)
		rel, err := filepath.Rel(name, file)
		require.NoError(t, err)
		h := &zip.FileHeader{Name: rel, Method: zip.Deflate}
		h.SetMode(info.Mode())
		w, err := z.CreateHeader(h)
		require.NoError(t, err)
		var data []byte
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(file)
			require.NoError(t, err)
			data = []byte(target)
		} else if data, err = os.ReadFile(file); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}))
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
}

// locked is a folder in which one file cannot be opened.
type locked struct{ fstest.MapFS }

func (l locked) Open(name string) (fs.File, error) {
	if name == "secret" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.MapFS.Open(name)
}

// TestUnreadableFile: as any user, root too.
func TestUnreadableFile(t *testing.T) {
	l := check.ReadFolder("layer", locked{fstest.MapFS{"secret": {Mode: 0o644}, "open": {Mode: 0o644}}})
	report := check.Layers(check.Options{}, l)
	require.Len(t, report.Findings, 1)
	assert.Equal(t, "unreadable-file", report.Findings[0].Code)
	assert.Equal(t, "layer/secret", report.Findings[0].Path)
	assert.Equal(t, "permission denied", report.Findings[0].Message)
}

// TestManyAlike: many findings of a kind are told as a few and a number.
func TestManyAlike(t *testing.T) {
	files := fstest.MapFS{}
	for i := range 100 {
		files[fmt.Sprintf("extensions/data%03d", i)] = &fstest.MapFile{Data: []byte("x"), Mode: 0o644}
	}
	report := check.Layers(check.Options{}, check.ReadFolder("layer", files))
	require.Len(t, report.Findings, 11)
	assert.Equal(t, "too-many-extensions", report.Findings[0].Code)
	assert.Equal(t, "neither a program nor executable (and 90 more like this)", report.Findings[10].Message)
}

// TestLongNames: what a finding says stays readable whatever a template holds.
func TestLongNames(t *testing.T) {
	text := "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Runtime: " + strings.Repeat("é", 5000) + ", Layers: [" + strings.Repeat("é", 5000) + "]}\n"
	report := check.Template(check.Options{}, "template.yaml", []byte(text), nil)
	require.Len(t, report.Findings, 2)
	assert.Equal(t, "layer-not-found", report.Findings[0].Code)
	assert.Equal(t, "function F: "+strings.Repeat("é", 494)+"…", report.Findings[0].Message)
	assert.Equal(t, "runtime-invalid", report.Findings[1].Code)
	assert.Equal(t, "function F: \""+strings.Repeat("é", 32)+"…\"", report.Findings[1].Message)
}
