package freeport

import (
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
)

func TestFind(t *testing.T) {
	var first string
	var l net.Listener
	for range tries { // another process may look at it just now
		addr, release, err := Keep(0)
		if err != nil {
			t.Fatal(err)
		}
		defer release() // until the end: the next that asks may be in another process
		if l, err = net.Listen("tcp", addr); err == nil {
			defer l.Close()
			first = addr
			break
		}
	}
	if l == nil {
		t.Fatal("no server can listen where it was told to")
	}
	at := portOf(t, first)
	if at < 1024 || at >= 32768 {
		t.Errorf("any port is %d, which outgoing connections may take", at)
	}
	second := find(t, at)
	if portOf(t, second) <= at {
		t.Errorf("%s is in use, then came %s", first, second)
	}
	if third := find(t, at, second); third == second || portOf(t, third) <= at {
		t.Errorf("%s is in use and %s taken, then came %s", first, second, third)
	}
	if addr, _, err := Keep(65536); err == nil {
		t.Errorf("port 65536 gave %s", addr)
	}
}

func find(t *testing.T, port int, taken ...string) string {
	t.Helper()
	addr, release, err := Keep(port, taken...)
	if err != nil {
		t.Fatal(err)
	}
	release()
	return addr
}

// Any port belongs to who has found it until it is given back.
func TestKept(t *testing.T) {
	var err error
	for range tries { // another process may get a port the moment that it is free
		if err = keepAndGiveBack(t); err == nil {
			return
		}
	}
	t.Errorf("it cannot be used while it is kept, or is kept when it was given back: %v", err)
}

func keepAndGiveBack(t *testing.T) error {
	addr, release, err := Keep(0)
	if err != nil {
		return err
	}
	defer func() { release() }()
	for range 2 {
		if c, err := net.ListenPacket("udp", addr); err == nil {
			c.Close() // it must not have opened
			t.Errorf("%s is not kept from others", addr)
		}
		l, err := net.Listen("tcp", addr) // a life of the server
		if err != nil {
			return err
		}
		l.Close()
	}
	release()
	release = func() {}
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}

// A port that was found is free at once, though children of this process are
// being started all the time and get a copy of every socket that is open.
func TestFreeWhileChildrenStart(t *testing.T) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := exec.Command(os.Args[0], "-test.list=^$").Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 1000 {
		addr, release, err := Keep(0)
		if err != nil {
			t.Error(err)
			break
		}
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("somebody listens at %s", addr)
		}
		release()
	}
	close(stop)
	wg.Wait()
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
			c.Close() // it must not have opened
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
