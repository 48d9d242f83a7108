package lambdalog_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/lambdalog"
	"github.com/graft-lambda/graft/internal/telemetry"
)

func TestLines(t *testing.T) {
	for _, test := range []struct {
		kind, record string
		want         []string
	}{
		{telemetry.TypeStart, `{"requestId":"r","version":"$LATEST"}`, []string{"START RequestId: r Version: $LATEST"}},
		{telemetry.TypeReport, `{"requestId":"r","status":"success","metrics":{"durationMs":12.345,"billedDurationMs":155,"memorySizeMB":128,"maxMemoryUsedMB":31,"initDurationMs":142.1}}`,
			[]string{"END RequestId: r", "REPORT RequestId: r\tDuration: 12.35 ms\tBilled Duration: 155 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\tInit Duration: 142.10 ms"}},
		{telemetry.TypeReport, `{"requestId":"r","status":"error","errorType":"Runtime.ExitError","metrics":{"durationMs":1,"restoreDurationMs":2}}`,
			[]string{"END RequestId: r", "REPORT RequestId: r\tDuration: 1.00 ms\tRestore Duration: 2.00 ms\tStatus: error\tError Type: Runtime.ExitError"}},
		{telemetry.TypeInitReport, `{"phase":"init","status":"success","metrics":{"durationMs":1}}`, nil},
		{telemetry.TypeInitReport, `{"phase":"init","status":"timeout","metrics":{"durationMs":9999.5}}`,
			[]string{"INIT_REPORT Init Duration: 9999.50 ms\tPhase: init\tStatus: timeout"}},
		{telemetry.TypeRestoreReport, `{"status":"success","metrics":{"durationMs":21.5}}`, []string{"RESTORE_REPORT Restore Duration: 21.50 ms"}},
		{telemetry.TypeReport, `1`, nil},
		{telemetry.TypeFunctionLog, `"hello"`, nil},
		{telemetry.TypeInitStart, `{}`, nil},
	} {
		assert.Equal(t, test.want, lambdalog.Lines(telemetry.Event{Type: test.kind, Record: json.RawMessage(test.record)}), "%s %s", test.kind, test.record)
	}
}
