package infrastructure

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers/check"
)

// machines are the processors of the layers that SAM builds, by the end of
// their logical ids.
var machines = map[string]struct {
	arch    string
	machine elf.Machine
}{"": {"amd64", elf.EM_X86_64}, "Arm64": {"arm64", elf.EM_AARCH64}}

// sam is the program, and the variables that keep it to itself.
func (p *project) sam() string {
	p.t.Helper()
	testbed.NeedTool(p.t, "make")
	// SAM builds in folders that are new each time: by their paths nothing that
	// was compiled before would be found.
	p.env = append(p.env, "GOFLAGS=-trimpath", "SAM_CLI_TELEMETRY=0", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "NO_COLOR=1")
	return p.tool("sam")
}

// builtLayers checks the layers of both processors that `sam build` has left.
func (p *project) builtLayers(folder, id string) {
	p.t.Helper()
	for suffix, want := range machines {
		dir := filepath.Join(p.dir, folder, ".aws-sam/build", id+suffix)
		l, err := check.Open(dir)
		require.NoError(p.t, err)
		assert.Empty(p.t, check.Layers(check.Options{Arch: want.arch}, l).Findings)
		require.NoError(p.t, l.Close())
		for _, name := range []string{"graft", "extensions/graft-companion"} {
			program, err := elf.Open(filepath.Join(dir, name))
			require.NoError(p.t, err)
			assert.Equal(p.t, want.machine, program.Machine)
			require.NoError(p.t, program.Close())
		}
	}
}

// TestSAM builds the layers of a repository of the user's own: three lines of
// Makefile in the folder that is the layer's ContentUri. SAM builds them in its
// copy of that folder and where it stands, and packages them to moto.
func TestSAM(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	sam := p.sam()
	makefile, err := os.ReadFile(filepath.Join(p.dir, "agents/Makefile"))
	require.NoError(t, err)
	assert.Equal(t, 3, bytes.Count(makefile, []byte("\n")))
	p.env = append(p.env, "GRAFT=go -C "+sources(t)+" run ./layers/graft")
	// SAM wants to see the function's own runtime.
	python := filepath.Join(testbed.Need(t, p.bed, "python3.13").Mounts[0].Source, "bin")
	p.env = append(p.env, "PATH="+python+string(os.PathListSeparator)+os.Getenv("PATH"))
	p.moto()
	p.run("sam", sam, "validate", "--lint")
	for _, options := range [][]string{nil, {"--build-in-source"}} {
		require.NoError(t, os.RemoveAll(filepath.Join(p.dir, "sam/.aws-sam")))
		p.run("sam", append([]string{sam, "build"}, options...)...)
		p.builtLayers("sam", "Agents")
		p.check("sam/template.yaml")
		p.check("sam/.aws-sam/build/template.yaml")
		assert.FileExists(t, filepath.Join(p.dir, "sam/.aws-sam/build/AgentsArm64/graft.d/50-resource.env"))
	}

	aws := p.tool("aws")
	p.run("", aws, "s3", "mb", "s3://artifacts")
	p.run("sam", sam, "package", "--s3-bucket", "artifacts", "--output-template-file", "packaged.yaml")
	p.run("", aws, "s3", "sync", "--quiet", "s3://artifacts", "uploaded")
	uploaded, err := filepath.Glob(filepath.Join(p.dir, "uploaded/*"))
	require.NoError(t, err)
	modes := 0
	for _, name := range uploaded {
		z, err := zip.OpenReader(name)
		if err != nil {
			continue // the packaged template
		}
		for _, f := range z.File {
			if f.Name == "graft" || f.Name == "extensions/graft-companion" {
				assert.Equal(t, os.FileMode(0o755), f.Mode(), f.Name)
				modes++
			}
		}
		require.NoError(t, z.Close())
	}
	assert.Equal(t, 4, modes, "two programs in the layers of both processors, among %v", uploaded)
}

// TestSAMWithTheRepository has graft's own repository as the layers' ContentUri.
// It is a copy that is not at hand elsewhere: without the cache and whatever
// else lies in a work tree, which SAM would copy too.
func TestSAMWithTheRepository(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	sam := p.sam()
	copied(t, sources(t), filepath.Join(p.dir, "graft"), ".cache", ".git", ".aws-sam", "dist", "node_modules")
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "template.yaml"), []byte(`
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Graft:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: makefile, BuildArchitecture: x86_64}
    Properties:
      ContentUri: graft/
      CompatibleArchitectures: [x86_64]
  GraftArm64:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: makefile, BuildArchitecture: arm64}
    Properties:
      ContentUri: graft/
      CompatibleArchitectures: [arm64]
`), 0o644))
	p.run("", sam, "validate", "--lint")
	for _, options := range [][]string{nil, {"--build-in-source"}} {
		require.NoError(t, os.RemoveAll(filepath.Join(p.dir, ".aws-sam")))
		p.run("", append([]string{sam, "build"}, options...)...)
		p.builtLayers("", "Graft")
	}
}

// TestSAMExample builds the layer with an extension in Python and its packages.
func TestSAMExample(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	sam := p.sam()
	testbed.NeedFetch(t) // the folder of installed packages may not have them
	root := filepath.Join(p.dir, "graft")
	copied(t, sources(t), root, ".cache", ".git", ".aws-sam", "dist", "node_modules")
	p.env = append(p.env, "GRAFT_CACHE="+p.bed.Cache)
	p.run("graft/examples/python-extension", sam, "build", "ExamplePythonExtension")
	dir := filepath.Join(root, "examples/python-extension/.aws-sam/build/ExamplePythonExtension")
	l, err := check.Open(dir)
	require.NoError(t, err)
	defer l.Close()
	assert.Empty(t, check.Layers(check.Options{Arch: "amd64"}, l).Findings)
	info, err := os.Stat(filepath.Join(dir, "extensions/invocation-log"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())
	assert.DirExists(t, filepath.Join(dir, "invocation-log/requests"))
}

// TestTemplates lints the template of every example, with the linter that `sam
// validate --lint` runs: it takes all of them at once.
func TestTemplates(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	templates, err := filepath.Glob(filepath.Join(sources(t), "examples/*/template.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, templates)
	p.run("", append([]string{p.tool("cfn-lint"), "--regions", "us-east-1", "--"}, templates...)...)
}
