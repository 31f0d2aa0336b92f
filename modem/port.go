package modem

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tarm/serial"
)

// tick is how long a read of a tty waits: Close waits as long.
const tick = 100 * time.Millisecond

// Port returns what opens a device: a tty such as /dev/ttyUSB2, at a line
// speed that the C library has a name for, or tcp://host:port of a serial
// server. A tty that another program holds is refused with the name of that
// program (ErrHeld).
func Port(device string, baud int) func() (io.ReadWriteCloser, error) {
	if addr, ok := strings.CutPrefix(device, "tcp://"); ok {
		return func() (io.ReadWriteCloser, error) {
			d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
			c, err := d.Dial("tcp", addr)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", noPort{}, err)
			}
			return c, nil
		}
	}
	return func() (io.ReadWriteCloser, error) {
		if err := Holder(device); err != nil {
			return nil, err
		}
		p, err := serial.OpenPort(&serial.Config{Name: device, Baud: baud, ReadTimeout: tick})
		if err != nil {
			return nil, refusal(device, baud, err)
		}
		return &tty{port: p, device: device}, nil
	}
}

// refusal says why a tty could not be opened, and what to do.
func refusal(device string, baud int, err error) error {
	switch {
	case strings.Contains(err.Error(), "baud rate"):
		return fmt.Errorf("%w: %d is no usual speed of a tty: 9600, 115200, 460800, 921600", noPort{}, baud)
	case errors.Is(err, syscall.ENOTTY):
		return fmt.Errorf("%w: %s is no tty", noPort{}, device)
	case errors.Is(err, syscall.EBUSY): // it is exclusive, to somebody whom Holder could not see
		return fmt.Errorf("%w: %s; its name is for root only (fuser -v %s)%s", ErrHeld, device, device, leaveAlone)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w: %w: under systemd the unit needs DeviceAllow for it and PrivateDevices=no", noPort{}, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w: the user must be in the group of the device, mostly dialout", noPort{}, err)
	}
	return fmt.Errorf("%w: %s: %w", noPort{}, device, err)
}

// leaveAlone is what to do about the usual suspect.
const leaveAlone = `; ModemManager leaves it alone after a udev rule with ENV{ID_MM_DEVICE_IGNORE}="1"`

// tty makes an io.ReadWriteCloser with honest errors of a serial.Port. That
// returns (0, EOF) when nothing came in time and when the device is gone, and
// its Close hangs while a Read is blocked.
type tty struct {
	port   io.ReadWriteCloser
	device string

	stop    atomic.Bool
	reading sync.Mutex
	closing sync.Once
	err     error
}

// Read returns when there are octets, the device is gone, or Close was called.
func (t *tty) Read(b []byte) (int, error) {
	quick := 0
	for {
		if t.stop.Load() {
			return 0, os.ErrClosed
		}
		began := time.Now()
		t.reading.Lock()
		n, err := t.port.Read(b)
		t.reading.Unlock()
		if n > 0 || err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		// An end without waiting is none of the time-out.
		if time.Since(began) > tick/5 {
			quick = 0
			continue
		}
		if quick++; quick >= 5 {
			return 0, fmt.Errorf("%s is unplugged", t.device)
		}
	}
}

// Write implements io.Writer.
func (t *tty) Write(b []byte) (int, error) { return t.port.Write(b) }

// Close returns within a second, even when the driver keeps the reader.
func (t *tty) Close() error {
	t.stop.Store(true)
	t.closing.Do(func() {
		done := make(chan error, 1)
		go func() {
			t.reading.Lock()
			defer t.reading.Unlock()
			done <- t.port.Close()
		}()
		w := time.NewTimer(10 * tick)
		defer w.Stop()
		select {
		case t.err = <-done:
		case <-w.C:
			t.err = fmt.Errorf("%s: the driver does not let go", t.device)
		}
	})
	return t.err
}
