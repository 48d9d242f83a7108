//go:build linux

package local

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes returns how the second copy of the program is to be started, and
// which signal it is to get when this one ends, if any.
func attributes(f Function, atEnd syscall.Signal) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS,
		Setpgid:    true,
		Pdeathsig:  atEnd,
	}
	if privileged() {
		return attr, nil
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if f.UID != 0 && f.UID != uid || f.GID != 0 && f.GID != gid {
		return nil, &NotAllowedError{
			What: fmt.Sprintf("run as %d:%d", f.UID, f.GID),
			Hint: "run as root to start a function as another user",
			Err:  unix.EPERM,
		}
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	// The user stays who it is, and so would lose the capability by exec.
	attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	return attr, nil
}

// privileged tells whether this thread may make a mount namespace.
func privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// notAllowed names what the kernel refused, if that is what err says.
func notAllowed(err error) error {
	// ENOSPC is the limit on user namespaces, EINVAL and ENOSYS a kernel without.
	for _, refusal := range []syscall.Errno{unix.EPERM, unix.EACCES, unix.ENOSPC, unix.EINVAL, unix.ENOSYS} {
		if errors.Is(err, refusal) {
			return &NotAllowedError{
				What: "mount namespace",
				Hint: "run as root with CAP_SYS_ADMIN, or allow user namespaces: user.max_user_namespaces above 0 and, " +
					"where they exist, kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0",
				Err: err,
			}
		}
	}
	return err
}
