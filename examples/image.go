package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// An image is what one stage of a Dockerfile adds to its base.
type image struct {
	copies []copied
	config v1.Config
}

// A copied is a COPY of source, from another stage or, if from is empty, from
// the Dockerfile's own folder.
type copied struct{ from, source, target string }

// taskRoot is what AWS's base images have in LAMBDA_TASK_ROOT.
const taskRoot = "/var/task"

// readStage reads what the stage of that name adds. Of a Dockerfile it knows
// what those of the examples have; RUN, which installs the runtime client there,
// is left to the test bed.
func readStage(dockerfile, stage string) (image, error) {
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		return image{}, err
	}
	var img image
	var current string
	found := false
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "FROM" {
			_, current, _ = strings.Cut(rest, " AS ")
			found = found || current == stage
		}
		if current != stage || word == "FROM" {
			continue
		}
		if err := img.add(word, strings.ReplaceAll(rest, "${LAMBDA_TASK_ROOT}", taskRoot)); err != nil {
			return image{}, fmt.Errorf("%s: %w", dockerfile, err)
		}
	}
	if !found {
		return image{}, fmt.Errorf("%s: no stage %q", dockerfile, stage)
	}
	return img, nil
}

// add applies one instruction.
func (img *image) add(word, rest string) error {
	switch word {
	case "", "#", "RUN":
	case "COPY":
		fields := strings.Fields(rest)
		from := ""
		if len(fields) == 3 && strings.HasPrefix(fields[0], "--from=") {
			from, fields = strings.TrimPrefix(fields[0], "--from="), fields[1:]
		}
		if len(fields) != 2 {
			return fmt.Errorf("COPY %s: one source and one target", rest)
		}
		img.copies = append(img.copies, copied{from, fields[0], fields[1]})
	case "ENV":
		img.config.Env = append(img.config.Env, rest)
	case "WORKDIR":
		img.config.WorkingDir = rest
	case "ENTRYPOINT":
		return json.Unmarshal([]byte(rest), &img.config.Entrypoint)
	case "CMD":
		return json.Unmarshal([]byte(rest), &img.config.Cmd)
	default:
		return fmt.Errorf("%s: not known here", word)
	}
	return nil
}

// image makes f, on rt, the function of the example's image. What the Dockerfile
// copies is built into an OCI image layout, which is unpacked again: the root
// folder is run as the image says. The base is rt's, but for its ENTRYPOINT,
// which the Dockerfile may not have.
func (k *kit) image(ctx context.Context, ex example, rt testbed.Runtime, f local.Function) (local.Function, error) {
	found, err := inTree(ctx, filepath.Join("examples", ex.dir))
	if err != nil {
		return f, err
	}
	img, err := readStage(filepath.Join(found[0], "Dockerfile"), ex.image)
	if err != nil {
		return f, err
	}
	dir, err := os.MkdirTemp(k.dir, ex.dir+"-")
	if err != nil {
		return f, err
	}
	// Any user may look into it, as into k.dir.
	if err := os.Chmod(dir, 0o755); err != nil {
		return f, err
	}
	files, oci, root := filepath.Join(dir, "files"), filepath.Join(dir, "oci"), filepath.Join(dir, "root")
	for _, c := range img.copies {
		from := filepath.Join(found[0], c.source)
		if c.from != "" {
			from = f.Layers[0] // the one other stage
		}
		if err := copyInto(filepath.Join(files, c.target), from); err != nil {
			return f, err
		}
	}
	if err := packImage(oci, files, img.config); err != nil {
		return f, err
	}
	config, err := unpackImage(root, oci)
	if err != nil {
		return f, err
	}
	f.Layers, f.Code, f.Dir = []string{filepath.Join(root, "opt")}, filepath.Join(root, taskRoot), config.WorkingDir
	f.Handler = "" // Lambda has none for an image
	f.Env = append(f.Env, config.Env...)
	f.Managed, f.Command = false, append(config.Entrypoint, config.Cmd...)
	for _, m := range rt.Mounts {
		if rest, ok := strings.CutPrefix(m.Target, "/var/lang"); ok && rt.HandlerInArgv {
			m.Target = path.Join("/usr/local", rest) // where Python's own images have it
		}
		f.Mounts = append(f.Mounts, local.Mount(m))
	}
	return f, nil
}

// copyInto copies a folder's content, or a file, into the folder dir.
func copyInto(dir, from string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(dir, os.DirFS(from))
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, filepath.Base(from)), data, 0o644)
}
