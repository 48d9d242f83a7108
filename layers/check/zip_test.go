package check_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers/check"
)

// A hostileZip is a zip that was not made in good faith, or by a bad program.
type hostileZip struct {
	name string
	make func(t testing.TB) []byte
	want []string // the codes of the findings
}

// header is what most of them change of a good entry.
type header = zip.FileHeader

// zipOf makes a zip of entries that hold "x".
func zipOf(t testing.TB, headers ...header) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, h := range headers {
		switch {
		case strings.HasSuffix(h.Name, "/") && h.ExternalAttrs == 0:
			h.SetMode(fs.ModeDir | 0o755)
		case h.ExternalAttrs == 0:
			h.SetMode(0o644)
		}
		w, err := z.CreateHeader(&h)
		require.NoError(t, err)
		if !strings.HasSuffix(h.Name, "/") {
			_, err = w.Write([]byte("x"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, z.Close())
	return out.Bytes()
}

// raw makes a zip of one entry whose header says what h says.
func raw(t testing.TB, h header, data string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.CreateRaw(&h)
	require.NoError(t, err)
	_, err = w.Write([]byte(data))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

// linksOf makes a zip of links: name, target, name, target.
func linksOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(names); i += 2 {
		h := header{Name: names[i]}
		h.SetMode(fs.ModeSymlink | 0o777)
		w, err := z.CreateHeader(&h)
		require.NoError(t, err)
		_, err = w.Write([]byte(names[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return out.Bytes()
}

func link(name, target string) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		h := header{Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(target)), UncompressedSize64: uint64(len(target)), CompressedSize64: uint64(len(target))}
		h.SetMode(fs.ModeSymlink | 0o777)
		return raw(t, h, target)
	}
}

func named(names ...string) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		var headers []header
		for _, name := range names {
			headers = append(headers, header{Name: name})
		}
		return zipOf(t, headers...)
	}
}

func mode(name string, m fs.FileMode) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		h := header{Name: name}
		h.SetMode(m)
		return zipOf(t, h)
	}
}

// changed is a good zip of one stored file of 40 bytes, changed.
func changed(change func(data []byte) []byte) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		text := strings.Repeat("text", 10)
		h := header{Name: "file", Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(text)), UncompressedSize64: 40, CompressedSize64: 40}
		h.SetMode(0o644)
		return change(raw(t, h, text))
	}
}

var hostileZips = []hostileZip{
	{"empty file", func(testing.TB) []byte { return nil }, []string{"zip-unreadable"}},
	{"no zip", func(testing.TB) []byte { return []byte(strings.Repeat("text", 100)) }, []string{"zip-unreadable"}},
	{"empty zip", named(), []string{"layer-empty"}},
	{"good", named("a/b", "c"), nil},
	{"escape", named("../../etc/passwd"), []string{"zip-entry-name"}},
	{"escape within", named("a/../../x"), []string{"zip-entry-name"}},
	{"absolute", named("/etc/passwd"), []string{"zip-entry-name"}},
	{"backslash", named(`graft.d\50-a.env`), []string{"zip-entry-name"}},
	{"NUL", named("a\x00b"), []string{"zip-entry-name"}},
	{"terminal codes", named("a\x1b[2Jb"), []string{"zip-entry-name"}},
	{"twice", named("a", "b", "a"), []string{"zip-duplicate"}},
	{"twice in other words", named("a", "./a"), []string{"zip-duplicate"}},
	{"file and folder", named("a", "a/b"), []string{"zip-duplicate"}},
	{"folder twice", named("a/", "a/"), []string{"layer-empty"}},
	{"link out", link("a/l", "../../etc"), []string{"unsafe-link"}},
	{"link absolute", link("l", "/etc/passwd"), []string{"unsafe-link"}},
	{"link to nothing", link("l", "none"), []string{"dangling-link"}},
	{"link to itself", link("l", "l"), []string{"dangling-link"}},
	{"link without end", link("l", strings.Repeat("a/", 5000)), []string{"zip-corrupt"}},
	{"link out by way of links", func(t testing.TB) []byte {
		return linksOf(t, "d", ".", "l", "d/d/../../etc")
	}, []string{"unsafe-link"}},
	{"links to links", func(t testing.TB) []byte {
		return linksOf(t, "a", "b", "b", "../opt/c", "c", ".")
	}, nil},
	{"links around", func(t testing.TB) []byte {
		return linksOf(t, "a", "b/x", "b", "a/x")
	}, []string{"dangling-link"}},
	{"links that grow", func(t testing.TB) []byte {
		longer := strings.Repeat("/.", 2000)
		return linksOf(t, "a", "b"+longer, "b", "c"+longer, "c", "d"+longer, "d", "e"+longer, "e", "f"+longer, "f", ".")
	}, []string{"dangling-link"}},
	{"link that is a folder by its name", mode("d/", fs.ModeSymlink|0o777), []string{"special-file"}},
	{"name without end", named(strings.Repeat("a/", 32000) + "a"), []string{"zip-entry-name"}},
	{"terminal code of one character", named("a\u009b2Jb"), []string{"zip-entry-name"}},
	{"set-user-id", mode("s", fs.ModeSetuid|0o755), []string{"special-file"}},
	{"device", mode("d", fs.ModeDevice|0o644), []string{"special-file"}},
	{"FIFO", mode("d", fs.ModeNamedPipe|0o644), []string{"special-file"}},
	{"for nobody", mode("f", 0o600), []string{"not-world-readable"}},
	{"folder for nobody", mode("f/", fs.ModeDir|0o700), []string{"not-world-readable"}},
	{"encrypted", func(t testing.TB) []byte {
		h := header{Name: "f", Flags: 1, CRC32: 1, UncompressedSize64: 1, CompressedSize64: 13}
		h.SetMode(0o644)
		return raw(t, h, "0123456789012")
	}, []string{"zip-encrypted"}},
	{"unknown method", func(t testing.TB) []byte {
		h := header{Name: "f", Method: 93, UncompressedSize64: 1, CompressedSize64: 1}
		h.SetMode(0o644)
		return raw(t, h, "x")
	}, []string{"zip-method"}},
	{"wrong checksum", func(t testing.TB) []byte {
		h := header{Name: "f", Method: zip.Store, CRC32: 1, UncompressedSize64: 1, CompressedSize64: 1}
		h.SetMode(0o644)
		return raw(t, h, "x")
	}, []string{"zip-corrupt"}},
	{"more than it says", func(t testing.TB) []byte {
		data := deflated(t, strings.Repeat("x", 1<<20))
		h := header{Name: "f", Method: zip.Deflate, UncompressedSize64: 10, CompressedSize64: uint64(len(data))}
		h.SetMode(0o644)
		return raw(t, h, data)
	}, []string{"zip-corrupt"}},
	{"less than it says", func(t testing.TB) []byte {
		data := deflated(t, "x")
		h := header{Name: "f", Method: zip.Deflate, UncompressedSize64: 10, CompressedSize64: uint64(len(data))}
		h.SetMode(0o644)
		return raw(t, h, data)
	}, []string{"zip-corrupt"}},
	{"no deflate data", func(t testing.TB) []byte {
		h := header{Name: "f", Method: zip.Deflate, UncompressedSize64: 10, CompressedSize64: 3}
		h.SetMode(0o644)
		return raw(t, h, "\xff\xff\xff")
	}, []string{"zip-corrupt"}},
	{"says 10 GB", func(t testing.TB) []byte {
		data := deflated(t, strings.Repeat("x", 1000))
		h := header{Name: "f", Method: zip.Deflate, UncompressedSize64: 10 << 30, CompressedSize64: uint64(len(data))}
		h.SetMode(0o644)
		return raw(t, h, data)
	}, []string{"zip-bomb"}},
	{"says more than there are numbers", func(t testing.TB) []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		for _, name := range []string{"a", "b"} {
			h := header{Name: name, Method: zip.Store, UncompressedSize64: 1<<63 + 1, CompressedSize64: 1}
			w, err := z.CreateRaw(&h)
			require.NoError(t, err)
			_, err = w.Write([]byte("x"))
			require.NoError(t, err)
		}
		require.NoError(t, z.Close())
		return out.Bytes()
	}, []string{"zip-bomb"}},
	{"zip64", func(t testing.TB) []byte {
		// One entry more than the old format counts.
		headers := make([]header, 1<<16)
		for i := range headers {
			headers[i].Name = fmt.Sprintf("%d/%d", i/256, i%256)
		}
		return zipOf(t, headers...)
	}, nil},
	{"endless table of contents", func(t testing.TB) []byte {
		var headers []header
		for i := range 300 {
			headers = append(headers, header{Name: strings.Repeat("n", 10) + string(rune('a'+i%26)) + strings.Repeat("/x", i), Comment: strings.Repeat("c", 60000)})
		}
		return zipOf(t, headers...)
	}, []string{"zip-unreadable"}},
	{"endless folders", func(t testing.TB) []byte {
		headers := make([]header, 2100)
		for i := range headers {
			headers[i].Name = fmt.Sprintf("%d/%sf", i, strings.Repeat("a/", 100))
		}
		return zipOf(t, headers...)
	}, []string{"zip-unreadable"}},
	{"cut off", changed(func(data []byte) []byte { return data[:len(data)-10] }), []string{"zip-unreadable"}},
	{"table of contents damaged", changed(func(data []byte) []byte {
		i := bytes.Index(data, []byte("PK\x01\x02"))
		data[i] = 'X'
		return data
	}), []string{"zip-unreadable"}},
	{"table of contents elsewhere", changed(func(data []byte) []byte {
		i := bytes.LastIndex(data, []byte("PK\x05\x06"))
		binary.LittleEndian.PutUint32(data[i+16:], 1<<31)
		return data
	}), []string{"zip-corrupt"}},
	{"content damaged", changed(func(data []byte) []byte {
		i := bytes.Index(data, []byte("text"))
		data[i] = 'X'
		return data
	}), []string{"zip-corrupt"}},
	{"content elsewhere", changed(func(data []byte) []byte {
		i := bytes.Index(data, []byte("PK\x01\x02"))
		binary.LittleEndian.PutUint32(data[i+42:], 60)
		return data
	}), []string{"zip-corrupt"}},
	{"something before it", changed(func(data []byte) []byte { return append([]byte("#!/bin/sh\n"), data...) }), nil},
	{"too large for an upload", func(t testing.TB) []byte {
		return append(make([]byte, 51<<20), zipOf(t, header{Name: "f"})...)
	}, []string{"zip-too-large"}},
	{"a zip in a zip", func(t testing.TB) []byte { return zipOf(t, header{Name: "build/"}, header{Name: "build/layer.zip"}) }, []string{"layer-nested"}},
	{"fragment for another system", func(t testing.TB) []byte {
		return zipOf(t, header{Name: "graft.d/50-a.env", CreatorVersion: 0})
	}, []string{"fragment-invalid"}},
}

func deflated(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "f", Method: zip.Deflate})
	require.NoError(t, err)
	_, err = w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	r, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	raw, err := r.File[0].OpenRaw()
	require.NoError(t, err)
	data := make([]byte, r.File[0].CompressedSize64)
	_, err = raw.Read(data)
	require.NoError(t, err)
	return string(data)
}

// TestHostileZips: a clear finding, never a crash.
func TestHostileZips(t *testing.T) {
	for _, test := range hostileZips {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data := test.make(t)
			report := check.Layers(check.Options{}, check.ReadZip("layer.zip", bytes.NewReader(data), int64(len(data))))
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Code)
				assert.True(t, strings.HasPrefix(f.Path, "layer.zip"), f.Path)
				for _, text := range []string{f.Path, f.Message} {
					assert.NotContains(t, text, "\x1b")
					assert.NotContains(t, text, "\x00")
					assert.NotContains(t, text, "\u009b")
					assert.Less(t, len(text), 10_000)
				}
			}
			slices.Sort(got)
			assert.Equal(t, test.want, slices.Compact(got), report.Findings)
		})
	}
}

// FuzzZip checks any bytes as a zip: whatever they are, the check comes to an
// end and says the same twice.
func FuzzZip(f *testing.F) {
	for _, z := range hostileZips {
		if data := z.make(f); len(data) < 4096 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		run := func() check.Report {
			return check.Layers(check.Options{}, check.ReadZip("z", bytes.NewReader(data), int64(len(data))))
		}
		report := run()
		assert.Equal(t, report, run())
		for _, finding := range report.Findings {
			assert.NotEmpty(t, finding.Message)
			assert.NotContains(t, finding.Path+finding.Message, "\n")
		}
	})
}
