package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/layers/check"
)

// environment returns a function's variables, NAME=value: those of --env, and
// what the dotenv files of --env-file add to them. Of a name in two files the
// earlier file counts, of two entries the later. Refuse says what is wrong with
// a name, nil if nothing is. No error holds a value.
func environment(entries, files []string, refuse func(name string) error) ([]string, error) {
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
			if err := refuse(v.Name); err != nil {
				return nil, fmt.Errorf("--env-file: %q: %w", file, err)
			}
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
		if err := refuse(name); err != nil {
			return nil, fmt.Errorf("--env: %w", err)
		}
		set(name, value)
	}
	env := make([]string, 0, len(names))
	for _, name := range names {
		env = append(env, name+"="+values[name])
	}
	return env, nil
}

// anyName refuses none.
func anyName(string) error { return nil }

// setBy are the flags of graft run for what Lambda sets itself.
var setBy = map[string]string{
	"_HANDLER":                        "--handler",
	"AWS_REGION":                      "--region",
	"AWS_DEFAULT_REGION":              "--region",
	"AWS_LAMBDA_FUNCTION_NAME":        "--name",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "--memory",
	"AWS_LAMBDA_INITIALIZATION_TYPE":  "--init-type",
	"AWS_LAMBDA_MAX_CONCURRENCY":      "--concurrency",
}

// credentials are reserved too. But Lambda makes them from the function's role,
// which is not here: nobody else could give them.
var credentials = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// plainName is what is repeated of a name that Lambda refuses. Anything else may
// be a value, such as a URL with a password, whose own name is missing.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,64}$`)

// refusedByLambda says why no function can be deployed with a variable of this name.
func refusedByLambda(name string) error {
	switch {
	case slices.Contains(credentials, name):
		return nil
	case check.Reserved(name) && setBy[name] != "":
		return fmt.Errorf("%s: Lambda reserves this name and refuses it on a function; here %s sets it", name, setBy[name])
	case check.Reserved(name):
		return fmt.Errorf("%s: Lambda reserves this name and refuses it on a function", name)
	case check.VariableName(name):
		return nil
	case plainName.MatchString(name):
		return fmt.Errorf("%q: %w", name, errVariableName)
	}
	return errVariableName
}

var errVariableName = errors.New("no name that Lambda takes: want letters, digits and underscores, a letter first, two at least")

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
