package testbed

import "context"

// platformEnv is what every managed runtime has in its environment before its
// own bootstrap adds to it; execution is the value after "AWS_Lambda_".
func platformEnv(execution string) []string {
	return append(imageEnv(),
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"TZ=:UTC",
		"AWS_EXECUTION_ENV=AWS_Lambda_"+execution)
}

// imageEnv is what a container image that is not AWS's own has.
func imageEnv() []string {
	return []string{
		"LANG=en_US.UTF-8",
		"PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
	}
}

func providedRecipes() []recipe {
	return []recipe{{"provided", func(context.Context, *Bed) (Runtime, error) { return provided(), nil }}}
}

// provided is the OS-only runtime: the function brings its own bootstrap, and
// Lambda names no execution environment.
func provided() Runtime {
	return Runtime{
		Name:     "provided",
		Language: "other",
		Argv:     []string{"/var/task/bootstrap"},
		Env: append(imageEnv(),
			"LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
			"LAMBDA_RUNTIME_DIR=/var/runtime",
			"TZ=:UTC"),
	}
}
