package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/template"
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
func environment(found *findings, place string, f template.Function, vars []variable) {
	add := func(code string, line int, format string, args ...any) {
		found.add(code, place, line, "function %s: %s", f.ID, fmt.Sprintf(format, args...))
	}
	size := 0
	for _, v := range vars {
		size += len(v.Name)
		if v.known {
			size += len(v.Value)
		}
		switch {
		case Reserved(v.Name):
			add("variable-reserved", v.line, "%s", v.Name)
		case !VariableName(v.Name):
			add("variable-name", v.line, "%q", v.Name)
		case strings.HasPrefix(v.Name, "GRAFT_") && !slices.Contains(fragment.SettingNames, v.Name):
			add("unknown-setting", v.line, "%s%s", v.Name, meant(v.Name))
		}
		if why := badReference(v.Var); v.known && isFunctionReference(v.Var) && why != "" {
			add("bad-reference", v.line, "%s", why)
		}
		if v.known && Secret(v.Name, v.Value) {
			add("plain-secret", v.line, "%s holds what looks like a secret", v.Name)
		}
	}
	if size > maxEnvironment {
		add("environment-too-large", f.Line, "%d bytes of names and values; Lambda takes %d", size, maxEnvironment)
	}
	_, errs := fragment.ParseSettings(lookup(vars, nil))
	_, more := fragment.ParseTelemetry(lookup(vars, harmless))
	for _, err := range append(errs, more...) {
		name, why, _ := strings.Cut(err.Error(), ": ")
		i := slices.IndexFunc(vars, func(v variable) bool { return v.Name == name })
		add("bad-setting", vars[max(i, 0)].line, "%s: %s", name, why)
	}
}

// harmless are values with which no other setting of telemetry is wrong.
var harmless = map[string]string{
	"GRAFT_TELEMETRY":    fragment.PlatformEvents,
	"GRAFT_TELEMETRY_TO": fragment.ToOTLP,
}

// lookup looks variables up. One whose value is not known, or may come from
// GRAFT_ENV_FILE, has the value in instead.
func lookup(vars []variable, instead map[string]string) func(string) (string, bool) {
	hidden := slices.ContainsFunc(vars, func(v variable) bool { return v.Name == "GRAFT_ENV_FILE" })
	return func(name string) (string, bool) {
		i := slices.IndexFunc(vars, func(v variable) bool { return v.Name == name })
		if i >= 0 && vars[i].known {
			return vars[i].Value, true
		}
		if i < 0 && !hidden {
			return "", false
		}
		value, ok := instead[name]
		return value, ok
	}
}

// meant names the setting that a wrong name is closest to.
func meant(name string) string {
	if slices.Contains(fragment.DirectiveNames, name) {
		return " is for a fragment"
	}
	if best := Nearest(name, fragment.SettingNames); best != "" {
		return fmt.Sprintf(": is %s meant?", best)
	}
	return ""
}
