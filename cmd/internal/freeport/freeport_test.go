package freeport

import (
	"net"
	"testing"
)

func TestFind(t *testing.T) {
	first, err := Find(0)
	if err != nil {
		t.Fatal(err)
	}
	at := portOf(t, first)
	if at < 1024 || at >= 32768 {
		t.Errorf("any port is %d, which outgoing connections may take", at)
	}
	l, err := net.Listen("tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	second, err := Find(at)
	if err != nil || portOf(t, second) <= at {
		t.Errorf("%s is in use, then came %s, %v", first, second, err)
	}
	third, err := Find(at, second)
	if err != nil || portOf(t, third) <= portOf(t, second) {
		t.Errorf("%s is in use and %s taken, then came %s, %v", first, second, third, err)
	}
	if addr, err := Find(65536); err == nil {
		t.Errorf("port 65536 gave %s", addr)
	}
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
	}
}
