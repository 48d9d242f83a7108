package template

import (
	"slices"
	"strings"
)

const (
	serverlessFunction = "AWS::Serverless::Function"
	lambdaFunction     = "AWS::Lambda::Function"
	serverlessLayer    = "AWS::Serverless::LayerVersion"
	lambdaLayer        = "AWS::Lambda::LayerVersion"
	serverlessNested   = "AWS::Serverless::Application"
	cloudNested        = "AWS::CloudFormation::Stack"
)

// Parse reads a template. Its error is an [*Error].
func Parse(data []byte) (Template, error) {
	root, err := parse(data)
	if err != nil {
		return Template{}, err
	}
	if root.kind != mapping {
		return Template{}, errorAt(root.line, "not a template: no map of names")
	}
	resources := root.get("Resources")
	if resources == nil || resources.kind != mapping {
		return Template{}, errorAt(root.line, "not a template: no Resources")
	}
	left := MaxSize
	r := resolver{parameters: root.get("Parameters"), resources: resources, left: &left}
	globals := root.get("Globals").get("Function")
	var t Template
	for _, f := range resources.fields {
		if f.value.kind != mapping {
			t.Unread = append(t.Unread, Value{Unknown: f.name, Line: f.line})
			continue
		}
		typ := r.value(f.value.get("Type")).Text
		properties := f.value.get("Properties")
		switch typ {
		case serverlessFunction:
			t.Functions = append(t.Functions, r.function(f, typ, merge(globals, properties)))
		case lambdaFunction:
			t.Functions = append(t.Functions, r.function(f, typ, properties))
		case serverlessLayer, lambdaLayer:
			t.Layers = append(t.Layers, r.layer(f, typ, properties))
		case serverlessNested:
			t.Nested = append(t.Nested, r.nested(f, typ, properties, "Location"))
		case cloudNested:
			t.Nested = append(t.Nested, r.nested(f, typ, properties, "TemplateURL"))
		}
		if properties != nil && (properties.kind != mapping || properties.get("Fn::Transform") != nil) {
			t.Unread = append(t.Unread, Value{Unknown: f.name + ": Properties", Line: properties.line})
		}
	}
	for _, f := range root.fields {
		if f.name == "Fn::Transform" {
			t.Unread = append(t.Unread, Value{Unknown: f.name, Line: f.line})
		}
	}
	return t, nil
}

// merge lays a function's own properties over the template's Globals as SAM
// does it: maps are merged, lists put behind each other, anything else is
// replaced.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
func merge(global, own *node) *node {
	if global == nil || global.kind == null {
		return own
	}
	if own == nil || own.kind == null {
		return global
	}
	n := &node{kind: own.kind, line: own.line}
	switch {
	case global.kind == list && own.kind == list:
		n.items = slices.Concat(global.items, own.items)
	case global.kind == mapping && own.kind == mapping:
		n.fields = slices.Clone(global.fields)
		for _, f := range own.fields {
			i, both := global.find(f.name)
			if !both {
				n.fields = append(n.fields, f)
				continue
			}
			n.fields[i] = field{f.name, f.line, merge(n.fields[i].value, f.value)}
		}
	default:
		return own
	}
	return n
}

// function reads a function, whose properties are p.
func (r resolver) function(f field, typ string, p *node) Function {
	logging, image := p.get("LoggingConfig"), p.get("ImageConfig")
	fn := Function{
		ID: f.name, Type: typ, Line: f.line,
		Runtime: r.value(p.get("Runtime")), Handler: r.value(p.get("Handler")),
		PackageType:   r.value(p.get("PackageType")),
		Architectures: r.list(p.get("Architectures")),
		Environment:   r.environment(p.get("Environment")),
		Layers:        r.list(p.get("Layers")),
		Timeout:       r.value(p.get("Timeout")), Memory: r.value(p.get("MemorySize")),
		SnapStart: r.inner(p.get("SnapStart"), "ApplyOn"), LogFormat: r.inner(logging, "LogFormat"),
		Image: Image{
			EntryPoint: r.list(image.get("EntryPoint")), Command: r.list(image.get("Command")),
			Directory: r.value(image.get("WorkingDirectory")),
		},
		BuildMethod: r.value(f.value.get("Metadata").get("BuildMethod")),
	}
	if typ == serverlessFunction {
		fn.Tracing, fn.Image.URI = r.value(p.get("Tracing")), r.value(p.get("ImageUri"))
		fn.Code = r.place(f, p, "CodeUri", "InlineCode")
	} else {
		fn.Tracing, fn.Image.URI = r.inner(p.get("TracingConfig"), "Mode"), r.inner(p.get("Code"), "ImageUri")
		fn.Code = r.place(f, p, "Code", "ZipFile")
	}
	return fn
}

// layer reads a layer, whose properties are p.
func (r resolver) layer(f field, typ string, p *node) Layer {
	metadata, content := f.value.get("Metadata"), "ContentUri"
	if typ == lambdaLayer {
		content = "Content"
	}
	return Layer{
		ID: f.name, Type: typ, Line: f.line,
		Content:     r.place(f, p, content, ""),
		Runtimes:    r.list(p.get("CompatibleRuntimes")),
		BuildMethod: r.value(metadata.get("BuildMethod")), BuildArchitecture: r.value(metadata.get("BuildArchitecture")),
		Architectures: r.list(p.get("CompatibleArchitectures")),
		// https://github.com/aws/aws-sam-cli/blob/develop/samcli/lib/samlib/resource_metadata_normalizer.py
		Built: metadata.get("SamResourceId") != nil,
	}
}

// nested reads a nested template, which the property name of p leads to.
func (r resolver) nested(f field, typ string, p *node, name string) Nested {
	n := Nested{ID: f.name, Type: typ, Line: f.line, Location: r.place(f, p, name, "")}
	switch at := p.get(name); {
	case at != nil && at.kind == mapping:
		n.Location.Unknown = "in the Serverless Application Repository"
	case strings.HasPrefix(n.Location.Text, "https://"):
		n.Location.Text, n.Location.Unknown = "", "in S3"
	case !n.Location.Set():
		n.Location.Unknown = "no " + name
	}
	return n
}

// inner resolves a property within a property, which may as a whole be unknown.
func (r resolver) inner(n *node, name string) Value {
	if absent(n) {
		return Value{}
	}
	if n.kind != mapping {
		v := r.value(n)
		if v.Known() {
			v = Value{Line: n.line, Unknown: "not a map"}
		}
		return v
	}
	return r.value(n.get(name))
}

// place resolves where the files of a function or layer are: name is the
// property, inline the one that holds the code itself.
func (r resolver) place(f field, p *node, name, inline string) Value {
	// The CDK writes where it has put the files.
	if meta := f.value.get("Metadata"); r.value(meta.get("aws:asset:property")).Text == name {
		if v := r.value(meta.get("aws:asset:path")); v.Known() {
			return v
		}
	}
	n := p.get(name)
	if code := p.get(inline); code != nil {
		return Value{Line: code.line, Unknown: "inline code"}
	}
	if n.get(inline) != nil {
		return Value{Line: n.line, Unknown: "inline code"}
	}
	v := r.value(n)
	switch {
	case n != nil && n.kind == mapping:
		v.Unknown = "in S3"
		if n.get("ImageUri") != nil {
			v.Unknown = "an image"
		}
	case strings.HasPrefix(v.Text, "s3://"):
		v.Text, v.Unknown = "", "in S3"
	}
	return v
}

// environment reads the property Environment of a function, n.
func (r resolver) environment(n *node) Environment {
	if absent(n) {
		return Environment{}
	}
	variables := n
	if n.kind == mapping {
		variables = n.get("Variables")
	}
	if absent(variables) {
		return Environment{}
	}
	if variables.kind != mapping {
		unknown := r.value(variables).Unknown
		if unknown == "" {
			unknown = "not a map"
		}
		return Environment{Unknown: unknown}
	}
	var e Environment
	for _, f := range variables.fields {
		if v := r.value(f.value); v.Set() {
			e.Variables = append(e.Variables, Variable{f.name, v})
		}
	}
	return e
}
