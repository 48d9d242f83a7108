package store

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/graft-lambda/graft/inject/reference"
)

// maxSecrets is how many secrets BatchGetSecretValue takes.
const maxSecrets = 20

// secrets fetches the secrets of one place.
func (f *fetch) secrets(p place, things []thing) {
	l := newLane(&f.services, parallel)
	// Another account's secret, which is asked for by its ARN, may have the name
	// of one of this account's.
	latest := make(map[bool][]thing)
	for _, t := range things {
		if t.version == "" && t.stage == "" {
			arn := reference.IsARN(t.id)
			latest[arn] = append(latest[arn], t)
		} else {
			f.call(l, func() { f.getSecret(p, t) })
		}
	}
	for _, alike := range latest {
		for _, batch := range batches(alike, maxSecrets, func(t thing) string { return t.id }) {
			f.call(l, func() { f.getSecrets(l, p, batch) })
		}
	}
}

// getSecrets fetches at most maxSecrets, in one call if the role may.
func (f *fetch) getSecrets(l lane, p place, batch []thing) {
	if len(batch) == 1 {
		f.getSecret(p, batch[0])
		return
	}
	ids := make([]string, len(batch))
	for i, t := range batch {
		ids[i] = t.id
	}
	why := ""
	var all secretsmanager.BatchGetSecretValueOutput
	for token := (*string)(nil); ; {
		r := newRetries(f.ctx)
		out, err := f.clients.Secrets(p.region, p.role).BatchGetSecretValue(f.ctx,
			&secretsmanager.BatchGetSecretValueInput{SecretIdList: ids, NextToken: token},
			func(o *secretsmanager.Options) { o.Retryer = r })
		if err != nil {
			if !failureOf(err).blamesOne() {
				why = f.problem(err, r, f.about(batch[0]))
			}
			break
		}
		all.SecretValues = append(all.SecretValues, out.SecretValues...)
		all.Errors = append(all.Errors, out.Errors...)
		if token = out.NextToken; aws.ToString(token) == "" || len(all.SecretValues)+len(all.Errors) >= len(batch) {
			break
		}
	}
	missing := slices.DeleteFunc(slices.Clone(batch), func(t thing) bool { return f.inBatch(t, &all) })
	if why != "" {
		for _, t := range missing {
			f.settle(t, found{problem: why})
		}
		return
	}
	// Roles often have GetSecretValue only. A secret that nothing was said of is
	// asked for too.
	for _, t := range missing {
		f.call(l, func() { f.getSecret(p, t) })
	}
}

// inBatch settles a thing with what all pages of a batch say of it, if that is
// the last word.
func (f *fetch) inBatch(t thing, out *secretsmanager.BatchGetSecretValueOutput) bool {
	// An error counts before a value: a whole ARN that has none may read like
	// another's that lacks its end.
	if i := slices.IndexFunc(out.Errors, func(e types.APIErrorType) bool { return aws.ToString(e.SecretId) == t.id }); i >= 0 {
		code := plainCode(aws.ToString(out.Errors[i].ErrorCode))
		if strings.HasPrefix(code, "Internal") || slices.Contains(throttles, code) {
			return false
		}
		f.settle(t, found{problem: explain(code, f.about(t))})
		return true
	}
	for _, match := range []func(id string, s types.SecretValueEntry) bool{sameSecret, partialARN} {
		i := slices.IndexFunc(out.SecretValues, func(s types.SecretValueEntry) bool { return match(t.id, s) })
		if i >= 0 {
			f.settle(t, secretText(out.SecretValues[i].SecretString, out.SecretValues[i].SecretBinary))
			return true
		}
	}
	return false
}

func sameSecret(id string, s types.SecretValueEntry) bool {
	return id == aws.ToString(s.Name) || id == aws.ToString(s.ARN)
}

// partialARN matches an ARN without the hyphen and six characters that Secrets
// Manager adds.
func partialARN(id string, s types.SecretValueEntry) bool {
	rest, ok := strings.CutPrefix(aws.ToString(s.ARN), id+"-")
	return ok && len(rest) == 6
}

// getSecret fetches one secret.
func (f *fetch) getSecret(p place, t thing) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &t.id}
	if t.version != "" {
		in.VersionId = &t.version
	}
	if t.stage != "" {
		in.VersionStage = &t.stage
	}
	r := newRetries(f.ctx)
	out, err := f.clients.Secrets(p.region, p.role).GetSecretValue(f.ctx, in, func(o *secretsmanager.Options) { o.Retryer = r })
	if err != nil {
		f.settle(t, found{problem: f.problem(err, r, f.about(t))})
		return
	}
	f.settle(t, secretText(out.SecretString, out.SecretBinary))
}

func secretText(text *string, binary []byte) found {
	switch {
	case text != nil:
		return found{text: *text}
	case binary == nil:
		return found{problem: noValue}
	case !utf8.Valid(binary) || bytes.IndexByte(binary, 0) >= 0:
		return found{problem: "is binary, and a variable holds text only: ask graft-secrets serve for it"}
	}
	return found{text: string(binary)}
}
