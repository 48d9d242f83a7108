//go:build !release

package layers

import "embed"

// released is empty: this is no release.
var released embed.FS
