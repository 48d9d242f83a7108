package check

import (
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// lineOf is the line of a fragment that gives a variable; 0 if there is none.
func (s *stack) lineOf(r *root, file, name string) int {
	for i, line := range s.linesOf(r, file) {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), name); ok && strings.HasPrefix(rest, "=") {
			return i + 1
		}
	}
	return 0
}

// lineWith is the first line of a fragment that holds a text and is no
// comment; 0 if there is none.
func (s *stack) lineWith(r *root, file, text string) int {
	for i, line := range s.linesOf(r, file) {
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") && strings.Contains(line, text) {
			return i + 1
		}
	}
	return 0
}

// linesOf are the lines of a fragment.
func (s *stack) linesOf(r *root, file string) []string {
	lines, ok := s.lines[file]
	if !ok {
		data, _ := fragment.ReadFile(r, file)
		lines = strings.Split(string(data), "\n")
		if s.lines == nil {
			s.lines = map[string][]string{}
		}
		s.lines[file] = lines
	}
	return lines
}
