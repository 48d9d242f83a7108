package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/internal/child"
)

// tooLong names the first variable of env that is by itself longer than
// execve(2) takes, never its value, and speaks of references only if it was
// fetched. It is empty if there is none.
func tooLong(env, fetched []string) string {
	most := child.MaxEntry()
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if len(entry) <= most || len(name) > most {
			continue
		}
		why := name + ": " + strconv.Itoa(len(entry)) + " bytes with its name, and Linux takes " + strconv.Itoa(most)
		if slices.Contains(fetched, name) {
			why += ": ask graft-secrets serve for what its reference stands for"
		}
		return why
	}
	return ""
}

// leftOut names what owners, the function's own process, lacks of what d would
// start; empty if nothing.
func leftOut(d *inject.Decision, owners inject.Process) string {
	left := ""
	if len(d.Plan.Edits)+len(d.Plan.Wrappers) > 0 {
		left = "all agents"
	}
	if len(d.Before.Env) > len(owners.Env) {
		if left != "" {
			left += " and "
		}
		left += "the variables of GRAFT_ENV_FILE"
	}
	return left
}
