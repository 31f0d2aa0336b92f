package modem_test

import (
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slowLine is a serial line between a host and an emulated modem: each octet
// takes ten bits of its time, in either direction, and a receiver has octets
// sixteen at a time as from the FIFO of a UART.
type slowLine struct {
	io.ReadWriteCloser
	octet  time.Duration
	timers [2]*os.File

	mu    sync.Mutex
	until [2]time.Time // the direction is busy: from the host, to the host
	both  time.Time    // the later of them
	busy  time.Duration
}

func newSlowLine(t testing.TB, rw io.ReadWriteCloser, baud int) *slowLine {
	l := &slowLine{ReadWriteCloser: rw, octet: 10 * time.Second / time.Duration(baud)}
	for i := range l.timers {
		// Timers of Go may be a millisecond late, those of the kernel are not.
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		l.timers[i] = os.NewFile(uintptr(fd), "timer")
	}
	return l
}

// Read takes octets of the host, when the last of them has arrived.
func (l *slowLine) Read(b []byte) (int, error) {
	n, err := l.ReadWriteCloser.Read(b)
	if n > 0 {
		l.wait(0, l.book(0, n).Add(time.Duration(n)*l.octet))
	}
	return n, err
}

// Write sends octets to the host.
func (l *slowLine) Write(b []byte) (int, error) {
	at, sent := l.book(1, len(b)), 0
	for sent < len(b) {
		n := min(len(b)-sent, 16)
		at = at.Add(time.Duration(n) * l.octet)
		l.wait(1, at)
		if _, err := l.ReadWriteCloser.Write(b[sent : sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

func (l *slowLine) Close() error {
	for _, t := range l.timers {
		t.Close()
	}
	return l.ReadWriteCloser.Close()
}

// book takes the line for n octets and tells when the first begins.
func (l *slowLine) book(dir, n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := time.Now()
	if l.until[dir].After(from) {
		from = l.until[dir]
	}
	end := from.Add(time.Duration(n) * l.octet)
	l.until[dir] = end
	// One that begins later than now does so because the line is busy until
	// then: what is busy is one stretch, up to both.
	if l.both.After(from) {
		l.busy += max(0, end.Sub(l.both))
	} else {
		l.busy += end.Sub(from)
	}
	if end.After(l.both) {
		l.both = end
	}
	return from
}

// used is how long octets have been flowing, in either direction or both.
func (l *slowLine) used() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy - max(0, time.Until(l.both))
}

func (l *slowLine) wait(dir int, until time.Time) {
	d := time.Until(until)
	if d <= 0 {
		return
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	c, err := l.timers[dir].SyscallConn()
	if err != nil {
		return
	}
	c.Control(func(fd uintptr) { unix.TimerfdSettime(int(fd), 0, &spec, nil) }) // closed: the read says so
	var n [8]byte
	l.timers[dir].Read(n[:]) // as above
}
