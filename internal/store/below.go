package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
)

// maxBelow bounds what all parameters below a path are together, in bytes: no
// environment holds more.
const maxBelow = 4 << 20

// perPage is what a page counts as besides: pages may be empty, but not for ever.
const perPage = 1 << 10

// allBelow fetches the parameters below a path, as variables.
func (f *fetch) allBelow(path string) reference.Answer {
	if !strings.HasPrefix(path, "/") {
		return reference.Answer{Problem: "is no path of Parameter Store: it begins with a slash"}
	}
	asked := "/" + strings.Trim(path, "/")
	var all []fragment.Var
	var empty []string
	left := maxBelow
	for token := (*string)(nil); ; {
		r := newRetries(f.ctx)
		out, err := f.clients.Parameters("", "").GetParametersByPath(f.ctx, &ssm.GetParametersByPathInput{
			Path: &asked, Recursive: aws.Bool(true), WithDecryption: aws.Bool(true), NextToken: token,
		}, func(o *ssm.Options) { o.Retryer = r })
		if err != nil {
			return reference.Answer{Problem: f.problem(err, r, Subject{Region: f.clients.Region(""), Action: "ssm:GetParametersByPath"})}
		}
		left -= perPage
		for _, p := range out.Parameters {
			got := parameterText(p)
			left -= len(aws.ToString(p.Name)) + len(got.text)
			if got.problem != "" {
				empty = append(empty, fmt.Sprintf("%s: %s: left out", aws.ToString(p.Name), got.problem))
				continue
			}
			all = append(all, fragment.Var{Name: aws.ToString(p.Name), Value: got.text})
		}
		if left < 0 {
			return reference.Answer{Problem: "has more below it than an environment holds"}
		}
		if token = out.NextToken; aws.ToString(token) == "" {
			break
		}
	}
	a := variables(all)
	a.Notes = append(a.Notes, empty...)
	if len(all)+len(empty) == 0 {
		a.Notes = append(a.Notes, "no parameter is below "+asked+" in region "+f.clients.Region(""))
	}
	return a
}

// variables names variables after parameters: the last part of the path in
// upper case, with an underscore for a hyphen or a dot. Of two with the same
// name the one nearest to the path counts, on the same level the first.
func variables(parameters []fragment.Var) reference.Answer {
	slices.SortFunc(parameters, func(a, b fragment.Var) int {
		return cmp.Or(cmp.Compare(strings.Count(a.Name, "/"), strings.Count(b.Name, "/")), strings.Compare(a.Name, b.Name))
	})
	var a reference.Answer
	from := make(map[string]string)
	for _, p := range parameters {
		name := variableName(p.Name)
		switch first, taken := from[name]; {
		case name == "":
			a.Notes = append(a.Notes, fmt.Sprintf("%s: makes no name of a variable: left out", p.Name))
		case taken:
			a.Notes = append(a.Notes, fmt.Sprintf("%s: %s comes from %s: left out", p.Name, name, first))
		default:
			from[name] = p.Name
			a.Vars = append(a.Vars, fragment.Var{Name: name, Value: p.Value})
		}
	}
	return a
}

// variableName names a variable after a parameter; it is empty if the parameter's
// name makes none.
func variableName(parameter string) string {
	last := parameter[strings.LastIndexByte(parameter, '/')+1:]
	name := strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(last))
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return ""
		}
	}
	return name
}
