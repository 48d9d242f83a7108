package testbed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// toolPython is the Python that the programs below run on: their pins are for
// its wheels.
const toolPython = "3.12"

// A pythonTool is a program from the Python package index, with all that it
// needs in a folder of its own.
type pythonTool struct {
	pins     string // the folder below pins
	pkg      string // the package that decides about the version
	programs []pythonProgram
}

// A pythonProgram is a name on PATH for a Python function, as package
// metadata writes it: MODULE:NAME.
type pythonProgram struct{ name, entry string }

// awsTools are what people ship layers with, and what stands in for AWS.
var awsTools = []pythonTool{
	{"sam", "aws-sam-cli", []pythonProgram{{"sam", "samcli.cli.main:cli"}, {"cfn-lint", "cfnlint.runner:main"}}},
	{"awscli", "awscli", []pythonProgram{{"aws", "awscli.clidriver:main"}}},
	{"moto", "moto", []pythonProgram{{"moto_server", "moto.server:main"}}},
}

// AWSTool returns the path of the program sam, cfn-lint, aws or moto_server.
// No other program lies in its folder but those of the same package, so the
// folder may stand on PATH.
func (b *Bed) AWSTool(ctx context.Context, program string) (string, error) {
	for _, tool := range awsTools {
		if !slices.ContainsFunc(tool.programs, func(p pythonProgram) bool { return p.name == program }) {
			continue
		}
		dir, err := b.pythonTool(ctx, tool)
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, "programs", program), nil
	}
	return "", fmt.Errorf("AWS tool %q: not known", program)
}

func (b *Bed) pythonTool(ctx context.Context, tool pythonTool) (string, error) {
	fsys := pinned(tool.pins)
	version, err := pipVersion(fsys, tool.pkg)
	if err != nil {
		return "", err
	}
	lang, _, err := findPython(ctx, toolPython)
	if err != nil {
		return "", err
	}
	python := filepath.Join(lang, "bin/python"+toolPython)
	return b.get(ctx, item{
		name: tool.pkg, version: version, pins: fsys, recipe: starter(python, "MODULE:NAME"),
		fill: func(ctx context.Context, dir string) error {
			site, programs := filepath.Join(dir, "site"), filepath.Join(dir, "programs")
			for _, folder := range []string{site, programs} {
				if err := os.Mkdir(folder, 0o755); err != nil {
					return err
				}
			}
			if err := pipInstall(ctx, python, fsys, site); err != nil {
				return err
			}
			for _, p := range tool.programs {
				if err := os.WriteFile(filepath.Join(programs, p.name), []byte(starter(python, p.entry)), 0o755); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// starter is a program that calls a function from the folder site beside its
// own. No variable carries that folder: a tool that starts another Python, as
// sam does through make, must not give it its own packages.
func starter(python, entry string) string {
	module, function, _ := strings.Cut(entry, ":")
	return fmt.Sprintf(`#!%s -I
import os, site, sys
site.addsitedir(os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "site"))
from %s import %s as main
sys.exit(main())
`, python, module, function)
}
