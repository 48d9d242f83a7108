package layers

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pipOptions are the options that a line of a requirements.txt may have: where
// packages come from, not what is done with them. Pip would let --no-binary in
// the file win over --only-binary on its command line, and run the setup.py of
// what it then builds; -r and -c name files that are not at hand.
var pipOptions = map[string]bool{
	"-i": true, "--index-url": true, "--extra-index-url": true, "--no-index": true, "-f": true, "--find-links": true,
	"--trusted-host": true, "--prefer-binary": true, "--only-binary": true, "--require-hashes": true, "--pre": true,
}

// wheelFile is the last part of the path or URL of a wheel. What pip takes for
// none it builds, wherever it comes from.
var wheelFile = regexp.MustCompile(`^(%2[Bb]|[\w.+!-])*\w\.whl$`)

// vetRequirements reports the first line of a requirements.txt by which pip
// would run code of a package, or read another file. Lines are taken apart as
// pip does it.
func vetRequirements(files map[string][]byte, _ Options) error {
	text := strings.ReplaceAll(string(files["requirements.txt"]), "\r\n", "\n")
	text = strings.TrimPrefix(text, "\ufeff") // as pip does it
	if !utf8.ValidString(text) || strings.ContainsFunc(text, breaks) || recoded(text) {
		return errors.New("not plain UTF-8: pip may read it in another way than graft")
	}
	number, began, joined := 0, 1, ""
	for line := range strings.SplitSeq(text+"\n", "\n") {
		number++
		switch whole := strings.HasPrefix(strings.TrimSpace(line), "#"); {
		case whole:
			joined += " " + line
		case strings.HasSuffix(line, `\`):
			joined += strings.Trim(line, `\`)
			continue
		default:
			joined += line
		}
		if err := vetRequirement(joined); err != nil {
			return fmt.Errorf("line %d: %w", began, err)
		}
		began, joined = number+1, ""
	}
	return nil
}

// breaks reports whether Python may take a character for the end of a line, or
// for none.
func breaks(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// coding is a comment by which pip chooses the encoding, and which.
var coding = regexp.MustCompile(`\A(?:[^\n]*\n)?\s*#.*coding[:=]\s*([-\w.]*)`)

// recoded reports whether pip reads the text in another encoding than UTF-8.
func recoded(text string) bool {
	found := coding.FindStringSubmatch(text)
	return found != nil && !strings.EqualFold(found[1], "utf-8") && !strings.EqualFold(found[1], "utf8")
}

// otherFile is an option that names another file.
var otherFile = regexp.MustCompile(`^-(r|c|-requirement|-constraint)`)

// comment is where pip's begin.
var comment = regexp.MustCompile(`(^|\s)#.*$`)

// vetRequirement judges one line: a requirement and its hashes, or options.
func vetRequirement(line string) error {
	words := strings.Fields(comment.ReplaceAllString(line, ""))
	first := len(words)
	for i, word := range words {
		if strings.HasPrefix(word, "-") {
			first = i
			break
		}
	}
	for _, word := range words[first:] {
		name, _, _ := strings.Cut(word, "=")
		known := pipOptions[name]
		if first > 0 {
			known = name == "--hash"
		}
		switch {
		case strings.ContainsAny(word, `"'\`): // which pip would take away
			return errors.New("quotes among the options")
		case first == 0 && otherFile.MatchString(word):
			return fmt.Errorf("%.50q: names another file: write what is in it here, as uv pip compile and pip-compile do", word)
		case strings.HasPrefix(word, "-") && !known:
			return fmt.Errorf("%.50q: an option that graft does not let pip have: packages come as wheels, and nothing of them is run", name)
		}
	}
	return vetSource(words[:first])
}

// vetSource judges a requirement, which is a name with a version, or a wheel by
// its path or URL.
func vetSource(words []string) error {
	for i, word := range words {
		if strings.HasPrefix(word, ";") {
			return nil // the rest says for which Python it is
		}
		_, url, named := strings.Cut(word, "@")
		switch {
		case !strings.ContainsAny(word, "/:@"):
			if strings.HasSuffix(word, ";") {
				return nil
			}
			continue
		case word == "@":
			continue
		case !named || strings.Contains(word[:len(word)-len(url)], "/"):
			url = word
		}
		url, last := strings.CutSuffix(url, ";")
		url, _, _ = strings.Cut(url, "#")
		url, _, _ = strings.Cut(url, "?")
		rest := words[i+1:]
		if !wheelFile.MatchString(url[strings.LastIndexByte(url, '/')+1:]) || !last && len(rest) > 0 && !strings.HasPrefix(rest[0], ";") {
			return fmt.Errorf("%.100q: no wheel: pip would run its setup.py", word)
		}
		return nil
	}
	return nil
}
