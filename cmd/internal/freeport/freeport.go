// Package freeport finds a loopback port on which a server can listen later.
//
// To listen on port 0, close, and listen there again is not safe: the kernel
// takes such ports, and those of outgoing connections, from one range (32768
// and above on Linux), and one of them may have the port by then, the more so
// when a program is down between two lives. So a port that nobody asked for is
// a lower one, chosen at random, which only another server could take, and it is
// kept from everybody else that asks here.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

const (
	low   = 15000 // ports that nobody asked for are from here
	high  = 30000 // to below here
	tries = 100   // how many are looked at, one after the other
)

// Keep answers an address of 127.0.0.1 that nobody listens on and that is not
// among the taken ones: of the port, or else of one of the next 99. Port 0
// stands for any, and is kept until release: before its server listens, and
// between two lives of it, nobody else finds it, in no process.
func Keep(port int, taken ...string) (addr string, release func(), err error) {
	own := port == 0
	if own {
		port = low + rand.IntN(high-low)
	}
	for p := port; p < port+tries && p < 65536; p++ {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(p))
		if slices.Contains(taken, addr) {
			continue
		}
		release := func() {}
		if own {
			// The UDP port of the same number, which no server here wants, is
			// the sign for others.
			sign, err := net.ListenPacket("udp", addr)
			if err != nil {
				continue
			}
			release = func() { sign.Close() }
		}
		if free(addr) {
			return addr, release, nil
		}
		release()
	}
	return "", nil, fmt.Errorf("no free port on 127.0.0.1 from %d on", port)
}

// free says whether a server can listen at the address. A child that this
// process starts has a copy of every socket until it runs its own program, and
// a listener of which there is a copy goes on listening after Close: no child
// is started as long as ours is open.
func free(addr string) bool {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// kept are the signs of Any.
var kept struct {
	sync.Mutex
	release []func()
}

// Any answers n different addresses, which are kept until the process ends.
func Any(n int) ([]string, error) {
	var found []string
	for range n {
		addr, release, err := Keep(0, found...)
		if err != nil {
			return nil, err
		}
		kept.Lock()
		kept.release = append(kept.release, release)
		kept.Unlock()
		found = append(found, addr)
	}
	return found, nil
}
