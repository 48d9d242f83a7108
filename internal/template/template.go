// Package template reads what AWS SAM and CloudFormation templates say of
// Lambda functions and layers, from YAML or JSON.
//
// [Parse] is pure over bytes: no file is opened, nothing is fetched, no macro
// runs. What only a deployment decides stays unknown and is never guessed: a
// [Value] says which function of CloudFormation it comes from. Parameters count
// with their Default, and the value says so.
//
// A template may be hostile: its size, depth and the growth of its aliases are
// bounded, a name may stand only once in a map, and every error has a line.
package template

import "fmt"

// MaxSize is the largest template that is read, in bytes: CloudFormation's own
// limit for a template in S3.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const MaxSize = 1 << 20

// A Template is what counts of a template: its functions, layers and nested
// templates, in the order in which they are written.
type Template struct {
	Functions []Function
	Layers    []Layer
	Nested    []Nested
	// Unread names what the template makes only when it is deployed, such as
	// resources of Fn::ForEach: functions may hide there.
	Unread []Value
}

// Function returns the function with a logical id.
func (t Template) Function(id string) (Function, bool) {
	for _, f := range t.Functions {
		if f.ID == id {
			return f, true
		}
	}
	return Function{}, false
}

// Layer returns the layer with a logical id.
func (t Template) Layer(id string) (Layer, bool) {
	for _, l := range t.Layers {
		if l.ID == id {
			return l, true
		}
	}
	return Layer{}, false
}

// A Function is an AWS::Serverless::Function, with the template's Globals
// merged in as SAM does it, or an AWS::Lambda::Function. A property that the
// template does not have is the zero Value or List.
type Function struct {
	ID   string
	Type string
	Line int

	Runtime Value
	Handler Value
	// PackageType is Zip or Image.
	PackageType   Value
	Architectures List
	// Environment is in the order of the template, Globals first.
	Environment Environment
	// Layers are in the order in which Lambda lays them over each other.
	// The Ref of an item is the logical id of a layer, its Text an ARN.
	Layers List

	// Timeout is in seconds, Memory in MB.
	Timeout   Value
	Memory    Value
	SnapStart Value // PublishedVersions or None
	Tracing   Value // Active, PassThrough or Disabled
	LogFormat Value // JSON or Text
	// Code is the local folder or zip, relative to the template's folder.
	// Code that is elsewhere or inline is unknown.
	Code Value

	Image       Image
	BuildMethod Value
}

// An Image is the ImageConfig of a function, and where its image is.
type Image struct {
	URI        Value
	EntryPoint List
	Command    List
	Directory  Value
}

// A Layer is an AWS::Serverless::LayerVersion or AWS::Lambda::LayerVersion.
type Layer struct {
	ID   string
	Type string
	Line int
	// Content is the local folder or zip, relative to the template's folder.
	Content       Value
	Runtimes      List
	Architectures List
	// BuildMethod and BuildArchitecture are of the layer's Metadata.
	BuildMethod       Value
	BuildArchitecture Value
	// Built is set in a template that sam build wrote: Content is what it made.
	Built bool
}

// A Nested is an AWS::Serverless::Application or AWS::CloudFormation::Stack: a
// template of its own, which is not read with this one.
type Nested struct {
	ID   string
	Type string
	Line int
	// Location is the local template, relative to this one's folder. One that is
	// elsewhere is unknown.
	Location Value
}

// An Environment is the variables of a function.
type Environment struct {
	Variables []Variable
	// Unknown says why there may be other variables than these.
	Unknown string
}

// A Variable is one variable of a function.
type Variable struct {
	Name  string
	Value Value
}

// A Value is what a property says. The zero Value is one that is not there.
type Value struct {
	// Text is the value, if it is known. What is no string in the template is
	// written as CloudFormation would write it: true, 512.
	Text string
	// From says where Text comes from if it does not stand there itself: "the
	// default of the parameter Stage".
	From string
	// Unknown says why the value is not known: "!GetAtt Table.Arn".
	Unknown string
	// Outline is the text of a !Sub or !Join of which not all is known, with
	// <NAME> for what is not.
	Outline string
	// Ref is the logical id of the resource that the value refers to.
	Ref string
	// Line is where it stands, from 1.
	Line int
}

// Set reports whether the property is there.
func (v Value) Set() bool { return v.Line > 0 }

// Known reports whether the property is there and its value is known.
func (v Value) Known() bool { return v.Set() && v.Unknown == "" }

// A List is what a property says that holds several values.
type List struct {
	Items []Value
	// Unknown says why the items are not known, or why there may be more.
	Unknown string
	Line    int
}

// An Error is a template that cannot be read.
type Error struct {
	// Line is from 1, or 0 for the template as a whole.
	Line    int
	Problem string
}

// Error returns the line and the problem.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Problem
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Problem)
}

func errorAt(line int, format string, args ...any) error {
	return &Error{Line: line, Problem: fmt.Sprintf(format, args...)}
}
