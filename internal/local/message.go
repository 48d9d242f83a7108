//go:build linux

package local

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// maxMessage is what a message between this program and a keeper may have at most.
const maxMessage = 128 << 10

// A kind says what a message is about. Where it is a request, the reply is of
// the same kind.
type kind int

const (
	setUp        kind = iota // request: make the file system of Job; reply: Failure or Extensions
	startProcess             // request, with the descriptors of the process; reply: Failure or PID
	ended                    // the process PID has ended, and keeps its id until reap
	reap                     // request: let go of PID; reply: its Exit
)

// A message travels between this program and the keeper of a stage. It is gob,
// because JSON would not keep bytes that are not UTF-8.
type message struct {
	Kind       kind
	Job        job
	PID        int
	Exit       Exit
	Extensions []string
	Failure    *setupError
}

func (m message) encode() []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(m); err != nil {
		panic(err) // plain values
	}
	return b.Bytes()
}

func decode(b []byte) (m message, err error) {
	err = gob.NewDecoder(bytes.NewReader(b)).Decode(&m)
	return m, err
}

// send writes m, and hands the descriptors over with it.
func send(conn *net.UnixConn, m message, descriptors ...int) error {
	var rights []byte
	if len(descriptors) > 0 {
		rights = unix.UnixRights(descriptors...)
	}
	_, _, err := conn.WriteMsgUnix(m.encode(), rights, nil)
	return err
}

// receive reads one message of the keeper.
func receive(conn *net.UnixConn) (message, error) {
	b := make([]byte, maxMessage)
	n, err := conn.Read(b)
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return message{}, err
	}
	return decode(b[:n])
}

// socketPair returns the two ends between this program and the keeper.
func socketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("stage: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "stage"), os.NewFile(uintptr(fds[1]), "keeper")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("stage: %w", err)
	}
	return conn.(*net.UnixConn), theirs, nil
}
