//go:build linux

package secretsapi_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"
)

// BenchmarkLookup times the same look-ups in turns: of what the program has kept,
// over a connection that stays and over a new one, and straight from the service
// by AWS's SDK, here moto on loopback.
func BenchmarkLookup(b *testing.B) {
	services := newServices(b)
	s := startServer(b, services.env()...)
	decrypt := true
	served := func(target string) func() error {
		return func() error { _, err := s.get("127.0.0.1", target); return err }
	}
	ways := []struct {
		name string
		look func() error
	}{
		{"kept-secret", served(secretURL + "?secretId=s")},
		{"kept-parameter", served(parameterURL + "?name=/a/b&withDecryption=true")},
		{"kept-secret-new-connection", func() error {
			http.DefaultClient.CloseIdleConnections()
			return served(secretURL + "?secretId=s")()
		}},
		{"service-secret", func() error {
			_, err := services.secrets.GetSecretValue(b.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
			return err
		}},
		{"service-parameter", func() error {
			_, err := services.parameters.GetParameter(b.Context(), &ssm.GetParameterInput{Name: aws.String("/a/b"), WithDecryption: &decrypt})
			return err
		}},
	}
	times := make([][]time.Duration, len(ways))
	for _, way := range ways {
		require.NoError(b, way.look())
	}
	for b.Loop() {
		for i, way := range ways {
			start := time.Now()
			err := way.look()
			times[i] = append(times[i], time.Since(start))
			require.NoError(b, err)
		}
	}
	for i, way := range ways {
		slices.Sort(times[i])
		median := times[i][len(times[i])/2]
		b.Logf("%-28s median %v, 95 of 100 %v", way.name, median, times[i][len(times[i])*95/100])
		b.ReportMetric(float64(median.Nanoseconds())/1e6, way.name+"-ms")
	}
}
