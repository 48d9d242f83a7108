package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// environment returns a function's variables, NAME=value: those of --env, and
// what the dotenv files of --env-file add to them. Of a name in two files the
// earlier file counts, of two entries the later. No error holds a value.
func environment(entries, files []string) ([]string, error) {
	var names []string
	values := map[string]string{}
	set := func(name, value string) {
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
		values[name] = value
	}
	for _, file := range slices.Backward(files) {
		vars, err := readEnvFile(file)
		if err != nil {
			return nil, fmt.Errorf("--env-file: %q: %w", file, err)
		}
		for _, v := range vars {
			set(v.Name, v.Value)
		}
	}
	for _, entry := range entries {
		// What has no name may be a secret: it is not repeated.
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return nil, errors.New("--env: want NAME=VALUE")
		}
		if strings.IndexByte(entry, 0) >= 0 {
			return nil, fmt.Errorf("--env: %q: no variable can hold a NUL byte", name)
		}
		set(name, value)
	}
	env := make([]string, 0, len(names))
	for _, name := range names {
		env = append(env, name+"="+values[name])
	}
	return env, nil
}

func readEnvFile(file string) ([]fragment.Var, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	data, err := fragment.ReadFile(os.DirFS("/"), path)
	if err != nil {
		return nil, err
	}
	return fragment.ParseEnvFile(data)
}
