package store

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

// Options for Open. Only DSN is required.
type Options struct {
	// DSN is a file path, "sqlite:PATH", or a "postgres://" URL.
	DSN        string
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Clock      func() time.Time
	// ReadOnly opens beside a running simsign: no lock, no migration, no writer.
	ReadOnly bool
	// Visitor opens for records alone, as commands of the operator do: on PostgreSQL
	// also beside a running simsign. It takes in and moves no transaction.
	Visitor bool

	Box       string        // name of this process among the boxes; "" means the host's
	NoReserve bool          // nothing in the database is worth room on the disk
	Lease     time.Duration // a box without a sign of life for longer is dead; 0 means 5 s
	// Beside permits other boxes on the same PostgreSQL. For now only the proofs of
	// the takeover say so.
	Beside        bool
	DatabaseClock func() time.Time // for tests: instead of the clock of the database

	Alerts Alerts // hears of rows that are damaged; may be nil

	Readers int // SQLite reader connections, PostgreSQL connections; 0 means 4

	// Bounds of reassembly (F11).
	MaxParts   int           // parts of one inbound message; 0 means 8
	MaxOctets  int           // octets of incomplete messages per source; 0 means 64 KiB
	MaxPending int           // octets of incomplete messages of all sources, then who has most gives up his; 0 means 16 MiB
	PartAge    time.Duration // an incomplete set older than this gives way to a new one; 0 means 90 s

	auth *authority // set by Open
}

// ConcatRef is what the concatenation element of a UDH says (TS 23.040
// 9.2.3.24.1 and .8). A single-segment message has Total 0 or 1.
type ConcatRef struct {
	Ref   uint16
	Ref16 bool // 16-bit reference: another number space than the 8-bit one
	Part  int  // 1-based
	Total int
}

func (o *Options) defaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Lease <= 0 {
		o.Lease = DefaultLease
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.MaxParts <= 0 || o.MaxParts > 63 { // 63 bits in a mask
		o.MaxParts = 8
	}
	if o.MaxOctets <= 0 {
		o.MaxOctets = 64 << 10
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 16 << 20
	}
	if o.PartAge <= 0 {
		o.PartAge = 90 * time.Second
	}
}

// Purged counts what Purge deleted.
type Purged struct {
	Parts int64
	More  bool // call Purge again
}

// TransactionFilter selects transactions, newest first.
type TransactionFilter struct {
	ICCID  ota.ICCID
	AP     mssp.APID
	Open   bool  // only those that are not final
	AtCard bool  // only those that do not wait for their turn
	Before int64 // Seq lower than this; 0: from the newest
	Limit  int   // 0 means 100
}

// Stats are counts for metrics and the console.
type Stats struct {
	Queued, AtCard, Outbox int
	OldestQueued           time.Time // zero when none
	Cards, Subscribers     int
}
