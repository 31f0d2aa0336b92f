// Package sdnotify tells the service manager how the service is: ready,
// stopping, still alive. systemd gives the address of a datagram socket in
// NOTIFY_SOCKET and takes lines such as READY=1 there (sd_notify(3)). With
// WATCHDOG_USEC set it wants WATCHDOG=1 within that time, again and again, and
// kills the service when it does not come: so it is sent only after a check
// that the service can still do its work.
package sdnotify

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Messages for Send.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Watchdog = "WATCHDOG=1"
)

// Notifier sends messages; without a service manager it does nothing.
type Notifier struct {
	addr  string
	every time.Duration
}

// New reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func New(getenv func(string) string) *Notifier {
	n := &Notifier{addr: getenv("NOTIFY_SOCKET")}
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n
	}
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
		n.every = time.Duration(us) * time.Microsecond
	}
	return n
}

// WatchdogEvery is the time within which Watchdog must be sent; 0 when nobody
// waits for it. Send it at half that time.
func (n *Notifier) WatchdogEvery() time.Duration { return n.every }

// Send sends one message.
func (n *Notifier) Send(message string) error {
	if n.addr == "" {
		return nil
	}
	// A leading "@" means the abstract name space, for systemd and for net alike.
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.addr, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(message)); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return nil
}
