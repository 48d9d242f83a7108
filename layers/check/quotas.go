package check

import "github.com/graft-lambda/graft/layers"

// Lambda's quotas.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxLayers      = 5
	maxExtensions  = 10
	maxEnvironment = 4 << 10 // bytes, names and values of a function's variables
)

// quotas checks how many layers a stack has, and what they weigh.
func (s *stack) quotas() {
	if n := max(len(s.layers), s.count); n > maxLayers {
		s.whole("too-many-layers", "%d layers; a function takes %d", n, maxLayers)
	}
	var sum int64
	for _, l := range s.layers {
		if l.packed > layers.MaxUpload {
			l.found.add("zip-too-large", l.Name, 0, "%s zipped; a direct upload takes 50 MB", layers.Megabytes(l.packed))
		}
		sum += l.unzipped()
	}
	if sum > layers.MaxUnzipped {
		s.whole("layers-too-large", "%s unzipped, the function's own code not counted; a function and its layers take 250 MB", layers.Megabytes(sum))
	}
}
