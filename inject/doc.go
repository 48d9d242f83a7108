// Package inject plans how agents get into a runtime: what to change in the
// command line and environment of a program that is about to start, so that
// every agent of a layer stack loads inside it.
//
// It is pure. Data flows one way: [Detect] says what a [Process] is about to
// run, [New] makes a [Plan] of it and the agents' fragments, and [Plan.Apply]
// returns the process to start. Files are looked at through an [io/fs.FS] and
// never written; nothing is executed.
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
// # Adding a runtime
//
// One file that fills a language (see java.go, the largest, and ruby.go, the
// smallest), one row in languages and, for its variables, in grammars.
package inject
