package inject

import "strings"

// managedDefaults are values that the managed runtimes' own bootstraps export
// before they call the wrapper. A variable with exactly such a value was not
// set by the function's owner. The parts behind a "*" are a version.
var managedDefaults = map[string][]string{
	"NODE_PATH":           {"/opt/nodejs/node*/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task", "/opt/nodejs/node*/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules"},
	"NODE_EXTRA_CA_CERTS": {"/var/runtime/ca-cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"},
	"GEM_PATH":            {"/var/task/vendor/bundle/ruby/*:/opt/ruby/gems/*", "/var/task/vendor/bundle/ruby/*:/opt/ruby/gems/*:/var/runtime:/var/runtime/ruby/*"},
	"GEM_HOME":            {"/var/runtime"},
	"RUBYLIB":             {"/var/runtime/gems/*:/var/task:/var/runtime/lib:/opt/ruby/lib", "/var/task:/var/runtime/lib:/opt/ruby/lib"},
	"SSL_CERT_FILE":       {"/tmp/noop"},
	"DOTNET_ROOT":         {"/var/lang/bin"},
}

// ManagedDefault reports whether value is what a managed runtime's bootstrap
// exports for the variable name by itself.
func ManagedDefault(name, value string) bool {
	for _, pattern := range managedDefaults[name] {
		if matchVersion(pattern, value) {
			return true
		}
	}
	return false
}

// matchVersion compares with every "*" standing for digits and dots.
func matchVersion(pattern, s string) bool {
	head, rest, found := strings.Cut(pattern, "*")
	if !found {
		return s == pattern
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	s = s[len(head):]
	trimmed := strings.TrimLeft(s, "0123456789.")
	return trimmed != s && matchVersion(rest, trimmed)
}
