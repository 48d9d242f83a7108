package local

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInitLimit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		initType       InitType
		given, timeout time.Duration
		want           time.Duration
	}{
		{"", 0, 0, 10 * time.Second},
		{OnDemand, 0, 900 * time.Second, 10 * time.Second},
		{OnDemand, time.Second, 0, time.Second},
		{ProvisionedConcurrency, 0, 0, 130 * time.Second},
		{ProvisionedConcurrency, 0, 200 * time.Second, 200 * time.Second},
		{ProvisionedConcurrency, 0, time.Hour, 900 * time.Second},
		{SnapStart, 0, 0, 130 * time.Second},
		{SnapStart, time.Minute, 0, time.Minute},
		{SnapStart, -1, 0, -1},
		{ManagedInstances, 0, 300 * time.Second, 300 * time.Second},
	}
	for _, test := range tests {
		f, err := Function{Command: []string{"x"}, InitType: test.initType, InitTimeout: test.given, Timeout: test.timeout}.prepared()
		require.NoError(t, err)
		assert.Equal(t, test.want, f.InitTimeout, "%+v", test)
	}
}

func TestInitTypes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		initType    InitType
		concurrency int
		want        string
	}{
		{"", 1, ""},
		{SnapStart, 0, ""},
		{ManagedInstances, 0, ""},
		{ManagedInstances, 10, ""},
		{"lukewarm", 0, `function: init type "lukewarm": not one of on-demand, provisioned-concurrency, snap-start, lambda-managed-instances`},
		{OnDemand, 2, "function: concurrency 2: it is 1 but on lambda-managed-instances, and never less"},
		{ManagedInstances, -1, "function: concurrency -1: it is 1 but on lambda-managed-instances, and never less"},
	} {
		_, err := Function{Command: []string{"x"}, InitType: test.initType, Concurrency: test.concurrency}.prepared()
		if test.want == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, test.want)
		}
	}
}
