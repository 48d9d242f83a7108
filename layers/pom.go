package layers

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// vetPOM reports that a pom.xml has Maven load code, or changes what the plugin
// that copies the jars does. A parent's is not seen.
func vetPOM(files map[string][]byte, opt Options) error {
	if opt.Scripts {
		return nil
	}
	d := xml.NewDecoder(bytes.NewReader(files["pom.xml"]))
	d.Entity = xml.HTMLEntity // which Maven knows too
	d.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "iso-8859-1":
			text, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			runes := make([]rune, len(text))
			for i, b := range text {
				runes[i] = rune(b)
			}
			return strings.NewReader(string(runes)), nil
		}
		return nil, errors.New("another encoding than UTF-8")
	}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errors.New("not XML in UTF-8")
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("has a document type")
		case xml.StartElement:
			if name := t.Name.Local; name == "extensions" || name == "plugins" {
				return fmt.Errorf("<%s>: has Maven load code of its own, and a layer needs none: take it out, or give --scripts", name)
			}
		}
	}
}
