package show

// A Colour is how a terminal shows a text, as ANSI's SGR parameter; the empty
// one changes nothing.
type Colour string

// The colours that the commands use.
const (
	Bold   Colour = "1"
	Faint  Colour = "2"
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"
	Cyan   Colour = "36"
)

// In returns the text in the colour.
func (c Colour) In(text string) string {
	if c == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
