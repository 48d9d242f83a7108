package fragment_test

import (
	"strings"
	"testing"

	"github.com/joho/godotenv"

	"github.com/graft-lambda/graft/inject/fragment"
)

// FuzzParse: a file with a secret in it is read or refused, never with a
// panic. What is refused says the same whatever the secret is; what is read,
// godotenv reads alike.
func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"A=", "\nB=1\n"}, {"A='", "'"}, {"A=\"", "\" # x"}, {"export A=", ""}, {"", ""}, {"# ", "\r\nA=x # y"}, {"A=$", "\\"},
		{"GRAFT_RUNTIMES=java\nGRAFT_ARGS=", ";x"}, {"GRAFT_RUNTIMES=", ""}, {"GRAFT_RUNTIMES=java>=17\n_HANDLER=x\nGRAFT_ORIGINAL_HANDLER=", "\nX=1"},
		{"GRAFT_JAVA=", ""}, {"\xef\xbb\xbf", "=1"}, {"A=x\x00", ""}, {"A=\xff", ""}, {"A: ", "\nA =1"}, {"GRAFT_", "=1"}, {"A=1\nA=", ""}, {"", "=x"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		data := before + "S3CR3T.c4n4ry" + after
		got, err := fragment.Parse("f", "a", []byte(data))
		if err != nil {
			other := before + "P9SSW9.w0rdab" + after
			if _, err2 := fragment.Parse("f", "a", []byte(other)); err2 == nil || err.Error() != err2.Error() {
				t.Errorf("the error depends on the secret: %v, %v", err, err2)
			}
			return
		}
		want, err := godotenv.Unmarshal(data)
		if err != nil {
			t.Fatalf("godotenv refuses what is let through: %v", err)
		}
		for _, v := range got.Vars {
			if want[v.Name] != v.Value {
				t.Errorf("%s: %q, godotenv has %q", v.Name, v.Value, want[v.Name])
			}
			if strings.HasPrefix(v.Name, "GRAFT_") || strings.IndexByte(v.Value, 0) >= 0 {
				t.Errorf("%q is let through", v.Name)
			}
		}
	})
}
