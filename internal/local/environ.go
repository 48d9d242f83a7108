package local

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

const (
	functionVersion = "$LATEST"
	defaultRegion   = "us-east-1"
	account         = "012345678912"
	execWrapper     = "AWS_LAMBDA_EXEC_WRAPPER"
	// credential is the value of all three parts of the credentials. They sign
	// nothing that leaves this machine; SDKs refuse to start without.
	credential = "local"
)

// environ returns the whole environment of the function's process: Lambda's
// variables, less those that the function sets itself, then the function's.
// runtimeAPI is host:port; "" leaves out what has to do with it. Token is for
// the credentials of a snap-start function.
func environ(f Function, runtimeAPI, token string, now time.Time) []string {
	env := []string{
		"PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"_HANDLER=" + f.Handler,
		"LAMBDA_TASK_ROOT=" + taskDir,
		"LAMBDA_RUNTIME_DIR=" + runtimeDir,
		"AWS_REGION=" + defaultRegion,
		"AWS_DEFAULT_REGION=" + defaultRegion,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + functionVersion,
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=" + string(f.InitType),
		// Lambda's daemon has a link-local address; here nothing may leave loopback.
		"AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS=127.0.0.1",
		"_AWS_XRAY_DAEMON_PORT=2000",
		"AWS_XRAY_CONTEXT_MISSING=LOG_ERROR",
	}
	// What would be the same in every environment that a snapshot is restored
	// to is not in it.
	if f.InitType != SnapStart {
		env = append(env,
			"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+f.Name,
			"AWS_LAMBDA_LOG_STREAM_NAME="+now.UTC().Format("2006/01/02/")+"["+functionVersion+"]"+randomHex(16),
			"AWS_ACCESS_KEY_ID="+credential,
			"AWS_SECRET_ACCESS_KEY="+credential,
			"AWS_SESSION_TOKEN="+credential)
	}
	if f.InitType == ManagedInstances {
		env = append(env, fmt.Sprintf("AWS_LAMBDA_MAX_CONCURRENCY=%d", f.Concurrency))
	}
	if runtimeAPI != "" {
		env = append(env, "AWS_LAMBDA_RUNTIME_API="+runtimeAPI)
		if f.InitType == SnapStart {
			env = append(env,
				"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://"+runtimeAPI+credentialsPath,
				"AWS_CONTAINER_AUTHORIZATION_TOKEN="+token)
		}
	}
	own := make(map[string]bool, len(f.Env))
	for _, entry := range f.Env {
		name, _, _ := strings.Cut(entry, "=")
		own[name] = true
	}
	if own["AWS_ACCESS_KEY_ID"] {
		// They are one whole: with the token from here they would be invalid.
		own["AWS_SECRET_ACCESS_KEY"], own["AWS_SESSION_TOKEN"] = true, true
	}
	kept := make([]string, 0, len(env)+len(f.Env))
	for _, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); !own[name] {
			kept = append(kept, entry)
		}
	}
	return append(kept, f.Env...)
}

// notForAgents are the variables that the runtime has and extensions have not.
var notForAgents = map[string]bool{
	"AWS_EXECUTION_ENV":          true,
	"AWS_LAMBDA_LOG_GROUP_NAME":  true,
	"AWS_LAMBDA_LOG_STREAM_NAME": true,
	"AWS_LAMBDA_MAX_CONCURRENCY": true,
	"AWS_XRAY_CONTEXT_MISSING":   true,
	"AWS_XRAY_DAEMON_ADDRESS":    true,
	"LAMBDA_RUNTIME_DIR":         true,
	"LAMBDA_TASK_ROOT":           true,
	"_AWS_XRAY_DAEMON_ADDRESS":   true,
	"_AWS_XRAY_DAEMON_PORT":      true,
	"_HANDLER":                   true,
}

// agentEnviron returns the environment of an extension, given the runtime's.
func agentEnviron(env []string) []string {
	var kept []string
	for _, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); !notForAgents[name] {
			kept = append(kept, entry)
		}
	}
	return kept
}

// getenv returns the value of name, or "". Of several entries the first
// counts, as for getenv(3).
func getenv(env []string, name string) string {
	for _, entry := range env {
		if n, value, ok := strings.Cut(entry, "="); ok && n == name {
			return value
		}
	}
	return ""
}

// randomHex returns n random bytes in hex.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}
