package otlp

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/internal/export"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/slim/otlp/resource/v1"
)

// Resource is what the spans and log records are about: attributes of
// OpenTelemetry's conventions for cloud, FaaS and AWS. What the owner set in
// OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME wins.
//
// Variables that Lambda keeps from extensions leave their attributes out; the
// name and version then come from of.
//
// https://opentelemetry.io/docs/specs/semconv/resource/faas/
func Resource(env Env, of export.Function) *resourcepb.Resource {
	var attributes []*commonpb.KeyValue
	add := func(key string, value *commonpb.AnyValue) {
		if !slices.ContainsFunc(attributes, func(has *commonpb.KeyValue) bool { return has.Key == key }) {
			attributes = append(attributes, attribute(key, value))
		}
	}
	addText := func(key, value string) {
		if value != "" {
			add(key, text(value))
		}
	}
	name := first(of.Name, env.get("AWS_LAMBDA_FUNCTION_NAME"))

	addText("service.name", env.get("OTEL_SERVICE_NAME"))
	for _, pair := range ownerAttributes(env.get("OTEL_RESOURCE_ATTRIBUTES")) {
		addText(pair[0], pair[1])
	}
	addText("service.name", first(name, "unknown_service"))
	addText("cloud.provider", "aws")
	addText("cloud.platform", "aws_lambda")
	addText("cloud.region", first(env.get("AWS_REGION"), env.get("AWS_DEFAULT_REGION")))
	addText("cloud.account.id", of.Account)
	addText("faas.name", name)
	addText("faas.version", first(of.Version, env.get("AWS_LAMBDA_FUNCTION_VERSION")))
	addText("faas.instance", env.get("AWS_LAMBDA_LOG_STREAM_NAME"))
	if mb, err := strconv.ParseInt(env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 32); err == nil {
		add("faas.max_memory", integer(mb<<20)) // bytes
	}
	if group := env.get("AWS_LAMBDA_LOG_GROUP_NAME"); group != "" {
		add("aws.log.group.names", list(group))
	}
	if stream := env.get("AWS_LAMBDA_LOG_STREAM_NAME"); stream != "" {
		add("aws.log.stream.names", list(stream))
	}
	return &resourcepb.Resource{Attributes: attributes}
}

// withInstance completes a resource by the instance that Lambda names in
// platform.initStart, unless it has one.
func withInstance(resource *resourcepb.Resource, instance string) *resourcepb.Resource {
	if instance == "" || slices.ContainsFunc(resource.Attributes, func(a *commonpb.KeyValue) bool { return a.Key == "faas.instance" }) {
		return resource
	}
	return &resourcepb.Resource{
		Attributes: append(slices.Clip(resource.Attributes), attribute("faas.instance", text(instance))),
	}
}

// ownerAttributes reads key=value,… with percent-encoding. If any of it is
// wrong, all of it is left out: so says the specification.
func ownerAttributes(list string) [][2]string {
	var pairs [][2]string
	for entry := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		key, value, found := strings.Cut(entry, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || err != nil || strings.TrimSpace(key) == "" {
			return nil
		}
		pairs = append(pairs, [2]string{strings.TrimSpace(key), value})
	}
	return pairs
}

func first(of ...string) string {
	for _, text := range of {
		if text != "" {
			return text
		}
	}
	return ""
}
