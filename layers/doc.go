// Package layers builds Lambda layers with graft and any agents in them.
//
// A layer's source folder looks like /opt itself: what is in it stands there,
// and a dependency manifest in it (package.json with package-lock.json,
// requirements.txt with hashes, pom.xml) is installed where it stands by that
// ecosystem's own tool. [Open] collects a layer, whose files stay where they
// lie; [Layer.Zip] and [WriteOCI] pack it, [Build] fills a folder with it. The
// same sources give the same bytes.
//
// The command graft build, the release and the examples make their layers with
// this package; package check finds mistakes in layers, whoever made them.
package layers
