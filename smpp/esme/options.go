package esme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
)

// Mode says which binds make one.
type Mode byte

// Modes (SMPP 3.4 2.2: a session is bound as one of three).
const (
	Transceiver Mode = iota // one connection for both ways
	Pair                    // a transmitter and a receiver, a connection each
	Transmitter             // only outwards
	Receiver                // only inwards
)

// Options of a Client. Name, Dial or Address, Bind.SystemID and Inbox are
// required; zero values take what stands in brackets.
type Options struct {
	Name string // in logs, metrics, reports; identifies the centre for receipts

	Address string                                  // host:port
	Dial    func(context.Context) (net.Conn, error) // [TCP to Address]
	TLS     *tls.Config                             // nil: none; ServerName [host of Address]
	// Certificates gives the roots and the certificates of TLS for each connection
	// anew, so that they can change while the client runs [those of TLS].
	Certificates func() (*tls.Config, error)

	Mode  Mode
	Binds int       // how many of them [1]
	Bind  smpp.Bind // credentials, system_type, TON, NPI and address_range; version [34]

	Window   int     // requests on their way on one bind [10]
	Rate     float64 // submit_sm a second over all binds [no limit]
	BindRate float64 // and on one bind [no limit]
	Queue    int     // segments of one name that wait in memory [1000]

	Source      SourceRules   // our address, as phones see it
	ServiceType string        // service_type, SMPP 3.4 5.2.11 [""]
	Validity    time.Duration // validity_period of a segment that says nothing [the centre's]
	Receipts    bool          // ask for a delivery receipt for every segment, not only when it asks
	Quirks      Quirks
	Policy      Policy // [DefaultPolicy()]

	DialTimeout     time.Duration // TCP and TLS together [10 s]
	BindTimeout     time.Duration // [10 s]
	ResponseTimeout time.Duration // response_timer, SMPP 3.4 7.2 [30 s]
	WriteTimeout    time.Duration // [10 s]
	EnquireInterval time.Duration // enquire_link_timer: silence after which the link is asked [30 s]
	EnquireTimeout  time.Duration // [10 s]
	RetryFirst      time.Duration // pause before the second attempt to bind; doubles [500 ms]
	RetryMost       time.Duration // [30 s]
	DeliverTimeout  time.Duration // for the Inbox to store a message [20 s]
	DrainTimeout    time.Duration // for the window to become empty at Stop [10 s]

	Inbox bearer.Inbox // may also be a bearer.Resolver and a bearer.Alerter
	// Inbound is how many messages of one bind are with the Inbox at once [256].
	Inbound int
	// Seen is how long an acknowledged message is recognised when it comes
	// again; negative: not here, the Inbox does it [10 min].
	Seen time.Duration

	// Tap, when set, is called for each connection and gives the trace of its PDUs.
	Tap func(bind string, local, remote net.Addr) func(out bool, pdu []byte)
	// Changed, when set, hears of every change of state: a bind that came or
	// went, an attempt that failed, Start, Stop, Pause and Resume. Calls come one
	// after the other, and the last one has the last state. It must not block,
	// and must not call those.
	Changed func(Status)
	Metrics Metrics // [nobody counts]
	Logger  *slog.Logger
	Clock   func() time.Time
}

// MaxWindow is the largest window and the largest number of binds of one client.
const MaxWindow = 1000

// complete refuses what cannot work and fills in what is left out.
func (o *Options) complete() error {
	switch {
	case o.Name == "" || o.Inbox == nil || o.Dial == nil && o.Address == "":
		return errors.New("Name, Inbox and Address (or Dial) are required")
	case o.Mode > Receiver:
		return fmt.Errorf("mode %d is not known", o.Mode)
	case o.Window > MaxWindow || o.Binds > MaxWindow:
		return fmt.Errorf("window and binds are at most %d", MaxWindow)
	}
	o.limits()
	o.environment()
	return errors.Join(o.serverName(), o.checkBind(), o.checkSubmit())
}

// limits fills in numbers and times.
func (o *Options) limits() {
	for _, d := range []struct {
		at *time.Duration
		is time.Duration
	}{
		{&o.DialTimeout, 10 * time.Second},
		{&o.BindTimeout, 10 * time.Second},
		{&o.ResponseTimeout, 30 * time.Second},
		{&o.WriteTimeout, 10 * time.Second},
		{&o.EnquireInterval, 30 * time.Second},
		{&o.EnquireTimeout, 10 * time.Second},
		{&o.RetryFirst, 500 * time.Millisecond},
		{&o.RetryMost, 30 * time.Second},
		{&o.DeliverTimeout, 20 * time.Second},
		{&o.DrainTimeout, 10 * time.Second},
	} {
		if *d.at <= 0 {
			*d.at = d.is
		}
	}
	for _, d := range []struct {
		at *int
		is int
	}{{&o.Binds, 1}, {&o.Window, 10}, {&o.Queue, 1000}, {&o.Inbound, 256}} {
		if *d.at <= 0 {
			*d.at = d.is
		}
	}
	if o.Seen == 0 {
		o.Seen = 10 * time.Minute
	}
}

// environment fills in what the client uses of the world around it.
func (o *Options) environment() {
	if o.Bind.InterfaceVersion == 0 {
		o.Bind.InterfaceVersion = smpp.Version34
	}
	if o.Policy == nil {
		o.Policy = DefaultPolicy()
	}
	if o.Metrics == nil {
		o.Metrics = unmeasured{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Dial == nil {
		addr := o.Address
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}
	}
}

// serverName finds the name that the centre's certificate must have.
func (o *Options) serverName() error {
	if o.TLS == nil || o.TLS.ServerName != "" || o.TLS.InsecureSkipVerify {
		return nil
	}
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		return fmt.Errorf("TLS needs ServerName or an Address with host and port: %w", err)
	}
	o.TLS = o.TLS.Clone()
	o.TLS.ServerName = host
	return nil
}

// checkBind finds what cannot be sent now, not at every attempt to bind.
func (o *Options) checkBind() error {
	if o.Bind.SystemID == "" {
		return errors.New("Bind.SystemID is required")
	}
	_, err := smpp.Append(nil, smpp.Header{Command: smpp.BindTransceiver}, &o.Bind)
	return err
}

// commands are the bind requests of one bind (SMPP 3.4 4.1).
func (m Mode) commands() []smpp.CommandID {
	switch m {
	case Pair:
		return []smpp.CommandID{smpp.BindTransmitter, smpp.BindReceiver}
	case Transmitter:
		return []smpp.CommandID{smpp.BindTransmitter}
	case Receiver:
		return []smpp.CommandID{smpp.BindReceiver}
	}
	return []smpp.CommandID{smpp.BindTransceiver}
}
