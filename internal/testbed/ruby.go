package testbed

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/graft-lambda/graft/internal/keep"
)

//go:embed runtime/bootstrap.rb
var bootstrapRb []byte

const rubyStandIn = "minimal Ruby runtime loop instead of AWS's aws_lambda_ric"

// oldestRuby is the first release that the functions run on, and the name of
// the runtime where there is none.
const oldestRuby = "3.1"

// rubyRelease is the release of the Ruby on PATH, which names the only runtime
// of Ruby: none is to be had ready-made.
var rubyRelease = sync.OnceValue(func() string {
	_, words, err := ask(context.Background(), "ruby", "-e", "print RUBY_VERSION")
	if err != nil || len(words) != 1 {
		return oldestRuby
	}
	return minorOf(words[0])
})

func rubyRecipes() []recipe {
	return []recipe{{"ruby" + rubyRelease(), func(ctx context.Context, b *Bed) (Runtime, error) { return b.foundRuby(ctx) }}}
}

// foundRuby is the Ruby on PATH, at its own path: its library is not movable.
func (b *Bed) foundRuby(ctx context.Context) (Runtime, error) {
	program, err := keep.Tool("ruby")
	if err != nil {
		return Runtime{}, err
	}
	out, err := keep.Run(ctx, keep.Command{Argv: []string{program, "-e", `print RUBY_VERSION, " ", RbConfig.ruby, " ", RbConfig::CONFIG["ruby_version"]`}})
	if err != nil {
		return Runtime{}, err
	}
	fields := strings.Fields(out)
	if len(fields) != 3 {
		return Runtime{}, unavailable("%s does not tell its version", program)
	}
	if older(minorOf(fields[0]), oldestRuby) {
		return Runtime{}, unavailable("ruby on PATH is %s, older than %s (Debian: ruby)", fields[0], oldestRuby)
	}
	client, err := b.rubyClient(ctx)
	if err != nil {
		return Runtime{}, err
	}
	api := fields[2]
	return Runtime{
		Language: "ruby",
		Version:  fields[0],
		Mounts:   []Mount{{client, "/var/runtime"}},
		Argv:     []string{rubyProgram(program, fields[1]), "/var/runtime/bootstrap.rb"},
		Env: append(platformEnv("ruby"+minorOf(fields[0])),
			"GEM_PATH=/var/task/vendor/bundle/ruby/"+api+":/opt/ruby/gems/"+api+":/var/runtime:/var/runtime/ruby/"+api,
			"RUBYLIB=/var/task:/var/runtime/lib:/opt/ruby/lib"),
		StandIn: rubyStandIn,
	}, nil
}

// rubyProgram prefers the name "ruby" where it is the interpreter itself or a
// link to it, and its real path where "ruby" is some other program's shim.
func rubyProgram(found, real string) string {
	target, err := filepath.EvalSymlinks(found)
	if err != nil {
		return real
	}
	if other, err := filepath.EvalSymlinks(real); err == nil && other == target {
		return found
	}
	return real
}

// rubyClient returns a /var/runtime with our own runtime loop.
func (b *Bed) rubyClient(ctx context.Context) (string, error) {
	return b.get(ctx, item{
		name: "ruby-client", version: "1", recipe: string(bootstrapRb),
		fill: func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "bootstrap.rb"), bootstrapRb, 0o644)
		},
	})
}

// older compares releases such as "3.1" by number.
func older(a, b string) bool {
	var x, y [2]int
	_, errA := fmt.Sscanf(a, "%d.%d", &x[0], &x[1])
	_, errB := fmt.Sscanf(b, "%d.%d", &y[0], &y[1])
	return errA != nil || errB != nil || slices.Compare(x[:], y[:]) < 0
}
