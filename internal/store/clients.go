// Package store fetches values from Parameter Store and Secrets Manager, with
// the AWS SDK for Go and its default chain of region, credentials and
// endpoints, and from files.
//
// Package resolve asks graft-secrets for values, and graft-secrets asks this
// package; package secretsapi has its clients from here.
//
// Of what a service says of an error only the code goes further: the rest might
// quote a value.
package store

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

const (
	// dialTimeout bounds the time to connect: a service that takes longer is not
	// there.
	dialTimeout = time.Second
	// sessionName is what CloudTrail shows of an assumed role.
	sessionName = "graft-secrets"
)

// Clients are the services' clients, for any region and role. They may be used
// by several goroutines.
type Clients struct {
	config aws.Config
	made   *made
}

// A made keeps the clients that were asked for: each is made once.
type made struct {
	sync.Mutex
	roles      map[string]aws.CredentialsProvider
	parameters map[place]*ssm.Client
	secrets    map[place]*secretsmanager.Client
}

// A place is where and as whom a service is asked; empty is the function's own.
type place struct{ region, role string }

// Attempt is an option for [New] that bounds each attempt of a call; 0 is no
// bound.
func Attempt(limit time.Duration) func(*config.LoadOptions) error {
	return config.WithHTTPClient(httpClient().WithTimeout(limit))
}

func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout })
}

// New reads the SDK's configuration. It may hang in a file that cannot be read,
// whatever ctx says. EC2's metadata service is never asked, and the SDK logs
// nothing.
func New(ctx context.Context, options ...func(*config.LoadOptions) error) (Clients, error) {
	options = append([]func(*config.LoadOptions) error{
		Attempt(0),
		config.WithAPIOptions([]func(*middleware.Stack) error{bound(maxAnswer)}),
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithLogger(logging.Nop{}),
	}, options...)
	if err := readable(); err != nil {
		return Clients{}, err
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		if provider := snapStart(); provider != nil {
			c, err = config.LoadDefaultConfig(ctx, append(options, config.WithCredentialsProvider(provider))...)
		}
	}
	return Clients{c, &made{
		roles:      make(map[string]aws.CredentialsProvider),
		parameters: make(map[place]*ssm.Client),
		secrets:    make(map[place]*secretsmanager.Client),
	}}, err
}

// snapStart returns the credentials of a function under SnapStart. The SDK
// takes them only from a loopback address; Lambda's API may have another.
func snapStart() aws.CredentialsProvider {
	uri, api := os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), os.Getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" || !strings.HasPrefix(uri, "http://"+api+"/") {
		return nil
	}
	return endpointcreds.New(uri, func(o *endpointcreds.Options) {
		o.APIOptions = append(o.APIOptions, bound(maxCredentials))
		o.AuthorizationToken = os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
		// A proxy is not on the way to Lambda's own API.
		o.HTTPClient = httpClient().WithTimeout(dialTimeout).WithTransportOptions(func(t *http.Transport) { t.Proxy = nil })
	})
}

// Parameters returns the client of Parameter Store for a region and a role to
// assume; an empty one is the function's own.
func (c Clients) Parameters(region, role string) *ssm.Client {
	c.made.Lock()
	defer c.made.Unlock()
	p := place{region, role}
	if c.made.parameters[p] == nil {
		c.made.parameters[p] = ssm.NewFromConfig(c.in(p))
	}
	return c.made.parameters[p]
}

// Secrets returns the client of Secrets Manager for a region and a role to
// assume; an empty one is the function's own.
func (c Clients) Secrets(region, role string) *secretsmanager.Client {
	c.made.Lock()
	defer c.made.Unlock()
	p := place{region, role}
	if c.made.secrets[p] == nil {
		c.made.secrets[p] = secretsmanager.NewFromConfig(c.in(p))
	}
	return c.made.secrets[p]
}

// Region is where a call with this region goes; empty if nobody has said.
func (c Clients) Region(region string) string {
	if region != "" {
		return region
	}
	return c.config.Region
}

// HasCredentials reports whether there is anything to take credentials from.
func (c Clients) HasCredentials() bool {
	return !aws.IsCredentialsProvider(c.config.Credentials, (*ec2rolecreds.Provider)(nil))
}

// in is the configuration for a place. A role is assumed once for all regions.
func (c Clients) in(p place) aws.Config {
	cfg := c.config.Copy()
	cfg.Region = c.Region(p.region)
	if p.role == "" {
		return cfg
	}
	if c.made.roles[p.role] == nil {
		c.made.roles[p.role] = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), p.role,
			func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = sessionName }))
	}
	cfg.Credentials = c.made.roles[p.role]
	return cfg
}
