// Package local is a Lambda environment on this machine: it shows a real
// function process and its extensions the file system, the variables, the
// Runtime API (2018-06-01), the Extensions API (2020-01-01), the Telemetry API
// (2022-07-01) and the Logs API (2020-08-15) that Lambda would, in Lambda's
// order from init to shutdown, without a container engine.
//
// # Isolation
//
// The processes run in a mount namespace of their own. There the layers stand
// merged at /opt and the code at /var/task, both read-only; mount points that
// the machine lacks exist only there. The machine's own file system is not
// touched, so any number of environments can run side by side. The network,
// the process table and everything that is not mounted over are the machine's:
// this is a stage for tests, not a sandbox for code that is not trusted.
//
// It needs Linux 5.12 and either root (CAP_SYS_ADMIN) or a kernel that lets
// this user create user namespaces; otherwise starting ends with a
// [NotAllowedError].
//
// # Use
//
// The program starts a second copy of itself, which does the mounts and starts
// more, which become the extensions and the function. So every program that
// uses this package calls [Main] first, a test from its TestMain:
//
//	func TestMain(m *testing.M) {
//		local.Main()
//		os.Exit(m.Run())
//	}
package local

import (
	"errors"
	"sync/atomic"
)

// helperName is argv[0] of the copies. It is not a variable of the
// environment, so that nothing of it can reach the function.
const helperName = "graft-local-helper"

var mainCalled atomic.Bool

// errNoMain guards against a program that would run itself over and over.
var errNoMain = errors.New("local: Main is not called first in this program")
