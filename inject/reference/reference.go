// Package reference reads references: values of variables that stand for a
// setting or secret kept elsewhere.
//
//	ref+awsssm://PATH[?PARAMS][#/KEY]      a parameter of Parameter Store
//	ref+awssecrets://ID[?PARAMS][#/KEY]    a secret of Secrets Manager
//	ref+file://PATH[#/KEY]                 a file
//	ref+arn:aws:ssm:…[?PARAMS][#/KEY]
//	ref+arn:aws:secretsmanager:…[?PARAMS][#/KEY]
//
// The syntax is that of vals (https://github.com/helmfile/vals), but for KEY:
// it always picks a member of a JSON object, /A/B a member's member, as a JSON
// pointer (RFC 6901) does. A reference is a value as a whole. All parts may be
// percent-encoded.
//
// PARAMS are region and role_arn, the role to assume; for a parameter also
// version or label, for a secret version_id and version_stage.
//
// The package only reads; graft-secrets, which internal/resolve starts, fetches
// the values. It links no net/url and no encoding/json, since the wrapper links
// it.
package reference

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Prefix is what every reference begins with.
const Prefix = "ref+"

// Is reports whether a variable's value is a reference, perhaps a malformed
// one.
func Is(value string) bool { return strings.HasPrefix(value, Prefix) }

// A Source is where a value is kept.
type Source int

// The sources.
const (
	Parameter Source = iota + 1 // Systems Manager's Parameter Store
	Secret                      // Secrets Manager
	File
)

// A Reference is a parsed reference.
type Reference struct {
	Source Source
	// ID is a parameter's name, which begins with a slash, or its ARN; a
	// secret's name or ARN; a file's path, relative to the working directory if
	// it does not begin with a slash.
	ID string
	// Region is the region to ask: that of the ARN or of the parameter region;
	// empty: the function's own.
	Region string
	// Role is the ARN of a role to assume; empty: the function's own.
	Role string
	// Selector is the version or the label of a parameter; empty: the latest.
	Selector string
	// VersionID and Stage choose a version of a secret; empty: AWSCURRENT.
	VersionID, Stage string
	// Key leads to a member of a JSON object; empty: the value as a whole.
	Key []string
}

// Parse parses a value that is a reference. Its errors hold nothing of the
// value.
func Parse(value string) (Reference, error) {
	var r Reference
	text, pointer, keyed := strings.Cut(strings.TrimPrefix(value, Prefix), "#")
	text, query, _ := strings.Cut(text, "?")
	text, err := unescape(text)
	if err != nil {
		return r, err
	}
	if r.ID, err = r.source(text); err != nil {
		return r, err
	}
	if strings.IndexByte(r.ID, 0) >= 0 || r.ID == "" || r.Source != File && strings.Trim(r.ID, "/") == "" {
		return r, errors.New("names nothing")
	}
	if r.Source != File && !IsARN(r.ID) && strings.Contains(r.ID, ":") {
		// Parameter Store would take what follows for a version.
		return r, errors.New("has a colon in its name: " + notInName)
	}
	if r.Source == Parameter && !IsARN(r.ID) && r.ID[0] != '/' {
		r.ID = "/" + r.ID
	}
	if err := r.parameters(query); err != nil {
		return r, err
	}
	if !isRegion(r.Region) {
		return r, errors.New("has a region that is none")
	}
	if keyed {
		if r.Key, err = parsePointer(pointer); err != nil {
			return r, err
		}
	}
	return r, nil
}

// isRegion reports whether name may be a region's, which becomes a part of the
// host that is asked: a slash in it would make that another one. What a
// template does not tell stands in angle brackets, as <AWS.Region>.
func isRegion(name string) bool {
	if len(name) > 2 && name[0] == '<' && name[len(name)-1] == '>' {
		name = strings.ToLower(strings.ReplaceAll(name[1:len(name)-1], ".", ""))
	}
	return !strings.ContainsFunc(name, func(c rune) bool {
		return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-')
	})
}

// source recognises where the value is kept, sets Source, and returns what names
// the value there.
func (r *Reference) source(text string) (rest string, err error) {
	for scheme, source := range map[string]Source{"awsssm://": Parameter, "awssecrets://": Secret, "file://": File} {
		rest, ok := strings.CutPrefix(text, scheme)
		if !ok {
			continue
		}
		r.Source = source
		if source == File || !IsARN(rest) {
			return rest, nil
		}
		arn, err := r.arn(rest)
		if err == nil && r.Source != source {
			err = errors.New("has the ARN of the other service")
		}
		return arn, err
	}
	if IsARN(text) {
		return r.arn(text)
	}
	return "", errors.New("is none of ref+awsssm://…, ref+awssecrets://…, ref+file://…, and ref+ with the ARN of a parameter or secret")
}

// IsARN reports whether a parameter or secret is named by its ARN.
func IsARN(id string) bool { return strings.HasPrefix(id, "arn:") }

// arn reads arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
func (r *Reference) arn(text string) (string, error) {
	// A path like vals' own has a slash behind the secret's name.
	text = strings.TrimSuffix(text, "/")
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || !strings.HasPrefix(parts[1], "aws") || parts[3] == "" || parts[4] == "" {
		return "", errors.New("has no whole ARN")
	}
	kind, name := "", ""
	switch parts[2] {
	case "ssm":
		r.Source = Parameter
		kind, name, _ = strings.Cut(parts[5], "/")
		if kind != "parameter" || name == "" {
			return "", errors.New("has an ARN of Systems Manager that is no parameter's")
		}
	case "secretsmanager":
		r.Source = Secret
		kind, name, _ = strings.Cut(parts[5], ":")
		if kind != "secret" || name == "" {
			return "", errors.New("has an ARN of Secrets Manager that is no secret's")
		}
	default:
		return "", errors.New("has an ARN of neither ssm nor secretsmanager")
	}
	if strings.Contains(name, ":") {
		return "", errors.New("has more than a name in its ARN: " + notInName)
	}
	r.Region = parts[3]
	return text, nil
}

// notInName says where what is not the name belongs.
const notInName = "give a version as ?version_id= or ?version=, and a key as #/KEY"

// parameters reads NAME=VALUE&NAME=VALUE.
func (r *Reference) parameters(query string) error {
	fields := map[string]*string{"region": &r.Region, "role_arn": &r.Role}
	switch r.Source {
	case Parameter:
		fields["version"], fields["label"] = &r.Selector, &r.Selector
	case Secret:
		fields["version_id"], fields["version_stage"] = &r.VersionID, &r.Stage
	case File:
		clear(fields)
	}
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		// In vals this says that #/KEY looks into one JSON value: always so here.
		if r.Source == Parameter && name == "mode" && value == "singleparam" {
			continue
		}
		field := fields[name]
		switch {
		case len(names) == 0:
			return errors.New("takes no parameters behind the ?")
		case field == nil:
			return fmt.Errorf("has an unknown parameter behind the ?: it takes %s", strings.Join(names, ", "))
		case value == "":
			return fmt.Errorf("has no value for %s", name)
		case *field != "" && name == "region":
			if *field != value {
				if IsARN(r.ID) {
					return errors.New("names another region than its ARN")
				}
				return errors.New("has two regions")
			}
		case field == &r.Selector && *field != "":
			return errors.New("takes one version or one label")
		case *field != "":
			return fmt.Errorf("has %s twice", name)
		}
		var err error
		if *field, err = unescape(value); err != nil {
			return err
		}
	}
	return nil
}
