package modem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Holder returns ErrHeld, with name and number of the process, when another
// process has a device open. Two programs on one port take each other's
// answers away, and ttys do not prevent it. Processes of other users are seen
// only by root, or with CAP_SYS_PTRACE.
func Holder(device string) error {
	path, err := filepath.EvalSymlinks(device)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is not there", noPort{}, device)
		}
		return fmt.Errorf("%w: %w", noPort{}, err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // no /proc, no finding
	for _, fd := range fds {
		pid := strings.Split(fd, "/")[2]
		if pid == strconv.Itoa(os.Getpid()) {
			continue
		}
		if to, err := os.Readlink(fd); err != nil || to != path {
			continue
		}
		if strings.HasPrefix(path, "/dev/pts/") && masters(pid) {
			continue // whoever made the terminal is its other end
		}
		name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
		hint := ""
		if who := strings.TrimSpace(string(name)); who == "ModemManager" {
			hint = leaveAlone
		}
		return fmt.Errorf("%w: %s is open in %s (process %s)%s", ErrHeld, device, strings.TrimSpace(string(name)), pid, hint)
	}
	return nil
}

// masters reports whether a process has the other end of any pseudo-terminal.
func masters(pid string) bool {
	fds, _ := filepath.Glob("/proc/" + pid + "/fd/*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && (to == "/dev/ptmx" || to == "/dev/pts/ptmx") {
			return true
		}
	}
	return false
}
