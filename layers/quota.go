package layers

import "fmt"

// Lambda's quotas for layers, in bytes (its developer guide, "Lambda quotas",
// where 1 MB is 1024 KB).
const (
	MaxUpload   = 50 << 20  // a zip that is not taken from S3
	MaxUnzipped = 250 << 20 // a function and all its layers, unpacked
)

// Megabytes writes a size in bytes as the quotas are written, with one decimal.
func Megabytes(bytes int64) string {
	return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
}
