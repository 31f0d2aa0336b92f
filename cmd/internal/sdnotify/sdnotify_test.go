package sdnotify

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSend(t *testing.T) {
	for _, addr := range []string{filepath.Join(t.TempDir(), "notify"), "@simsign-test-" + strconv.Itoa(os.Getpid())} {
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: addr, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		n := New(func(k string) string { return map[string]string{"NOTIFY_SOCKET": addr}[k] })
		if err := n.Send(Ready); err != nil {
			t.Fatal(err)
		}
		if err := n.Send(Watchdog); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"READY=1", "WATCHDOG=1"} {
			b := make([]byte, 100)
			if err := l.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			k, err := l.Read(b)
			if err != nil || string(b[:k]) != want {
				t.Errorf("received %q, %v; want %q", b[:k], err, want)
			}
		}
		if err := n.Send(strings.Repeat("X", 1<<20)); err == nil {
			t.Error("a message that no datagram holds, and Send gave no error")
		}
		l.Close()
		if err := n.Send(Ready); err == nil {
			t.Error("nobody listens, and Send gave no error")
		}
	}
}

func TestNobody(t *testing.T) {
	n := New(func(string) string { return "" })
	if err := n.Send(Ready); err != nil || n.WatchdogEvery() != 0 {
		t.Errorf("%v, watchdog %v", err, n.WatchdogEvery())
	}
}

func TestWatchdogEvery(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for _, tc := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"30000000", "", 30 * time.Second},
		{"30000000", pid, 30 * time.Second},
		{"30000000", pid + "0", 0}, // meant for another process
		{"", pid, 0},
		{"-1", pid, 0},
		{"soon", pid, 0},
	} {
		env := map[string]string{"WATCHDOG_USEC": tc.usec, "WATCHDOG_PID": tc.pid}
		if have := New(func(k string) string { return env[k] }).WatchdogEvery(); have != tc.want {
			t.Errorf("%+v: %v", tc, have)
		}
	}
}
