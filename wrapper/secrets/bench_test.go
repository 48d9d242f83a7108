package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rounds is how often each way is timed.
const rounds = 40

// BenchmarkResolve times how 50 parameters are fetched: by graft-secrets as the
// wrapper starts it, and by a program that does the fewest calls of the SDK and
// nothing else; in turns, from fork to the last value. Moto is slow; a service
// in Go shows what the programs themselves take.
func BenchmarkResolve(b *testing.B) {
	text, err := buildOnce()
	require.NoError(b, err, text)
	fewest := filepath.Join(b.TempDir(), "fewest")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-w -buildid=", "-o", fewest, "./testdata/fewest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	questions := parameters(50)
	names := make([]string, len(questions))
	for i, q := range questions {
		names[i] = "/" + strings.TrimPrefix(q, "ref+awsssm://")
	}
	services := []struct {
		name string
		env  func() []string
	}{
		{"moto", func() []string {
			env := motoEnv(b)
			ssm, _ := sdkClients(b, strings.TrimPrefix(env[0], "AWS_ENDPOINT_URL="))
			for _, name := range names {
				put(b, ssm, name, valueOf(name))
			}
			return env
		}},
		{"Go", func() []string {
			return []string{"AWS_ENDPOINT_URL=" + newService(b, nil).URL, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"}
		}},
	}
	for _, service := range services {
		b.Run(service.name, func(b *testing.B) {
			env := service.env()
			for b.Loop() {
				var ours, least []time.Duration
				for range rounds {
					start := time.Now()
					answers := ask(b, env, limit, questions...)
					ours = append(ours, time.Since(start))
					for i, a := range answers {
						require.Equal(b, valueOf(names[i]), a.Value, a.Problem)
					}
					cmd := exec.Command(fewest, names...)
					cmd.Env = env
					start = time.Now()
					out, err := cmd.Output()
					least = append(least, time.Since(start))
					require.NoError(b, err)
					require.Equal(b, len(names), bytes.Count(out, []byte{0}))
				}
				o, l := median(ours), median(least)
				b.Logf("50 parameters, median of %d: graft-secrets %.1f ms, the fewest calls %.1f ms, ratio %.2f",
					rounds, o.Seconds()*1000, l.Seconds()*1000, float64(o)/float64(l))
				b.ReportMetric(o.Seconds()*1000, "graft-secrets-ms")
				b.ReportMetric(l.Seconds()*1000, "fewest-calls-ms")
				b.ReportMetric(float64(o)/float64(l), "ratio")
			}
		})
	}
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
