package store

import (
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
)

// configFiles are the variables that name files which the SDK reads to their
// ends, and what it reads where they are not set.
var configFiles = []struct {
	name     string
	standard func() string // nil: nothing
}{
	{"AWS_CONFIG_FILE", config.DefaultSharedConfigFilename},
	{"AWS_SHARED_CREDENTIALS_FILE", config.DefaultSharedCredentialsFilename},
	{"AWS_CA_BUNDLE", nil},
	{"AWS_WEB_IDENTITY_TOKEN_FILE", nil},
	{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", nil},
}

// readable refuses files that may have no end: the SDK would wait for a FIFO
// for ever, and read a device into memory. Whatever else is wrong with a file
// the SDK finds out.
func readable() error {
	nothing, _ := os.Stat(os.DevNull)
	for _, f := range configFiles {
		file := os.Getenv(f.name)
		if file == "" && f.standard != nil {
			file = f.standard()
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().IsRegular() || info.IsDir() || os.SameFile(info, nothing) {
			continue
		}
		return Problem("the SDK's configuration: " + f.name + ": not a regular file")
	}
	return nil
}
