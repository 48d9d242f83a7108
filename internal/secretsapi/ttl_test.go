package secretsapi_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestTTL: what was kept is answered for its time to live, by the wall clock.
func TestTTL(t *testing.T) {
	tr := newTrial(t, "SECRETS_MANAGER_TTL=0", "SSM_PARAMETER_STORE_TTL=10")
	_, first := tr.get(parameterURL + "?name=a")
	tr.pass(10*time.Second - 1)
	// All that makes another answer is another entry.
	for _, target := range []string{"?name=a&version=1", "?name=a&label=l", "?name=a&withDecryption=true", "?name=b"} {
		_, body := tr.get(parameterURL + target)
		assert.NotEqual(t, first, body)
	}
	assert.Len(t, tr.calls, 5)
	tr.pass(time.Second)
	_, second := tr.get(parameterURL + "/?name=a")
	assert.NotEqual(t, first, second, "it is too old")
	for range 2 {
		tr.get(secretURL + "?secretId=s")
	}
	assert.Len(t, tr.calls, 8, "a TTL of 0 keeps nothing")
	assert.Equal(t, 1, tr.connects)
}

func TestTTLByRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t)
		_, first := tr.get(secretURL + "?secretId=s")
		time.Sleep(300*time.Second - 1)
		_, again := tr.get(secretURL + "?secretId=s")
		assert.Equal(t, first, again)
		time.Sleep(time.Nanosecond)
		_, later := tr.get(secretURL + "?secretId=s")
		assert.NotEqual(t, first, later)
	})
}
