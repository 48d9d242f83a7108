package fragment

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/joho/godotenv"
)

// ReadEnvFiles reads the dotenv files of GRAFT_ENV_FILE, paths separated by
// colons, relative to dir; fsys has its root at "/". Of two files with the same
// name the earlier wins. GRAFT_DISABLE is left out: it counts on the function
// itself only. A file that cannot be read is left out, and one of the errors,
// complete as a message, says so.
func ReadEnvFiles(fsys fs.FS, dir, files string) ([]Var, []error) {
	var all []Var
	var problems []error
	seen := map[string]bool{"GRAFT_DISABLE": true}
	for file := range strings.SplitSeq(files, ":") {
		if file == "" {
			continue
		}
		vars, err := readEnvFile(fsys, dir, file)
		if err != nil {
			problems = append(problems, fmt.Errorf("GRAFT_ENV_FILE: %s: %w: left out", file, err))
		}
		for _, v := range vars {
			if !seen[v.Name] {
				seen[v.Name] = true
				all = append(all, v)
			}
		}
	}
	return all, problems
}

func readEnvFile(fsys fs.FS, dir, file string) ([]Var, error) {
	if !path.IsAbs(file) {
		file = path.Join(dir, file)
	}
	data, err := ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	if strings.IndexByte(string(data), 0) >= 0 {
		return nil, errors.New("holds a NUL byte")
	}
	return ParseEnvFile(data)
}

// ParseEnvFile reads a dotenv file of the function's owner: all that godotenv
// takes. Variables come sorted by name. A name that no environment can hold is
// an error; the error never quotes the file.
func ParseEnvFile(data []byte) ([]Var, error) {
	if len(data) > MaxSize {
		return nil, errors.New("larger than 1 MiB")
	}
	values, err := godotenv.UnmarshalBytes(data)
	if err != nil {
		return nil, errors.New("not a dotenv file: a line is not NAME=VALUE, or a quote stays open")
	}
	var vars []Var
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if !validName(name) || strings.IndexByte(value, 0) >= 0 {
			return nil, errors.New("not a dotenv file: a line has no variable's name, or a value holds a NUL byte")
		}
		vars = append(vars, Var{name, value})
	}
	return vars, nil
}
