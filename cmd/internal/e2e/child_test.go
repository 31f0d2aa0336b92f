package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// child is one life of "simsign serve".
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// serve starts the service and waits until it says READY=1, as the service
// manager does.
func (w *world) serve(t testing.TB) *child {
	t.Helper()
	w.lives++
	socket := w.path("notify")
	os.Remove(socket) // of the life before
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	log, err := os.OpenFile(w.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	w.endLine(t, log)
	c := &child{cmd: exec.Command(binary(t), "serve", "-c", "simsign.toml"), done: make(chan struct{})}
	c.cmd.Dir, c.cmd.Stdout, c.cmd.Stderr = w.dir, log, log
	c.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket)
	dieWithUs(c.cmd)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.cmd.Wait(); close(c.done) }() // ProcessState has it
	t.Cleanup(c.kill)
	go func() { // a child that ends early is not waited for
		<-c.done
		manager.SetReadDeadline(time.Now()) // closed then
	}()
	if err := manager.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, err := manager.Read(b)
	if err != nil || string(b[:n]) != "READY=1" {
		t.Fatalf("life %d of the service did not begin: %q, %v\n%s", w.lives, b[:n], err, w.log(t, 10))
	}
	return c
}

// kill is kill -9.
func (c *child) kill() {
	c.cmd.Process.Kill() // it may have ended
	<-c.done
}

// stop is what Ctrl-C does, to the end.
func (c *child) stop(t testing.TB) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	select {
	case <-c.done:
	case <-time.After(patience):
		t.Fatal("the service does not stop")
	}
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the service stopped with exit code %d", code)
	}
}

// endLine ends a line of the log in the middle of which kill -9 came: the
// kernel may stop a write between two pages.
func (w *world) endLine(t testing.TB, log *os.File) {
	t.Helper()
	b, err := os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 || bytes.HasSuffix(b, []byte("\n")) {
		return
	}
	w.torn = append(w.torn, string(b[bytes.LastIndexByte(b, '\n')+1:]))
	if _, err := log.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
}

// log is the end of the service's log, all of it for lines < 0.
func (w *world) log(t testing.TB, lines int) string {
	t.Helper()
	b, err := os.ReadFile(w.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	if lines >= 0 && len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}

// stamp is the time of a line of the log.
var stamp = regexp.MustCompile(`"time":"[^"]*"`)

// checkLog fails for every secret in the log, and for whatever is no JSON.
func (w *world) checkLog(t testing.TB, more map[string]string) {
	t.Helper()
	text := w.log(t, -1)
	s := bufio.NewScanner(strings.NewReader(text))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if !json.Valid(s.Bytes()) && !slices.Contains(w.torn, s.Text()) {
			t.Errorf("no JSON in the log: %s", s.Text())
		}
	}
	text = stamp.ReplaceAllString(text, "") // nine digits of chance in every line
	for _, secrets := range []map[string]string{w.secrets(), more} {
		for name, secret := range secrets {
			if i := strings.Index(strings.ToLower(text), strings.ToLower(secret)); i >= 0 {
				t.Errorf("%s is in the log: ...%s", name, text[max(0, i-150):i])
			}
		}
	}
	if strings.Contains(text, "panic") || strings.Contains(text, "goroutine ") {
		t.Error("the service panicked")
	}
}

// register makes the key pairs of all users with the operator's command.
func (w *world) register(t testing.TB, usages ...string) {
	t.Helper()
	var wg sync.WaitGroup
	for i, u := range w.users {
		wg.Go(func() {
			for _, usage := range usages {
				r := run(t, w.dir, "user", "register", "--msisdn", u.number.String(), "--usage", usage, "--algorithm", u.alg.String(), "--flow", "AB"[i%2:i%2+1])
				if r.code != 0 || !strings.Contains(r.stdout, "registered") {
					t.Errorf("register %s of %s: exit code %d %s%s", usage, u.name, r.code, r.stdout, r.stderr)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
