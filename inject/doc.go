// Package inject plans how agents get into a runtime: what to change in the
// command line and environment of a program that is about to start, so that
// every agent of a layer stack loads inside it.
//
// It is pure. Data flows one way: [Detect] says what a [Process] is about to
// run, [New] makes a [Plan] of it and the agents' fragments, and [Plan.Apply]
// returns the process to start. [Decide] is all of that, from the settings and
// fragments on. Files are looked at through an [io/fs.FS] and never written;
// nothing is executed.
//
// # Promises
//
//   - Keep: the owner's own text survives byte for byte, in its place.
//   - Once: a plan for the result of a plan adds nothing.
//   - Whole or not at all: a fragment that cannot be applied as a whole becomes
//     a [Skip] with its reason, and nothing of it is applied.
//   - Nothing else: every variable and argument that is not planned keeps its
//     bytes and its order.
//
// # Who wins
//
// The owner of the function over a fragment, a fragment over the runtime's own
// defaults; of two fragments the later. Agents add up. Only options that hold
// one value are compared by key; everything else is a duplicate only if it
// says the same.
//
// # Grammars
//
// A fragment's variable is merged by its own grammar:
//
//   - option strings, split by the runtime's own quoting rules:
//     JAVA_TOOL_OPTIONS, JDK_JAVA_OPTIONS, _JAVA_OPTIONS; NODE_OPTIONS; RUBYOPT
//   - path lists: PYTHONPATH; NODE_PATH; RUBYLIB, GEM_PATH;
//     DOTNET_STARTUP_HOOKS, DOTNET_ADDITIONAL_DEPS, DOTNET_SHARED_STORE;
//     LD_PRELOAD, LD_LIBRARY_PATH, PATH
//   - one profiler, as a group: CORECLR_ENABLE_PROFILING, CORECLR_PROFILER,
//     CORECLR_PROFILER_PATH, CORECLR_PROFILER_PATH_64,
//     CORECLR_PROFILER_PATH_32, CORECLR_PROFILER_PATH_ARM64
//   - a list of keys: OTEL_RESOURCE_ATTRIBUTES
//   - the handler: _HANDLER
//   - another wrapper: AWS_LAMBDA_EXEC_WRAPPER
//   - anything else is a default: set if the function does not have it
//
// # Adding a runtime
//
// One file that fills a language (see java.go, the largest, and ruby.go, the
// smallest), one row in languages and, for its variables, in grammars.
package inject
