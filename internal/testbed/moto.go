package testbed

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

var motoAddress = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)

// NeedMoto starts moto, which stands in for AWS's services, on a loopback port
// of its own until the test ends. It returns the variables that make the AWS
// CLI, SAM, CDK and Terraform use it and nothing else of this machine's
// settings. If moto is unavailable the rule of [Need] applies.
func NeedMoto(t testing.TB, b *Bed) (env []string) {
	t.Helper()
	program, err := b.AWSTool(t.Context(), "moto_server")
	NeedErr(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, program, "-H", "127.0.0.1", "-p", "0")
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	output, input, err := os.Pipe()
	if err != nil {
		stop()
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = input, input
	err = cmd.Start()
	input.Close()
	if err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait() // killed: its status says nothing
		output.Close()
	})
	url, err := motoURL(output)
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, output) // a line for every request
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("[default]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"AWS_ENDPOINT_URL=" + url,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=test",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_CONFIG_FILE=" + config, "AWS_SHARED_CREDENTIALS_FILE=" + config, "AWS_PROFILE=default",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "SAM_CLI_TELEMETRY=0",
		"no_proxy=127.0.0.1", "NO_PROXY=127.0.0.1",
	}
}

// motoURL reads what moto prints until it tells where it listens.
func motoURL(output io.Reader) (string, error) {
	var printed []byte
	lines := bufio.NewScanner(io.LimitReader(output, 1<<20))
	for lines.Scan() {
		if m := motoAddress.FindSubmatch(lines.Bytes()); m != nil {
			return string(m[1]), nil
		}
		printed = append(append(printed, '\n'), lines.Bytes()...)
	}
	return "", fmt.Errorf("moto_server ended:%s", printed)
}
