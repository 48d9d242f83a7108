package template

import (
	"bytes"
	"encoding/json"
	"strings"
)

// parseJSON reads a JSON template. ok is false if data is no JSON at all: it may be
// YAML that begins as JSON does.
func parseJSON(data []byte) (n *node, ok bool, err error) {
	if !json.Valid(data) {
		return nil, false, nil
	}
	r := &jsonReader{data: data, d: json.NewDecoder(bytes.NewReader(data))}
	r.d.UseNumber()
	n, err = r.read(0)
	return n, true, err
}

// A jsonReader keeps count of lines and nodes.
type jsonReader struct {
	converter
	data []byte
	d    *json.Decoder
	line int
	at   int64
}

// token returns the next token and leaves its line in r.line.
func (r *jsonReader) token() (json.Token, error) {
	t, err := r.d.Token()
	if err != nil {
		return nil, errorAt(r.line, "%v", err)
	}
	// A token never holds a line end, so the end of it is on its line.
	at := r.d.InputOffset()
	r.line += bytes.Count(r.data[r.at:at], []byte("\n"))
	r.at = at
	return t, nil
}

// read reads the next value.
func (r *jsonReader) read(depth int) (*node, error) {
	if r.line == 0 {
		r.line = 1
	}
	t, err := r.token()
	if err != nil {
		return nil, err
	}
	if r.nodes++; r.nodes > maxNodes {
		return nil, errorAt(r.line, "more than %d parts", maxNodes)
	}
	if depth > maxDepth {
		return nil, errorAt(r.line, "more than %d levels deep", maxDepth)
	}
	n := &node{kind: scalar, line: r.line}
	switch t := t.(type) {
	case nil:
		n.kind = null
	case bool:
		n.text = "false"
		if t {
			n.text = "true"
		}
	case json.Number:
		n.text = t.String()
		n.odd = strings.ContainsAny(n.text, ".eE")
	case string:
		n.text = t
	case json.Delim:
		n.kind = list
		if t == '{' {
			n.kind = mapping
		}
		if err := r.readInside(n, depth); err != nil {
			return nil, err
		}
	}
	return longForm(n), nil
}

// readInside reads what a list or map holds, with its end.
func (r *jsonReader) readInside(n *node, depth int) error {
	lines := make(map[string]int)
	for r.d.More() {
		if n.kind == list {
			item, err := r.read(depth + 1)
			if err != nil {
				return err
			}
			n.items = append(n.items, item)
			continue
		}
		t, err := r.token()
		if err != nil {
			return err
		}
		name, line := t.(string), r.line
		if lines[name] > 0 {
			return errorAt(line, "%q stands in line %d already", name, lines[name])
		}
		lines[name] = line
		value, err := r.read(depth + 1)
		if err != nil {
			return err
		}
		n.fields = append(n.fields, field{name, line, value})
	}
	_, err := r.token()
	return err
}
