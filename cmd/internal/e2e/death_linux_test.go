package e2e

import (
	"os/exec"
	"syscall"
)

// dieWithUs ends a child when the test process is killed and cannot do it.
func dieWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
