package fragment

import (
	"cmp"
	"errors"
	"math"
	"strconv"
	"strings"
)

// A Language is a kind of runtime, as GRAFT_RUNTIMES names it.
type Language string

// The languages that graft knows.
const (
	Java   Language = "java"
	NodeJS Language = "nodejs"
	Python Language = "python"
	DotNet Language = "dotnet"
	Ruby   Language = "ruby"
	// Other is every other program: Go, Rust, native code, a custom runtime.
	Other Language = "other"
)

// Newest stands for a minor or patch number that is not said and is taken as
// the newest there is: nodejs18.x is Version{18, Newest, Newest}.
const Newest = math.MaxInt32

// A Version is a runtime's version. The zero value is an unknown version.
type Version struct {
	Major, Minor, Patch int
}

// Known reports whether the version is known at all.
func (v Version) Known() bool { return v != Version{} }

// Compare orders versions: negative if v is older than w.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// String returns the version with the numbers that are known, such as "3.12".
func (v Version) String() string {
	if !v.Known() {
		return "of unknown version"
	}
	s := strconv.Itoa(v.Major)
	for _, n := range []int{v.Minor, v.Patch} {
		if n == Newest {
			break
		}
		s += "." + strconv.Itoa(n)
	}
	return s
}

var (
	errNoVersion = errors.New("is not a version")
	errNoRuntime = errors.New("is not a runtime: write java21, nodejs22, python3.12, dotnet8, ruby3.4 or other")
)

// ParseVersion reads up to three numbers, "20", "20.6" or "21.0.8"; what is
// not said is [Newest]. Text behind the third number or a "+", "-" or "_" is
// left out.
func ParseVersion(s string) (Version, error) {
	if i := strings.IndexAny(s, "+-_"); i >= 0 {
		s = s[:i]
	}
	v := Version{Newest, Newest, Newest}
	for i, part := range strings.Split(s, ".") {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return Version{}, errNoVersion
		}
		switch i {
		case 0:
			v.Major = int(n)
		case 1:
			v.Minor = int(n)
		case 2:
			v.Patch = int(n)
		}
	}
	if v.Major == 0 {
		return Version{}, errNoVersion
	}
	return v, nil
}

// ParseRuntime reads a name of Lambda's own naming: "java21", "nodejs22.x",
// "python3.12", "dotnet8", "java8.al2", "provided.al2023"; also a bare
// language as GRAFT_RUNTIMES has it. A version that is not said is unknown.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
func ParseRuntime(s string) (Language, Version, error) {
	name, number := s, ""
	if i := strings.IndexAny(s, "0123456789."); i >= 0 {
		name, number = s[:i], s[i:]
	}
	var lang Language
	switch name {
	case "java", "nodejs", "python", "dotnet", "ruby":
		lang = Language(name)
	case "dotnetcore":
		lang = DotNet
	case "provided", "go", "other":
		return Other, Version{}, nil
	default:
		return "", Version{}, errNoRuntime
	}
	if number == "" {
		return lang, Version{}, nil
	}
	number = strings.TrimSuffix(strings.TrimSuffix(number, ".al2"), ".x")
	v, err := ParseVersion(number)
	if err != nil {
		return "", Version{}, errNoRuntime
	}
	return lang, v, nil
}

// A Bound is one entry of GRAFT_RUNTIMES: a language and, optionally, limits
// that its version must meet, such as nodejs>=20.6 or java>=11<24.
type Bound struct {
	Language Language
	limits   []limit
}

type limit struct {
	op    string
	parts []int
}

// Limited reports whether the bound limits the version.
func (b Bound) Limited() bool { return len(b.limits) > 0 }

// Holds reports whether version v meets every limit. An unknown version meets
// none.
func (b Bound) Holds(v Version) bool {
	for _, l := range b.limits {
		if !v.Known() || !l.holds(v) {
			return false
		}
	}
	return true
}

func (l limit) holds(v Version) bool {
	c := 0
	for i, n := range []int{v.Major, v.Minor, v.Patch} {
		if i < len(l.parts) {
			c = cmp.Or(c, cmp.Compare(n, l.parts[i]))
		}
	}
	switch l.op {
	case ">=":
		return c >= 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case "<":
		return c < 0
	}
	return c == 0
}

// String returns the bound as it is written in a fragment.
func (b Bound) String() string {
	s := string(b.Language)
	for _, l := range b.limits {
		s += l.op
		for i, n := range l.parts {
			if i > 0 {
				s += "."
			}
			s += strconv.Itoa(n)
		}
	}
	return s
}

func parseBounds(s string) ([]Bound, error) {
	var bounds []Bound
	for entry := range strings.SplitSeq(s, ",") {
		b, err := parseBound(strings.TrimSpace(entry))
		if err != nil {
			return nil, err
		}
		bounds = append(bounds, b)
	}
	return bounds, nil
}

func parseBound(s string) (Bound, error) {
	name, rest := s, ""
	if i := strings.IndexAny(s, "<>="); i >= 0 {
		name, rest = s[:i], s[i:]
	}
	b := Bound{Language: Language(strings.TrimSpace(name))}
	switch b.Language {
	case Java, NodeJS, Python, DotNet, Ruby, Other:
	default:
		return b, errors.New("names a runtime that is none of java, nodejs, python, dotnet, ruby, other")
	}
	for rest != "" {
		op := rest[:1]
		if len(rest) > 1 && rest[1] == '=' {
			op = rest[:2]
		}
		rest = rest[len(op):]
		number := rest
		if i := strings.IndexAny(rest, "<>="); i >= 0 {
			number = rest[:i]
		}
		rest = rest[len(number):]
		l := limit{op: op}
		for part := range strings.SplitSeq(strings.TrimSpace(number), ".") {
			n, err := strconv.ParseUint(part, 10, 16)
			if err != nil || len(l.parts) == 3 {
				return b, errors.New("has a bound that is not like nodejs>=20.6")
			}
			l.parts = append(l.parts, int(n))
		}
		b.limits = append(b.limits, l)
	}
	return b, nil
}
