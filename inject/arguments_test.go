package inject

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/testbed"
)

// TestScript: the index of the argument before which GRAFT_ARGS stand, and
// that of the handler.
func TestScript(t *testing.T) {
	for _, c := range []struct {
		lang            *language
		argv            string
		script, handler int
	}{
		{&python, "m1.py", 0, -1},
		{&python, "-u m1.py", 1, -1},
		{&python, "-m awslambdaric app.handler", 0, 2},
		{&python, "-um awslambdaric app.handler", 0, 2},
		{&python, "-u -bm awslambdaric app.handler", 1, 3},
		{&python, "-umawslambdaric app.handler", 0, 1},
		{&python, "-um m1 a", 0, -1},
		{&python, "-um awslambdaric", 0, -1},
		{&python, "-bW ignore m1.py", 2, -1},
		{&python, "-bWignore m1.py", 1, -1},
		{&python, "-uXdev -Wc m1.py", 2, -1},
		{&python, "-X dev -bX utf8 m1.py", 4, -1},
		{&python, "--check-hash-based-pycs never m1.py", 2, -1},
		{&python, "-uc pass", 0, -1},
		{&python, "-u -- m1.py", 1, -1},
		{&ruby, "s.rb", 0, -1},
		{&ruby, "-wI /tmp s.rb", 2, -1},
		{&ruby, "-wI/tmp s.rb", 1, -1},
		{&ruby, "-ne 1 s.rb", 0, -1},
		{&ruby, "-w -ne 1 s.rb", 1, -1},
		{&ruby, "-wr set s.rb", 2, -1},
		{&ruby, "-Ku s.rb", 1, -1},
		{&ruby, "-Ke s.rb", 1, -1},
		{&ruby, "-KeI /tmp s.rb", 2, -1},
		{&ruby, "-W:experimental s.rb", 1, -1},
		{&ruby, "-i.rE s.rb", 1, -1},
		{&ruby, "-C /tmp s.rb", 2, -1},
		{&ruby, "-w -- s.rb", 1, -1},
		{&ruby, "--encoding utf-8 -w s.rb", 3, -1},
		{&ruby, "-wI /tmp /x/bin/aws_lambda_ric app.handler", 2, 3},
	} {
		argv := append([]string{"program"}, strings.Fields(c.argv)...)
		want := c.handler
		if want >= 0 {
			want++
		}
		assert.Equal(t, c.script+1, c.lang.script(argv, 1), c.argv)
		assert.Equal(t, want, c.lang.handler(argv, 1), c.argv)
	}
}

// TestScriptReal: -v, put where the table above says, leaves the script and
// its arguments what they were.
func TestScriptReal(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"m1.py": "import sys; print(sys.argv[1:])", "s.rb": "p ARGV"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	run := func(program string, argv []string) string {
		cmd := exec.Command(program, argv...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader("line\n")
		out, err := cmd.Output()
		require.NoError(t, err, "%s %q", program, argv)
		return string(out)
	}
	for _, c := range []struct {
		lang      *language
		tool, add string
		argvs     []string
	}{
		{&python, "python3", "-O", []string{"m1.py a", "-um m1 a", "-umm1 a", "-bW ignore m1.py a", "-bWignore m1.py a", "-uXdev m1.py a", "-X dev -bX utf8 m1.py a", "-u -- m1.py a", "-uc 0 a", "--check-hash-based-pycs never m1.py a"}},
		{&ruby, "ruby", "-W0", []string{"s.rb a", "-wI /tmp s.rb a", "-wI/tmp s.rb a", "-ne print($_)", "-wr set s.rb a", "-KeI /tmp s.rb a", "-W:experimental s.rb a", "-w -- s.rb a", "--encoding utf-8 -w s.rb a", "-C . s.rb a"}},
	} {
		program := testbed.NeedTool(t, c.tool)
		for _, line := range c.argvs {
			argv := strings.Fields(line)
			at := c.lang.script(append([]string{program}, argv...), 1) - 1
			with := append(append(append([]string{}, argv[:at]...), c.add), argv[at:]...)
			assert.Equal(t, run(program, argv), run(program, with), "%q", with)
		}
	}
}

// TestPythonArgsReal: every Python that is here starts with what vetPythonArgs
// accepts.
func TestPythonArgsReal(t *testing.T) {
	bed, err := testbed.Open()
	require.NoError(t, err)
	refused := []string{
		"-X utf8=2", "-X utf8=", "-X tracemalloc=0", "-X tracemalloc=x", "-X tracemalloc=65536", "-X int_max_str_digits=639", "-X int_max_str_digits", "-X frozen_modules=x", "-X nosuch", "-Xdev=1", "-X", "-uX",
		"--check-hash-based-pycs x", "--check-hash-based-pycs=never", "--version", "-V", "-h", "-i", "-I", "-E", "-S", "-um m1", "-c 0", "-", "-bz", "--",
	}
	accepted := []string{
		"-u", "-bBdOqsv", "-OO", "-X dev", "-uXdev", "-uX dev", "-X importtime", "-X faulthandler", "-X utf8", "-X utf8=0", "-X utf8=1", "-X tracemalloc", "-X tracemalloc=1", "-X tracemalloc=65535", "-X showrefcount",
		"-W error", "-bW ignore", "--check-hash-based-pycs always", "--check-hash-based-pycs never", "--check-hash-based-pycs default",
	}
	newer := []string{"-X warn_default_encoding", "-X no_debug_ranges", "-X frozen_modules", "-X frozen_modules=on", "-X frozen_modules=off", "-X int_max_str_digits=0", "-X int_max_str_digits=640", "-X int_max_str_digits=2147483647", "-X perf"}
	for _, name := range []string{"python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13"} {
		t.Run(name, func(t *testing.T) {
			testbed.Need(t, bed, name)
			program, v := realProgram(t, name)
			c := &check{rt: Runtime{Language: fragment.Python, Version: v, Form: Interpreter}, limited: true}
			for _, line := range refused {
				args := strings.Fields(line)
				bad := vetPythonArgs(c, args) != nil || pythonScript(append(args, "script"), 0) != len(args)
				assert.True(t, bad, line)
			}
			for _, line := range append(newer, accepted...) {
				args := strings.Fields(line)
				if err := vetPythonArgs(c, args); err != nil {
					assert.Contains(t, newer, line, "%s: %s", line, err)
					continue
				}
				cmd := exec.Command(program, append(args, "-c", "0")...)
				cmd.Env = []string{"LANG=C.UTF-8"}
				out, err := cmd.CombinedOutput()
				assert.NoError(t, err, "%s %s: %s", v, line, out)
			}
			for _, line := range newer {
				assert.Error(t, vetPythonArgs(&check{rt: c.rt}, strings.Fields(line)), "%s without a bound", line)
			}
		})
	}
}

// TestRubyOptionsReal: Ruby starts with every option that vetRuby accepts in
// RUBYOPT.
func TestRubyOptionsReal(t *testing.T) {
	program := testbed.NeedTool(t, "ruby")
	vet := func(options string, argv bool) error {
		c := &check{
			rt: Runtime{Language: fragment.Ruby, Form: Interpreter}, limited: true,
			frag: fragment.Fragment{Vars: []fragment.Var{{Name: "RUBYOPT", Value: options}}},
		}
		words, _ := splitBlanks(options)
		for _, o := range readRuby(words) {
			o.argv = argv
			if err := vetRuby(c, &o); err != nil {
				return err
			}
		}
		return nil
	}
	good := []string{
		"-w", "-W", "-W0", "-W1", "-W2", "-W:no-deprecated", "-W:deprecated", "-W:experimental", "-W:performance", "-d", "-U", "-Ku", "-KE", "-I/opt", "--debug", "--verbose", "--enable=frozen-string-literal",
		"--disable=did_you_mean", "--disable=error_highlight", "-Eutf-8:UTF-8", "-E:utf-8", "--encoding=utf-8:utf-8", "-w -W0 -d -U",
	}
	for name := range rubyEncodings {
		good = append(good, "-E"+name, "-E:"+name, "--encoding="+name, "--external-encoding="+name, "--internal-encoding="+name)
	}
	for _, options := range good {
		assert.NoError(t, vet(options, false), options)
		cmd := exec.Command(program, "-e", "0")
		cmd.Env = []string{"RUBYOPT=" + options, "LANG=C.UTF-8"}
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s: %s", options, out)
	}
	for _, options := range []string{
		"-Eutf-16le", "-Eutf-32be", "-Ex", "-E:x", "-E", "-E:", "-Eutf-8:utf-8:utf-8", "--encoding=x", "--encoding", "--external-encoding=utf-8:utf-8", "--internal-encoding=utf-16be", "-Kz", "-K", "-Kuw", "-wd", "-W3", "-W:x", "-Wd", "--verbosex", "--debug=x",
		"-Eutf-8 -Eiso-8859-1", "-U --internal-encoding=iso-8859-1", "--encoding=utf-8 --external-encoding=iso-8859-1", "--enable=x", "--enable", "--disable=gems", "--disable=all", "--yjit-foo", "--yjit=1", "--rjit", "--zjit", "--backtrace-limit=3", "--parser=prism",
		"-T", "-v", "-c", "-S", "-h", "-x", "-", "--", "-e1", "-C/tmp", "--version", "-Ilib",
	} {
		assert.Error(t, vet(options, false), options)
	}
	for _, args := range []string{"-E utf-8", "--encoding utf-8:utf-8", "-I /opt", "--enable frozen-string-literal", "-W0"} {
		assert.NoError(t, vet(args, true), args)
		out, err := exec.Command(program, append(strings.Fields(args), "-e", "0")...).CombinedOutput()
		assert.NoError(t, err, "%s: %s", args, out)
	}
}

func TestDotnetArgs(t *testing.T) {
	dir := t.TempDir()
	c := &check{Machine: Machine{Root: os.DirFS("/")}}
	for _, good := range []string{"--roll-forward LatestPatch", "--roll-forward Minor", "--roll-forward LatestMinor", "--roll-forward Major", "--roll-forward LatestMajor --additionalprobingpath " + dir} {
		assert.NoError(t, vetDotnetArgs(c, strings.Fields(good)), good)
	}
	for _, bad := range []string{"--roll-forward Disable", "--roll-forward major", "--roll-forward", "--fx-version 8.0.0", "--roll-forward-on-no-candidate-fx 1", "--additional-deps /nowhere", "--additionalprobingpath lib", "exec", "--info"} {
		assert.Error(t, vetDotnetArgs(c, strings.Fields(bad)), bad)
	}
}
