//go:build release

package layers

import "embed"

// released holds the programs of this release.
//
//go:embed released/*.gz
var released embed.FS
