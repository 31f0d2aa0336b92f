package store

import (
	"context"
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

	Readers int // SQLite reader connections, PostgreSQL connections; 0 means 4

	// Bounds of reassembly (F11).
	MaxParts  int           // parts of one inbound message; 0 means 8
	MaxOctets int           // octets of incomplete messages per source; 0 means 64 KiB
	PartAge   time.Duration // an incomplete set older than this gives way to a new one; 0 means 90 s
}

// Store is an open database.
type Store struct{}

// Open opens (and creates or migrates) the database.
func Open(ctx context.Context, o Options) (*Store, error) { return nil, errStub }

// Close flushes what is waiting and closes the database.
func (s *Store) Close() error { return errStub }

// Stopped is closed when a commit outcome became unknown: end the process.
func (s *Store) Stopped() <-chan struct{} { return nil }

// Check verifies the whole database (quick_check, schema, invariants of queues).
func (s *Store) Check(ctx context.Context) error { return errStub }

// ConcatRef is what the concatenation element of a UDH says (TS 23.040
// 9.2.3.24.1 and .8). A single-segment message has Total 0 or 1.
type ConcatRef struct {
	Ref   uint16
	Ref16 bool // 16-bit reference: another number space than the 8-bit one
	Part  int  // 1-based
	Total int
}

// Recovery says what a restart found.
type Recovery struct {
	Ambiguous int         // segments that may or may not have left; ClaimSegments gives them again
	Idle      []ota.ICCID // idle cards with a queue: SealNext each
	Open      int         // transactions not final
}

// Retention says what Purge deletes.
type Retention struct {
	Parts        time.Time // incomplete and consumed inbound messages from before
	Transactions time.Time // final transactions finished before, with their packets and segments
}

// Purged counts what Purge deleted.
type Purged struct{ Parts, Transactions int64 }

// TransactionFilter selects transactions, newest first.
type TransactionFilter struct {
	ICCID  ota.ICCID
	AP     mssp.APID
	Open   bool  // only those that are not final
	Before int64 // Seq lower than this; 0: from the newest
	Limit  int   // 0 means 100
}

// Stats are counts for metrics and the console.
type Stats struct {
	Queued, AtCard, Outbox int
	OldestQueued           time.Time // zero when none
	Cards, Subscribers     int
}
