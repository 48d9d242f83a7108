package layers

// Lambda's quotas for layers, in bytes (its developer guide, "Lambda quotas",
// where 1 MB is 1024 KB).
const (
	MaxUpload   = 50 << 20  // a zip that is not taken from S3
	MaxUnzipped = 250 << 20 // a function and all its layers, unpacked
)
