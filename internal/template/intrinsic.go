package template

import (
	"cmp"
	"regexp"
	"strings"
)

// noValue is what makes a property as good as not there.
const noValue = "AWS::NoValue"

// A resolver knows the template's parameters and resources.
type resolver struct {
	parameters *node
	resources  *node
	// left is how much text may yet be put together, in bytes: what refers to
	// each other can grow without end.
	left *int
}

// spend takes the text's length off what is left, and reports whether that was
// enough.
func (r resolver) spend(text string) bool {
	*r.left -= len(text) + 1
	return *r.left >= 0
}

// absent reports whether a property is as good as not there.
func absent(n *node) bool {
	return n == nil || n.kind == null || n.kind == intrinsic && n.text == "Ref" && n.items[0].text == noValue
}

// value resolves a node to a single value.
func (r resolver) value(n *node) Value {
	if absent(n) {
		return Value{}
	}
	v := Value{Line: n.line}
	switch n.kind {
	case scalar:
		if n.odd {
			v.Unknown = "a number or date without quotes that tools read differently"
			break
		}
		v.Text = n.text
	case intrinsic:
		v = r.call(n)
	case list:
		v.Unknown = "a list"
	default:
		v.Unknown = "a map"
	}
	return v
}

// call resolves an intrinsic function, as far as the template alone can.
func (r resolver) call(n *node) Value {
	v := Value{Line: n.line}
	arg := n.items[0]
	switch n.text {
	case "Ref":
		if arg.kind == scalar {
			return r.ref(arg.text, n.line)
		}
	case "Fn::Sub":
		text, from, ok := r.sub(arg)
		if ok {
			v.Text, v.From = text, from
			return v
		}
		v.Outline = text
	case "Fn::Join":
		text, from, ok := r.join(arg)
		if ok {
			v.Text, v.From = text, from
			return v
		}
		v.Outline = text
	}
	v.Unknown = written(n)
	return v
}

// ref resolves !Ref.
func (r resolver) ref(name string, line int) Value {
	v := Value{Line: line, Unknown: "!Ref " + name}
	if r.resources.get(name) != nil {
		v.Ref = name
		return v
	}
	p := r.parameters.get(name)
	fallback := p.get("Default")
	switch kind := r.value(p.get("Type")).Text; {
	case p == nil:
	case strings.HasPrefix(kind, "AWS::SSM::Parameter::Value<"):
		v.Unknown += ": a parameter that the Parameter Store holds"
	case fallback == nil || fallback.kind != scalar || fallback.odd:
		v.Unknown += ": a parameter without a default"
	default:
		v.Unknown, v.Text, v.From = "", fallback.text, "the default of the parameter "+name
	}
	return v
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// gap stands in an outline for what is not known. For the partition of an ARN,
// which is not known either, it is that of most regions.
func gap(name string) string {
	if name == "AWS::Partition" {
		return "aws"
	}
	return "<" + strings.ReplaceAll(cmp.Or(name, "…"), "::", ".") + ">"
}

// sub resolves !Sub, if all that it names is known; else the text is an outline.
func (r resolver) sub(arg *node) (text, from string, ok bool) {
	own := &node{kind: mapping}
	if arg.kind == list && len(arg.items) == 2 && arg.items[1].kind == mapping {
		arg, own = arg.items[0], arg.items[1]
	}
	if arg.kind != scalar || arg.odd {
		return "", "", false
	}
	within := r.spend(arg.text)
	ok = within
	text = placeholder.ReplaceAllStringFunc(arg.text, func(s string) string {
		if !within {
			return ""
		}
		name := strings.TrimSpace(s[2 : len(s)-1])
		if literal, found := strings.CutPrefix(name, "!"); found {
			return "${" + literal + "}"
		}
		v := r.ref(name, arg.line)
		if n := own.get(name); n != nil {
			v = r.value(n)
		}
		if !v.Known() {
			v.Text, ok = gap(name), false
		}
		if within = r.spend(v.Text); !within {
			ok = false
			return ""
		}
		from = and(from, v.From)
		return v.Text
	})
	if !within {
		text = ""
	}
	return text, from, ok
}

// join resolves !Join, if all that it joins is known; else the text is an
// outline.
func (r resolver) join(arg *node) (text, from string, ok bool) {
	if arg.kind != list || len(arg.items) != 2 || arg.items[0].kind != scalar || arg.items[1].kind != list {
		return "", "", false
	}
	ok = true
	var parts []string
	for _, item := range arg.items[1].items {
		v := r.value(item)
		if !v.Known() {
			v.Text, ok = gap(v.Ref), false
		}
		if !r.spend(v.Text + arg.items[0].text) {
			return "", "", false
		}
		from = and(from, v.From)
		parts = append(parts, v.Text)
	}
	return strings.Join(parts, arg.items[0].text), from, ok
}

// and adds one more source to those in from, unless it is among them.
func and(from, more string) string {
	if from == "" || strings.Contains(from, more) {
		return cmp.Or(from, more)
	}
	return strings.TrimSuffix(from+", "+more, ", ")
}

// written shows an intrinsic function in few words: its name and what it names.
// Text that may be a value, such as that of a !Sub, is left out.
func written(n *node) string {
	name := "!" + strings.TrimPrefix(n.text, "Fn::")
	arg := n.items[0]
	if (n.text == "Fn::If" || n.text == "Fn::FindInMap" || n.text == "Fn::GetAtt") && arg.kind == list && len(arg.items) > 0 {
		if n.text == "Fn::GetAtt" && len(arg.items) == 2 && arg.items[1].kind == scalar {
			return name + " " + arg.items[0].text + "." + arg.items[1].text
		}
		arg = arg.items[0]
	}
	switch n.text {
	case "Ref", "Fn::If", "Fn::FindInMap", "Fn::GetAtt", "Fn::ImportValue", "Condition":
		if arg.kind == scalar {
			return name + " " + arg.text
		}
	}
	return name
}

// list resolves a node to several values.
func (r resolver) list(n *node) List {
	if absent(n) {
		return List{}
	}
	l := List{Line: n.line}
	switch n.kind {
	case list:
		for _, item := range n.items {
			if !absent(item) {
				l.Items = append(l.Items, r.value(item))
			}
		}
	case intrinsic:
		v := r.call(n)
		if !v.Known() {
			l.Unknown = v.Unknown
			break
		}
		// A parameter of a list type holds its items in one text.
		for text := range strings.SplitSeq(v.Text, ",") {
			v.Text = strings.TrimSpace(text)
			l.Items = append(l.Items, v)
		}
	case scalar:
		l.Items = []Value{r.value(n)}
	default:
		l.Unknown = "a map"
	}
	return l
}
