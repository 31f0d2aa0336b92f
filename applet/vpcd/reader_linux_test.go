package vpcd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/simsign/simsign/applet/vpcd"
)

const (
	insideVariable = "SIMSIGN_TEST_READER"
	vpcdAddress    = "127.0.0.1:35963"
	driver         = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
	pyscard        = "/usr/lib/python3/dist-packages/smartcard"
)

// How long a test waits before it says that something never happens: longer
// than a busy machine may need, and within each other.
const (
	patience = 2 * time.Minute // for one thing
	whole    = 8 * time.Minute // for a test in its namespaces
)

// inside runs the calling test again as the first process of namespaces of its
// own: the driver listens on every interface and pcscd has its socket at a
// fixed place, and neither may be the machine's. It is true in there. When the
// first process ends, the kernel ends all others.
func inside(t *testing.T, programs ...string) bool {
	t.Helper()
	if os.Getenv(insideVariable) == "1" {
		if os.Getpid() != 1 {
			t.Fatal(insideVariable + " is set outside of a namespace")
		}
		furnish(t)
		return true
	}
	lack := func(args ...any) {
		t.Helper()
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal(args...)
		}
		t.Skip(args...)
	}
	for _, p := range append(programs, "pcscd") {
		if _, err := exec.LookPath(p); err != nil {
			lack(err)
		}
	}
	for _, file := range []string{driver, pyscard} {
		if _, err := os.Stat(file); err != nil {
			lack(err)
		}
	}
	if os.Geteuid() != 0 {
		lack("namespaces of its own need root")
	}
	ctx, cancel := context.WithTimeout(t.Context(), whole)
	defer cancel()
	self := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	self.Env = append(os.Environ(), insideVariable+"=1", "PCSCLITE_CSOCK_NAME=/run/pcscd/pcscd.comm")
	self.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID | syscall.CLONE_NEWNET,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	self.WaitDelay = time.Minute
	out, err := self.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		lack("no namespaces here: ", err)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// furnish makes an empty /run and brings the loopback interface up.
func furnish(t *testing.T) {
	t.Helper()
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("/run/pcscd", 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd) // nothing was written
	var request [40]byte    // struct ifreq: a name of 16 octets, then flags
	copy(request[:], "lo")
	binary.NativeEndian.PutUint16(request[syscall.IFNAMSIZ:], syscall.IFF_UP|syscall.IFF_RUNNING)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request[0]))); e != 0 {
		t.Fatal(e)
	}
}

// output is what a program says, for when the test fails.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startReader runs pcscd with the virtual reader and no other.
func startReader(t *testing.T) (stop func()) {
	t.Helper()
	dir := t.TempDir()
	config := "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x8C7B\nLIBPATH " + driver + "\nCHANNELID 0x8C7B\n"
	if err := os.WriteFile(filepath.Join(dir, "vpcd"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	said := &output{}
	daemon := exec.Command("pcscd", "--foreground", "--config", dir)
	daemon.Stdout, daemon.Stderr = said, said
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		daemon.Process.Signal(syscall.SIGTERM) // it may be gone
		kill := time.AfterFunc(patience, func() { daemon.Process.Kill() })
		defer kill.Stop()
		daemon.Wait() // stopped
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("pcscd: %s", said)
		}
	})
	eventually(t, "pcscd's socket", func() bool {
		c, err := net.Dial("unix", "/run/pcscd/pcscd.comm")
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return stop
}

// insert keeps a card in the reader until the test ends.
func insert(t *testing.T, c vpcd.Card) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		vpcd.Serve(ctx, vpcd.Options{Card: c, Retry: 50 * time.Millisecond, Dial: func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", vpcdAddress)
		}})
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// eventually looks until a program outside of our control has done something.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !f(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("never: " + what)
		}
	}
}

// program runs one to its end and gives what it printed.
func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
