package template_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/template"
)

// TestPlace: as it ships, if it is there, wherever the template itself lies.
func TestPlace(t *testing.T) {
	const made = ".aws-sam/build/L"
	for _, tt := range []struct {
		name, layer string
		filled      []string
		want        template.Place
	}{
		{"without a build", `Properties: {ContentUri: src}`, nil, template.Place{Path: "src"}},
		{"without a build, but with a folder of that name", `Properties: {ContentUri: src}`, []string{made}, template.Place{Path: "src"}},
		{"built", `Metadata: {BuildMethod: makefile}, Properties: {ContentUri: src}`, []string{made, "src"}, template.Place{Path: made}},
		{"not built", `Metadata: {BuildMethod: makefile}, Properties: {ContentUri: src}`, []string{"src"}, template.Place{Path: "src", Made: made}},
		{"not built, of a folder with the layer's name", `Metadata: {BuildMethod: makefile}, Properties: {ContentUri: L}`, []string{"L"}, template.Place{Path: "L", Made: made}},
		{"in the built template", `Metadata: {BuildMethod: makefile, SamResourceId: L}, Properties: {ContentUri: L}`, []string{"L"}, template.Place{Path: "L"}},
		{"in the built template, and taken away", `Metadata: {BuildMethod: makefile, SamResourceId: L}, Properties: {ContentUri: L}`, nil, template.Place{Path: "L", Made: "L"}},
		{"in the built template, without a build", `Metadata: {SamResourceId: L}, Properties: {ContentUri: ../../src}`, nil, template.Place{Path: "../../src"}},
		{"in S3", `Properties: {ContentUri: "s3://b/k"}`, nil, template.Place{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := parse(t, "Resources: {L: {Type: AWS::Serverless::LayerVersion, "+tt.layer+"}}")
			require.Len(t, got.Layers, 1)
			filled := map[string]bool{}
			for _, folder := range tt.filled {
				filled[folder] = true
			}
			assert.Equal(t, tt.want, got.Layers[0].Place(func(folder string) bool { return filled[folder] }))
		})
	}
}
