package testbed

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"strings"
)

//go:embed runtime/bootstrap.rb
var bootstrapRb []byte

const rubyStandIn = "minimal Ruby runtime loop instead of AWS's aws_lambda_ric"

// rubyRelease is the Ruby of Debian 12, the only one to be had ready-made.
const rubyRelease = "3.1"

func rubyRecipes() []recipe {
	return []recipe{{"ruby" + rubyRelease, func(ctx context.Context, b *Bed) (Runtime, error) {
		rt, err := b.foundRuby(ctx)
		if err == nil && minorOf(rt.Version) != rubyRelease {
			return Runtime{}, unavailable("ruby on PATH is %s, not %s (Debian 12: ruby)", rt.Version, rubyRelease)
		}
		return rt, err
	}}}
}

// foundRuby is the Ruby on PATH, at its own path: its library is not movable.
func (b *Bed) foundRuby(ctx context.Context) (Runtime, error) {
	program, err := Tool("ruby")
	if err != nil {
		return Runtime{}, err
	}
	out, err := run(ctx, command{argv: []string{program, "-e", `print RUBY_VERSION, " ", RbConfig.ruby, " ", RbConfig::CONFIG["ruby_version"]`}})
	if err != nil {
		return Runtime{}, err
	}
	fields := strings.Fields(out)
	if len(fields) != 3 {
		return Runtime{}, unavailable("%s does not tell its version", program)
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
