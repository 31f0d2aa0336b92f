package freeport

import (
	"net"
	"runtime"
	"testing"
)

func TestFind(t *testing.T) {
	first := find(t, 0)
	at := portOf(t, first)
	if at < 1024 || at >= 32768 {
		t.Errorf("any port is %d, which outgoing connections may take", at)
	}
	l, err := net.Listen("tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	second := find(t, at)
	if portOf(t, second) <= at {
		t.Errorf("%s is in use, then came %s", first, second)
	}
	if third := find(t, at, second); third == second || portOf(t, third) <= at {
		t.Errorf("%s is in use and %s taken, then came %s", first, second, third)
	}
	if addr, _, err := Find(65536); err == nil {
		t.Errorf("port 65536 gave %s", addr)
	}
}

func find(t *testing.T, port int, taken ...string) string {
	t.Helper()
	addr, release, err := Find(port, taken...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return addr
}

// Any port belongs to who has found it, before a server listens, meanwhile and
// afterwards.
func TestKept(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux keeps ports")
	}
	addr := find(t, 0)
	at := portOf(t, addr)
	nobodyElse := func(when string) {
		t.Helper()
		if release, err := keep(at); err == nil {
			release()
			t.Errorf("%s: somebody else got %s", when, addr)
		}
	}
	for range 2 {
		nobodyElse("before")
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		nobodyElse("meanwhile")
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		l.Close()
	}
	nobodyElse("afterwards")
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

func TestAny(t *testing.T) {
	found, err := Any(50)
	if err != nil || len(found) != 50 {
		t.Fatalf("%d addresses, %v", len(found), err)
	}
	seen := map[string]bool{}
	for _, addr := range found {
		if seen[addr] {
			t.Errorf("%s twice", addr)
		}
		seen[addr] = true
		if c, err := net.ListenPacket("udp", addr); err == nil {
			c.Close() //nolint:errcheck // it must not have opened
			t.Errorf("%s is not kept from others", addr)
		}
	}
	more, err := Any(50)
	if err != nil || len(more) != 50 {
		t.Fatalf("%d more addresses, %v", len(more), err)
	}
	for _, addr := range more {
		if seen[addr] {
			t.Errorf("%s is given away twice", addr)
		}
	}
}
