package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// reserved are the variables that Lambda refuses on a function.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
	"AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
}

var variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]+$`)

// Reserved reports whether Lambda sets the variable itself, and refuses it on a
// function.
func Reserved(name string) bool { return slices.Contains(reserved, name) }

// VariableName reports whether Lambda takes the name for a variable.
func VariableName(name string) bool { return variableName.MatchString(name) }

// A variable is one of a function, and the line where it stands.
type variable struct {
	fragment.Var
	line int
	// known is set if Value is what the function will have.
	known bool
}

// environment checks a function's variables.
func environment(found *findings, place string, line int, vars []variable) {
	size := 0
	for _, v := range vars {
		size += len(v.Name) + len(v.Value)
		switch {
		case Reserved(v.Name):
			found.add("variable-reserved", place, v.line, "%s", v.Name)
		case !VariableName(v.Name):
			found.add("variable-name", place, v.line, "%q", v.Name)
		case strings.HasPrefix(v.Name, "GRAFT_") && !slices.Contains(fragment.SettingNames, v.Name):
			found.add("unknown-setting", place, v.line, "%s%s", v.Name, meant(v.Name))
		}
		if v.known && Secret(v.Name, v.Value) {
			found.add("plain-secret", place, v.line, "%s holds what looks like a secret", v.Name)
		}
	}
	if size > maxEnvironment {
		found.add("environment-too-large", place, line, "%d bytes of names and values; Lambda takes %d", size, maxEnvironment)
	}
	_, errs := fragment.ParseSettings(func(name string) (string, bool) {
		i := slices.IndexFunc(vars, func(v variable) bool { return v.Name == name && v.known })
		if i < 0 {
			return "", false
		}
		return vars[i].Value, true
	})
	for _, err := range errs {
		name, why, _ := strings.Cut(err.Error(), ": ")
		i := slices.IndexFunc(vars, func(v variable) bool { return v.Name == name })
		found.add("bad-setting", place, vars[max(i, 0)].line, "%s: %s", name, why)
	}
}

// meant names the setting that a wrong name is closest to.
func meant(name string) string {
	if slices.Contains(fragment.DirectiveNames, name) {
		return " is for a fragment"
	}
	best, least := "", 4
	for _, s := range fragment.SettingNames {
		if d := distance(name, s); d < least {
			best, least = s, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": is %s meant?", best)
}

// distance is how many letters are added, dropped or changed between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := left
			if a[i] != b[j] {
				cost = 1 + min(left, row[j], row[j+1])
			}
			left, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
