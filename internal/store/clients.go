// Package store fetches values from Parameter Store and Secrets Manager, with
// the AWS SDK for Go and its default chain of region, credentials and endpoints.
package store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Clients are the services' clients, for any region and role.
type Clients struct {
	config aws.Config
}

// New reads the SDK's configuration.
func New(ctx context.Context, options ...func(*config.LoadOptions) error) (Clients, error) {
	c, err := config.LoadDefaultConfig(ctx, options...)
	return Clients{c}, err
}

// Parameters returns the client of Parameter Store for a region and a role to
// assume; an empty one is the function's own.
func (c Clients) Parameters(region, role string) *ssm.Client {
	return ssm.NewFromConfig(c.in(region, role))
}

// Secrets returns the client of Secrets Manager for a region and a role to
// assume; an empty one is the function's own.
func (c Clients) Secrets(region, role string) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(c.in(region, role))
}

func (c Clients) in(region, role string) aws.Config {
	cfg := c.config.Copy()
	if region != "" {
		cfg.Region = region
	}
	if role != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), role))
	}
	return cfg
}
