package testbed

import (
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// NobodyListens returns an address of loopback that refuses every connection
// until the test ends. The port of a server that was closed does not: another
// test may be given it.
func NobodyListens(t testing.TB) (address string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { _ = syscall.Close(fd) })
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	var bound syscall.Sockaddr
	if err == nil {
		bound, err = syscall.Getsockname(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.(*syscall.SockaddrInet4).Port))
}

// FreePort returns a port of loopback that a program may listen on. It is none
// of those that the kernel gives to who asks for any: a server of another test
// would have it before the program does.
func FreePort(t testing.TB) (port string) {
	t.Helper()
	const first, ports, tries = 10_000, 20_000, 100
	for range tries {
		port = strconv.Itoa(first + rand.N(ports))
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatalf("no free port from %d on", first)
	return ""
}
