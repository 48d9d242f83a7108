// Package testbed finds or fetches, at pinned versions, the real language
// runtimes and AWS's own runtime clients that the tests and the demo run
// functions on.
//
// What is fetched lands in the repository's folder .cache (GRAFT_CACHE names
// another one), one folder per item. An item's folder name holds its version
// and a digest of its pins and recipe, so a changed pin fetches anew; it is
// built beside its place and renamed when complete, under a lock, so that
// neither an interrupted fetch nor a second process leaves half an item.
//
// # Pins
//
// Every version stands in a manifest under pins/ (package.json with its lock
// file, requirements.txt, pom.xml), where update bots find it. Nothing here
// names a registry: npm, pip and mvn go where they are set up to go.
//
// # Stand-ins
//
// Some parts of AWS's managed runtimes are not published. Where the project
// puts its own in their place, [Runtime.StandIn] says so in one sentence.
package testbed

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/graft-lambda/graft/internal/keep"
)

// ErrUnavailable is what an error wraps when a runtime or tool is neither
// cached nor found and may not be fetched, or cannot be had on this machine.
// The error's text names the reason.
var ErrUnavailable = keep.ErrUnavailable

func unavailable(format string, args ...any) error { return keep.Unavailable(format, args...) }

// A Mount is a folder or file of this machine that stands at Target inside the
// function's mount namespace. Mounts are made in order: a later target may lie
// inside an earlier one, and then exists there.
type Mount struct{ Source, Target string }

// A Runtime is one language runtime with its runtime client, and how it is
// started.
type Runtime struct {
	Name     string // "nodejs22", "python3.12", "java21", "dotnet8", "ruby3.1", "provided", or one of those with "-image"
	Language string // "nodejs", "python", "java", "dotnet", "ruby" or "other"
	Version  string // exact, "22.23.3"; empty for "provided"
	Mounts   []Mount

	// Argv is what the managed bootstrap hands to the program named by
	// AWS_LAMBDA_EXEC_WRAPPER, without a handler, for 1024 MB of memory. Use
	// [Runtime.Command] to get the whole command line.
	Argv []string

	// HandlerInArgv tells that the handler is the last argument. Else only
	// the variable _HANDLER carries it.
	HandlerInArgv bool

	// Env is what the managed bootstrap and its image export before the
	// program starts, as NAME=VALUE. Where a function sets one of these
	// itself, its own value wins. Variables that tell about the function
	// (_HANDLER, LAMBDA_TASK_ROOT, AWS_LAMBDA_FUNCTION_NAME …) are not in it.
	Env []string

	// StandIn is empty, or one sentence that names what is the project's own
	// part in place of AWS's.
	StandIn string
}

// assembly is what stands in Argv for the name of the function's assembly.
const assembly = "{assembly}"

// Command returns the whole command line for a function with this handler.
func (r Runtime) Command(handler string) []string {
	name, _, _ := strings.Cut(handler, "::")
	argv := slices.Clone(r.Argv)
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], assembly, name)
	}
	if r.HandlerInArgv {
		argv = append(argv, handler)
	}
	return argv
}

// A Bed finds, fetches and keeps runtimes and tools. Its methods may be called
// from several goroutines; set its fields before.
type Bed struct {
	Cache string    // absolute path of the cache folder; need not exist
	Fetch bool      // whether anything may be fetched
	Log   io.Writer // gets one line per step of a fetch

	mu sync.Mutex // guards Log
}

// Open returns a bed over the repository's cache folder, found from the
// working directory upwards, or over GRAFT_CACHE. It fetches nothing until
// Fetch is set, except that with GRAFT_TEST_REQUIRE=all Fetch is set already.
func Open() (*Bed, error) {
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	return &Bed{Cache: cache, Fetch: Fetches(), Log: os.Stderr}, nil
}

func cacheFolder() (string, error) {
	if dir, err := keep.Chosen(); dir != "" || err != nil {
		return dir, err
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".cache"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("test bed: no go.mod in %s or above; set GRAFT_CACHE", wd)
		}
	}
}

func (b *Bed) logf(format string, args ...any) {
	if b.Log == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.Log, "testbed: "+format+"\n", args...)
}

// A recipe makes the named runtime.
type recipe struct {
	name string
	make func(context.Context, *Bed) (Runtime, error)
}

// recipes holds every runtime, in the order of Names.
func recipes() []recipe {
	return slices.Concat(nodeRecipes(), pythonRecipes(), javaRecipes(), dotnetRecipes(), rubyRecipes(), providedRecipes())
}

// Names returns the names of all runtimes, in a fixed order.
func (b *Bed) Names() []string {
	var names []string
	for _, r := range recipes() {
		names = append(names, r.name)
	}
	return names
}

// Runtime returns the named runtime, fetching what is missing if b.Fetch
// allows. The error wraps [ErrUnavailable] if it cannot be had here.
func (b *Bed) Runtime(ctx context.Context, name string) (Runtime, error) {
	for _, r := range recipes() {
		if r.name != name {
			continue
		}
		rt, err := r.make(ctx, b)
		if err != nil {
			return Runtime{}, fmt.Errorf("%s: %w", name, err)
		}
		rt.Name = name
		return rt, nil
	}
	return Runtime{}, fmt.Errorf("runtime %q: not one of %s", name, strings.Join(b.Names(), ", "))
}
