package modem

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// Time-outs of +CMGS, and how long a submission whose turn it is may take.
const (
	promptTimeout = 10 * time.Second
	sendTimeout   = 90 * time.Second
	Patience      = promptTimeout + sendTimeout
)

// Options of a Modem. Name, Open and Inbox are required; zero values take what
// stands in brackets.
type Options struct {
	Name string // in logs, metrics and reports
	// Open opens the port; see Port. It is called for every session.
	Open func() (io.ReadWriteCloser, error)
	// PIN of the SIM; "" when it wants none. It is tried once for a SIM.
	PIN string
	// SMSC is written to the SIM when it has no address of a service centre; digits with country code.
	SMSC string
	// CountryCode makes national numbers of messages and reports international.
	CountryCode string

	// Receipts asks for a status report for every segment, not only when it asks.
	Receipts bool

	Pace  time.Duration // least time between the beginnings of two messages [none]
	Quota int           // messages of one SIM in 24 hours [no limit]
	// QuotaShare is what one name (bearer.Segment.For) may have of the part of the
	// quota that others leave, in percent [50].
	QuotaShare int
	// Alone says whether only one name sends: all of the quota is for it then. nil: never.
	Alone func() bool
	Queue int // segments of one name that wait in memory [100]

	// State is a file that keeps over a restart: the quota, and which messages
	// may still be reported. "" keeps nothing.
	State string
	// PINs that were tried, for all modems of a site. Absent: for this modem
	// alone, beside State; and without State a PIN may be tried again after a restart.
	PINs *PINs
	// Keep stores a TPDU that cannot be read or is from nobody; after nil it is
	// taken off the modem. Absent: it stays there, in its place of memory.
	Keep func(Raw) error

	Inbox   bearer.Inbox // may also be a bearer.Resolver
	Logger  *slog.Logger
	Metrics Metrics // nil: nobody counts
	// Changed, when set, hears of every change of Status.Phase, Problem and
	// Info.Registered. Calls come one after the other, and the last one has the
	// last state. It must not block, and must not call Start or Stop.
	Changed func(Status)
	Clock   func() time.Time

	CommandTimeout time.Duration // [5 s]
	PromptTimeout  time.Duration // for +CMGS to ask for the PDU [10 s]
	SendTimeout    time.Duration // for the network to take a message [90 s]
	ListTimeout    time.Duration // for the list of stored messages [60 s]
	DeliverTimeout time.Duration // for the Inbox to store a message [20 s]
	Poll           time.Duration // between two looks at everything [30 s]
	RetryFirst     time.Duration // pause after the first failed session; doubles [1 s]
	RetryMost      time.Duration // [60 s]
	ResetPause     time.Duration // for a modem to start after a hard reset [15 s]
	Unregistered   time.Duration // without network after which the modem is reset [10 min]
}

// Raw is a message that nobody could read.
type Raw struct {
	Modem string
	At    time.Time
	PDU   string // as the modem gave it
	Cause error
}

func (o *Options) defaults() error {
	switch {
	case o.Name == "" || o.Open == nil || o.Inbox == nil:
		return errors.New("modem: Name, Open and Inbox are required")
	case len(o.PIN) != 0 && (len(o.PIN) < 4 || len(o.PIN) > 8 || strings.Trim(o.PIN, "0123456789") != ""):
		return errors.New("modem: a PIN has 4 to 8 digits")
	case strings.Trim(o.SMSC, "0123456789") != "" || len(o.SMSC) > 15:
		return errors.New("modem: SMSC needs up to 15 digits, country code first, without plus sign")
	case strings.Trim(o.CountryCode, "0123456789") != "" || len(o.CountryCode) > 3:
		return errors.New("modem: CountryCode needs up to 3 digits")
	case o.Pace < 0 || o.Quota < 0:
		return fmt.Errorf("modem: pace %v and quota %d must not be negative", o.Pace, o.Quota)
	}
	for _, d := range []struct {
		at *time.Duration
		is time.Duration
	}{
		{&o.CommandTimeout, 5 * time.Second},
		{&o.PromptTimeout, promptTimeout},
		{&o.SendTimeout, sendTimeout},
		{&o.ListTimeout, 60 * time.Second},
		{&o.DeliverTimeout, 20 * time.Second},
		{&o.Poll, 30 * time.Second},
		{&o.RetryFirst, time.Second},
		{&o.RetryMost, 60 * time.Second},
		{&o.ResetPause, 15 * time.Second},
		{&o.Unregistered, 10 * time.Minute},
	} {
		if *d.at <= 0 {
			*d.at = d.is
		}
	}
	if o.QuotaShare <= 0 {
		o.QuotaShare = 50
	}
	if o.Queue <= 0 {
		o.Queue = 100
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return nil
}
