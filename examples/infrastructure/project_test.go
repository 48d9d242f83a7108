// Package infrastructure is one project, a function and a layer with graft,
// shipped by each of the tools that people use: SAM, CloudFormation, the CDK,
// Terraform and the Serverless Framework. Its tests run those tools on a copy outside the source tree.
package infrastructure

import (
	"archive/zip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/keep"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// A project is a copy of this folder.
type project struct {
	t   *testing.T
	bed *testbed.Bed
	dir string
	env []string
}

// newProject copies what users would have: nothing that tools have left, and no
// test.
func newProject(t *testing.T) *project {
	bed, err := testbed.Open()
	require.NoError(t, err)
	dir := t.TempDir()
	for _, part := range []string{"agents", "function", "sam", "cloudformation", "terraform", "cdk", "serverless"} {
		copied(t, part, filepath.Join(dir, part), "node_modules", "cdk.out", ".terraform", ".serverless")
	}
	// As in a user's repository, whose templates may point anywhere in it.
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".git"), 0o755))
	return &project{t: t, bed: bed, dir: dir}
}

// copied copies a folder but for entries of these names.
func copied(t *testing.T, from, to string, without ...string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, other := range without {
			if d.Name() == other && d.IsDir() {
				return filepath.SkipDir
			}
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if !d.Type().IsRegular() {
			return nil // such as a worktree's sockets
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, info.Mode().Perm())
	}))
}

// run runs a program in a folder of the project and returns its output.
func (p *project) run(folder string, argv ...string) string {
	p.t.Helper()
	out, err := keep.Run(p.t.Context(), keep.Command{Dir: filepath.Join(p.dir, folder), Env: p.env, Argv: argv})
	require.NoError(p.t, err, argv)
	return strings.TrimSpace(out)
}

// tool is the path of a program of AWS's.
func (p *project) tool(name string) string {
	p.t.Helper()
	path, err := p.bed.AWSTool(p.t.Context(), name)
	testbed.NeedErr(p.t, err)
	return path
}

// dist makes what the templates ship: the layer's zip and the function's.
func (p *project) dist() {
	p.t.Helper()
	_, err := keep.Run(p.t.Context(), keep.Command{Dir: sources(p.t), Argv: []string{"go", "run", "./layers/graft", "build",
		"--arch", "arm64", "--out", filepath.Join(p.dir, "dist"), "--name", "agents", filepath.Join(p.dir, "agents/layer")}})
	require.NoError(p.t, err)
	file, err := os.Create(filepath.Join(p.dir, "dist/function.zip"))
	require.NoError(p.t, err)
	defer file.Close()
	w := zip.NewWriter(file)
	require.NoError(p.t, w.AddFS(os.DirFS(filepath.Join(p.dir, "function"))))
	require.NoError(p.t, w.Close())
}

// check has graft check look at files of the project.
func (p *project) check(files ...string) {
	p.t.Helper()
	argv := []string{"go", "run", "./layers/graft", "check", "--strict"}
	for _, file := range files {
		argv = append(argv, filepath.Join(p.dir, file))
	}
	_, err := keep.Run(p.t.Context(), keep.Command{Dir: sources(p.t), Argv: argv})
	require.NoError(p.t, err)
}

// npm gives a folder of the project the packages that its lock file pins, the
// one named among them, and a Node.js to run them with.
func (p *project) npm(folder, name string) {
	p.t.Helper()
	packages, err := p.bed.Packages(p.t.Context(), filepath.Join(p.dir, folder), name)
	testbed.NeedErr(p.t, err)
	require.NoError(p.t, os.Symlink(filepath.Join(packages, "node_modules"), filepath.Join(p.dir, folder, "node_modules")))
	node := filepath.Join(testbed.Need(p.t, p.bed, "nodejs24").Mounts[0].Source, "bin")
	p.env = append(p.env, "PATH="+node+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+p.t.TempDir())
}

// moto has the project's tools talk to a moto of its own.
func (p *project) moto() {
	p.t.Helper()
	p.env = append(p.env, testbed.NeedMoto(p.t, p.bed)...)
}

// sources is the root of graft's own.
func sources(t *testing.T) string {
	t.Helper()
	root, err := layers.SourceTree(context.Background())
	require.NoError(t, err)
	return root
}
