//go:build linux

package proof

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything is waited for before it counts as failed. It
// costs nothing where things happen, so it is long: a machine may be slow.
const patience = 2 * time.Minute

// peer finds a program that a test needs: without it the test is skipped, or
// fails where all peers must be there.
func peer(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed")
	}
	return path
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// child is one life of the program.
type child struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	err  error
}

// serve starts the program. With strace arguments it is traced: strace -D
// makes the tracer a grandchild, so that the process that is killed is the
// program itself.
func (s *site) serve(t testing.TB, bin string, strace ...string) *child {
	t.Helper()
	args := []string{bin, "serve", "-c", s.path("simsign.toml")}
	if len(strace) > 0 {
		args = append(append([]string{peer(t, "strace"), "-D", "-f", "-qq"}, strace...), args...)
	}
	c := &child{cmd: exec.Command(args[0], args[1:]...), log: s.path("log"), done: make(chan struct{})}
	f, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // the child has its own
	c.cmd.Stdout, c.cmd.Stderr = f, f
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(c.kill)
	return c
}

// up waits until the child listens everywhere: on the admin socket it does so
// last. false when it has ended before.
func (s *site) up(ctx context.Context, c *child) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := net.DialTimeout("unix", s.admin, time.Second)
		if err == nil {
			conn.Close() // only a question
			return true
		}
		select {
		case <-c.done:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// kill is kill -9.
func (c *child) kill() {
	c.cmd.Process.Kill() // it may have ended
	<-c.done
}

// stop ends the child in order.
func (c *child) stop(t testing.TB) {
	t.Helper()
	c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	if !c.ended(patience) {
		t.Error("the service does not stop")
		c.kill()
	}
}

// ended waits for the end of the child.
func (c *child) ended(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-c.done:
		return true
	case <-timer.C:
		return false
	}
}

// peak is the most memory in octets that the child has had: resident, and as
// addresses.
func (c *child) peak(t *testing.T) (resident, space int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch name {
		case "VmHWM":
			resident = n << 10
		case "VmPeak":
			space = n << 10
		}
	}
	if resident == 0 || space == 0 {
		t.Fatalf("no peaks of memory in:\n%s", b)
	}
	return resident, space
}

// until waits until ok; it looks every few milliseconds.
func (s *site) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); wait(t.Context(), 5*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s still not: %s\n%s", patience, what, s.tail(t, 10))
		}
	}
}

// logText is what all children of the site have logged.
func (s *site) logText(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(s.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tail is the end of the log, for a failure.
func (s *site) tail(t testing.TB, lines int) string {
	t.Helper()
	all := strings.Split(strings.TrimSpace(s.logText(t)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
