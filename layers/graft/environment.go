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
// what the dotenv files of --env-file add to them. Where two files have a name
// the earlier file counts, where two entries have it the later entry. refuse
// says what is wrong with a name; nil if nothing is. No error holds a value.
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
		// An entry without a name may be a secret: it is not repeated.
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

// anyName refuses no name.
func anyName(string) error { return nil }

// setBy names the flag of graft run for each variable that Lambda sets itself.
var setBy = map[string]string{
	"_HANDLER":                        "--handler",
	"AWS_REGION":                      "--region",
	"AWS_DEFAULT_REGION":              "--region",
	"AWS_LAMBDA_FUNCTION_NAME":        "--name",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "--memory",
	"AWS_LAMBDA_INITIALIZATION_TYPE":  "--init-type",
	"AWS_LAMBDA_MAX_CONCURRENCY":      "--concurrency",
}

// credentials are names that Lambda reserves and graft run takes: Lambda makes
// their values from the function's role, which is not here.
var credentials = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// plainName matches the refused names that an error may repeat. Anything else may
// be a value whose name is missing, such as a URL with a password.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,64}$`)

// refusedByLambda returns why no function can be deployed with a variable of this
// name; nil if one can.
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

// readEnvFile reads the variables of a dotenv file.
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
