// Package check finds mistakes in Lambda layers, and in the functions that use
// them, which otherwise show only in production.
//
// [Open] reads a layer: a folder, which looks like /opt, or a zip. [Layers]
// judges a stack of them, and [Template] the functions of a SAM or
// CloudFormation template. Both return a [Report], whose findings are of the
// kinds that [Rules] lists.
//
// Zips are not trusted: they are judged from their own bytes, nothing is
// unpacked to disk, and what is read is bounded whatever they claim. No value
// of a variable and no secret that is found is ever part of a finding.
//
// Agents are planned by package inject, as the wrapper does, for each runtime
// that they are for: what it would leave out becomes a finding.
package check
