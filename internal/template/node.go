package template

import (
	"bytes"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds for what a hostile template can make of few bytes.
const (
	maxDepth = 100
	// maxNodes bounds the template with its aliases written out.
	maxNodes = 200_000
)

// A kind is what a node is.
type kind int

const (
	null kind = iota
	scalar
	list
	mapping
	// intrinsic is a function of CloudFormation: its name is the node's text,
	// its argument the only item.
	intrinsic
)

// A node is a part of the template, with aliases, merges and the two ways to
// write an intrinsic function made one.
type node struct {
	kind kind
	text string
	// odd is set for a scalar that tools read differently, such as 0777.
	odd    bool
	items  []*node
	fields []field
	// index is where a field stands in fields; made when it is first asked for.
	index map[string]int
	line  int
}

type field struct {
	name  string
	line  int
	value *node
}

// get returns a field of a mapping; nil if it is not there or null.
func (n *node) get(name string) *node {
	if n == nil || n.kind != mapping {
		return nil
	}
	if i, ok := n.find(name); ok && n.fields[i].value.kind != null {
		return n.fields[i].value
	}
	return nil
}

// find returns where a field of a mapping stands.
func (n *node) find(name string) (int, bool) {
	if n.index == nil {
		n.index = make(map[string]int, len(n.fields))
		for i, f := range n.fields {
			n.index[f.name] = i
		}
	}
	i, ok := n.index[name]
	return i, ok
}

// parse reads YAML or JSON.
func parse(data []byte) (*node, error) {
	if len(data) > MaxSize {
		return nil, errorAt(0, "more than %d bytes", MaxSize)
	}
	// YAML's scanner does not take all of JSON: surrogates, names of more
	// than 1,024 characters.
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		if n, ok, err := parseJSON(data); ok {
			return n, err
		}
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); err != nil {
		return nil, yamlError(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errorAt(0, "more than one YAML document")
	}
	c := converter{}
	return c.convert(doc.Content[0], 0)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// yamlError gives an error of the YAML library our form.
func yamlError(err error) error {
	if errors.Is(err, io.EOF) {
		return errorAt(0, "empty")
	}
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return errorAt(0, "%v", err)
	}
	line, _ := strconv.Atoi(m[1])
	return errorAt(line, "%s", err.Error()[len(m[0]):])
}

// A converter makes nodes, and counts them.
type converter struct{ nodes int }

// convert makes a node of YAML's, which lies depth levels deep.
func (c *converter) convert(y *yaml.Node, depth int) (*node, error) {
	if c.nodes++; c.nodes > maxNodes {
		return nil, errorAt(y.Line, "more than %d parts, with aliases written out", maxNodes)
	}
	if depth > maxDepth {
		return nil, errorAt(y.Line, "more than %d levels deep", maxDepth)
	}
	n := &node{line: y.Line}
	switch y.Kind {
	case yaml.AliasNode:
		return c.convert(y.Alias, depth+1)
	case yaml.ScalarNode:
		n.readScalar(y)
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			child, err := c.convert(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, child)
		}
	case yaml.MappingNode:
		n.kind = mapping
		if err := c.readFields(n, y, depth); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") && len(y.Tag) > 1 {
		return shortForm(n, y.Tag[1:]), nil
	}
	return longForm(n), nil
}

// readFields reads a mapping, with what "<<" merges into it behind its own.
func (c *converter) readFields(n *node, y *yaml.Node, depth int) error {
	lines := make(map[string]int)
	var merged []field
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		value, err := c.convert(y.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		if key.Kind != yaml.ScalarNode {
			return errorAt(key.Line, "a name that is no text")
		}
		if key.Tag == "!!merge" {
			sources := []*node{value}
			if value.kind == list {
				sources = value.items
			}
			for _, s := range sources {
				if s.kind != mapping {
					return errorAt(key.Line, "<<: not a map")
				}
				merged = append(merged, s.fields...)
			}
			continue
		}
		if first := lines[key.Value]; first > 0 {
			return errorAt(key.Line, "%q stands in line %d already", key.Value, first)
		}
		lines[key.Value] = key.Line
		n.fields = append(n.fields, field{key.Value, key.Line, value})
	}
	for _, f := range merged {
		if lines[f.name] == 0 {
			lines[f.name] = f.line
			if c.nodes++; c.nodes > maxNodes {
				return errorAt(y.Line, "more than %d parts, with aliases written out", maxNodes)
			}
			n.fields = append(n.fields, f)
		}
	}
	return nil
}

// readScalar writes a scalar as CloudFormation does: what is no string becomes
// JSON first.
func (n *node) readScalar(y *yaml.Node) {
	n.kind, n.text = scalar, y.Value
	if y.Style != 0 {
		// Quoted, or with a tag that says what it is.
		return
	}
	switch y.ShortTag() {
	case "!!null":
		n.kind, n.text = null, ""
		return
	case "!!int":
		i, err := strconv.ParseInt(y.Value, 10, 64)
		n.odd = err != nil || strconv.FormatInt(i, 10) != y.Value
	case "!!float":
		f, err := strconv.ParseFloat(y.Value, 64)
		n.odd = err != nil || math.Abs(f) >= 1e15 || strconv.FormatFloat(f, 'f', -1, 64) != y.Value
	case "!!timestamp":
		n.odd = true
	}
	// CloudFormation and SAM read YAML 1.1.
	switch strings.ToLower(y.Value) {
	case "true", "yes", "on":
		n.text = "true"
	case "false", "no", "off":
		n.text = "false"
	}
}

// shortForm makes "!Sub x" of a node tagged so.
func shortForm(arg *node, tag string) *node {
	name := "Fn::" + tag
	if tag == "Ref" || tag == "Condition" {
		name = tag
	}
	return &node{kind: intrinsic, text: name, items: []*node{arg}, line: arg.line}
}

// longForm makes an intrinsic function of a map like {"Fn::Sub": x}.
func longForm(n *node) *node {
	if n.kind != mapping || len(n.fields) != 1 {
		return n
	}
	f := n.fields[0]
	if f.name != "Ref" && (!strings.HasPrefix(f.name, "Fn::") || strings.HasPrefix(f.name, "Fn::ForEach::")) {
		return n
	}
	return &node{kind: intrinsic, text: f.name, items: []*node{f.value}, line: f.line}
}
