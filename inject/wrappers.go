package inject

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// RunDir holds the one-line files "#!/opt/graft", named as the runtimes'
// programs, through which several foreign wrappers run one after another.
const RunDir = "/opt/graft-run"

// ChainVar carries the rest of a chain of wrappers to the next call of graft.
const ChainVar = "GRAFT_CHAIN"

// ownWrapper checks the function's own wrapper, which runs last.
func (p *planner) ownWrapper() {
	file := p.settings.Next
	if file == "" {
		return
	}
	if p.rt.Form == Script {
		if err := p.leftToScript("wrapper"); err != nil {
			p.plan.skip("GRAFT_NEXT", err)
		}
		return
	}
	if err := p.checkWrapper(&check{Machine: p.Machine, rt: p.rt, env: p.process.Env}, file); err != nil {
		p.plan.skip("GRAFT_NEXT", err)
		return
	}
	p.next = []Wrapper{{Path: file}}
}

// leftToScript is why a script's wrapper and handler are left alone. It is no
// problem if the script is about to call graft again, as the managed runtimes'
// own does behind /lambda-entrypoint.sh.
func (p *planner) leftToScript(what string) error {
	if again, ok := p.process.Env.Lookup("AWS_LAMBDA_EXEC_WRAPPER"); ok && p.sameFile(again, p.Self) {
		return nil
	}
	return fmt.Errorf("the program is a script, whose %s is left alone: let it call graft before the runtime", what)
}

// joinWrapper checks a fragment's wrapper. It returns none if nothing is to
// be run for it: of one that runs already, only the second run is left out.
func (p *planner) joinWrapper(c *check, file string) (string, error) {
	if p.rt.Form == Script {
		return "", p.leftToScript("wrapper")
	}
	if err := p.checkWrapper(c, file); err != nil {
		return "", err
	}
	others := append(slices.Clone(p.wrappers), p.next...)
	if slices.ContainsFunc(others, func(w Wrapper) bool { return p.sameFile(w.Path, file) }) {
		p.plan.skip("", errors.New(c.frag.Name+"'s wrapper "+file+": runs already, and once is enough"))
		return "", nil
	}
	if len(others) > 0 && p.runFile() == "" {
		return "", faultf(file, OtherReason, "only one wrapper can run: there is no %s/%s", RunDir, path.Base(p.process.Argv[0]))
	}
	return file, nil
}

// checkWrapper reports why a file cannot be run as a wrapper. What stands in
// RunDir is graft, too, and so is every script that names it as its interpreter.
func (p *planner) checkWrapper(c *check, file string) error {
	if err := c.executable(file); err != nil {
		return err
	}
	if p.sameFile(file, p.Self) || path.Dir(path.Clean(file)) == RunDir || p.RunsSelf(file, nil) {
		return faultf(file, OtherReason, "is graft itself")
	}
	if p.callsSelf(file) {
		return faultf(file, OtherReason, "calls graft, which would run it again without end")
	}
	return nil
}

// callsSelf reports whether a script names graft in a line that is no comment.
func (p *planner) callsSelf(file string) bool {
	const most = 64 << 10
	text, err := p.head(file, most)
	if err != nil || !bytes.HasPrefix(text, []byte("#!")) {
		return false
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		_, rest, found := bytes.Cut(line, []byte(p.Self))
		if found && line[0] != '#' && (len(rest) == 0 || !bytes.ContainsAny(rest[:1], "-._/abcdefghijklmnopqrstuvwxyz0123456789")) {
			return true
		}
	}
	return false
}

// executable reports why a file cannot be run as a wrapper.
func (c *check) executable(file string) error {
	if !path.IsAbs(file) {
		return fmt.Errorf("%q is a relative path: it would change its meaning with the working directory", file)
	}
	// A program need not be readable.
	info, err := c.regular(file)
	switch {
	case err != nil:
		return err
	case info.Mode()&0o111 == 0:
		return faultf(file, NotExecutable, "is not executable")
	}
	head, err := c.head(file, 256)
	if err != nil || !strings.HasPrefix(string(head), "#!") {
		return nil
	}
	line, _, _ := strings.Cut(string(head[2:]), "\n")
	if strings.HasSuffix(line, "\r") {
		return faultf(file, LineEndCRLF, "its first line ends with CRLF: save it with LF")
	}
	words := strings.Fields(line)
	if len(words) > 0 && path.IsAbs(words[0]) && !c.exists(words[0]) {
		return faultf(file, MissingInterpreter, "its interpreter %s: no such file", words[0])
	}
	return nil
}

// runFile returns the file in RunDir that stands for the process's program;
// empty if there is none.
func (p *planner) runFile() string {
	file := RunDir + "/" + path.Base(p.process.Argv[0])
	if info, err := fs.Stat(p.Root, fragment.Rel(file)); err != nil || info.Mode()&0o111 == 0 {
		return ""
	}
	return file
}

// A Chain is what is left to run: wrappers, then the program.
type Chain struct {
	// PID is the process that the chain belongs to.
	PID      int
	Program  string
	Wrappers []string
}

// A path may hold any byte but NUL, the separator too.
var (
	escape   = strings.NewReplacer("%", "%25", ":", "%3A")
	unescape = strings.NewReplacer("%25", "%", "%3A", ":")
)

// String encodes the chain for ChainVar.
func (c Chain) String() string {
	s := strconv.Itoa(c.PID) + ":" + escape.Replace(c.Program)
	for _, w := range c.Wrappers {
		s += ":" + escape.Replace(w)
	}
	return s
}

// ParseChain decodes the value of ChainVar.
func ParseChain(s string) (Chain, error) {
	parts := strings.Split(s, ":")
	for i := range parts {
		parts[i] = unescape.Replace(parts[i])
	}
	pid, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 2 || parts[1] == "" {
		return Chain{}, fmt.Errorf("%s: is not what graft writes", ChainVar)
	}
	return Chain{PID: pid, Program: parts[1], Wrappers: parts[2:]}, nil
}

// Step returns the command that runs next in a chain: the next wrapper with
// the rest of the chain behind it, or the program itself. args are the
// program's arguments. rest is what remains if that command cannot be started.
func (c Chain) Step(args []string, env Env) (command Process, rest Chain) {
	env = env.Without(ChainVar)
	if len(c.Wrappers) == 0 {
		return Process{append([]string{c.Program}, args...), env}, c
	}
	wrapper := c.Wrappers[0]
	rest = Chain{c.PID, c.Program, c.Wrappers[1:]}
	program := c.Program
	if len(rest.Wrappers) > 0 {
		program = RunDir + "/" + path.Base(c.Program)
		env = env.With(ChainVar, rest.String())
	}
	return Process{append([]string{wrapper, program}, args...), env}, rest
}
