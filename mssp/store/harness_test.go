package store_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

var (
	ctx   = context.Background()
	epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

const (
	cardA   = ota.ICCID("8941010000000000017")
	cardB   = ota.ICCID("8941010000000000025")
	numberA = sms.MSISDN("41790000001")
	numberB = sms.MSISDN("41790000002")
	bank    = mssp.APID("https://bank.example")
)

// lab is a store under test that can be closed and opened again.
type lab struct {
	*testing.T
	*store.Store
	dsn string
	reg *prometheus.Registry // of the store that is open now

	vault *keys.Vault // once it is authenticated

	lastCall string // id of the call that call has begun
}

// onBoth runs a test of the conformance suite on both engines.
func onBoth(t *testing.T, f func(l *lab)) {
	t.Run("sqlite", func(t *testing.T) { f(newLab(t, filepath.Join(t.TempDir(), "simsign.db"))) })
	t.Run("postgres", func(t *testing.T) { f(newLab(t, postgresDSN(t))) })
}

func onSQLite(t *testing.T) *lab { return newLab(t, filepath.Join(t.TempDir(), "simsign.db")) }

func newLab(t *testing.T, dsn string) *lab {
	l := &lab{T: t, dsn: dsn}
	l.open()
	t.Cleanup(func() {
		if t.Failed() {
			l.Close()
			return
		}
		if err := l.Check(ctx); err != nil {
			t.Errorf("Check after the test: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	importCard(t, l.Store, cardA)
	importCard(t, l.Store, cardB)
	return l
}

func (l *lab) open() {
	l.Helper()
	l.reg = prometheus.NewRegistry()
	s, err := store.Open(ctx, store.Options{DSN: l.dsn, Clock: func() time.Time { return epoch }, Registerer: l.reg})
	if err != nil {
		l.Fatal(err)
	}
	l.Store = s
}

// reopen is a clean restart.
func (l *lab) reopen() {
	l.Helper()
	if err := l.Close(); err != nil {
		l.Fatal(err)
	}
	l.open()
}

func importCard(tb testing.TB, s *store.Store, iccid ota.ICCID) {
	tb.Helper()
	err := s.ImportCard(ctx, mssp.Card{ICCID: iccid, IMSI: "228010000000001", Profile: "test", State: "active"},
		[]mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: make([]byte, 100), Counter: make([]byte, 8)}})
	if err != nil {
		tb.Fatal(err)
	}
}

// seal is a SealFunc: the counter blob is 8 octets in the clear, and the
// packet has two segments.
func seal(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
	c := binary.BigEndian.Uint64(ks.Counter) + 1
	segs := make([]bearer.Segment, 2)
	for i := range segs {
		segs[i] = bearer.Segment{
			Dest: tx.MSISDN, PID: 0x7F, DCS: 0xF6, UDH: []byte{5, 0, 3, byte(c), 2, byte(i + 1)},
			UD: fmt.Appendf(nil, "%s %d/%d", tx.ID, c, i+1), Validity: time.Minute,
		}
	}
	return store.Sealed{
		Counter: binary.BigEndian.AppendUint64(nil, c),
		Packet:  store.Packet{TAR: ota.TAR{0xB0, 0, 1}, CNTR: ota.CNTR(c)}, Segments: segs, Claim: true,
	}, nil
}

// sealUnclaimed leaves the segments to the outbox.
func sealUnclaimed(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
	s, err := seal(tx, ks)
	s.Claim = false
	return s, err
}

var errFault = mssp.Faultf(mssp.OTAError, "the text is too long")

// refuseOdd refuses transactions whose applet transaction number is odd.
func refuseOdd(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
	if tx.AppletTxn%2 == 1 {
		return store.Sealed{}, fmt.Errorf("sealing: %w", errFault)
	}
	return seal(tx, ks)
}

var txCount atomic.Int64

// newTx is a request of the bank for card A.
func newTx() mssp.Transaction {
	n := txCount.Add(1)
	return mssp.Transaction{
		ID: mssp.TransID(fmt.Sprintf("h%025d", n)), Kind: mssp.KindSign, AP: bank, APTransID: fmt.Sprintf("ap-%d", n),
		RequestHash: []byte{1, 2, 3}, MSISDN: numberA, ICCID: cardA, Mode: mssp.Synch, Profile: "urn:p",
		Request: []byte(`{"text":"x"}`), INT6: []byte{0xA2}, AppletTxn: uint32(n) * 2,
		CreatedAt: epoch, Deadline: epoch.Add(time.Minute),
	}
}

func (l *lab) accept(tx mssp.Transaction) store.AcceptResult {
	l.Helper()
	r, err := l.Accept(ctx, tx, nil, seal)
	if err != nil {
		l.Fatal(err)
	}
	return r
}

func (l *lab) finish(f store.Finish) store.FinishResult {
	l.Helper()
	if f.At.IsZero() {
		f.At = epoch.Add(time.Second)
	}
	r, err := l.Finish(ctx, f, seal)
	if err != nil {
		l.Fatal(err)
	}
	return r
}

func done(tx mssp.Transaction) store.Finish {
	return store.Finish{TxID: tx.ID, Event: mssp.EventAnswered, Status: mssp.Signature, Result: []byte(`{"r":1}`)}
}

func (l *lab) wantState(id mssp.TransID, want mssp.State) mssp.Transaction {
	l.Helper()
	tx, err := l.Transaction(ctx, id)
	if err != nil {
		l.Fatal(err)
	}
	if tx.State != want {
		l.Fatalf("transaction is %s, want %s", tx.State, want)
	}
	return tx
}

func (l *lab) transaction(id mssp.TransID) mssp.Transaction {
	l.Helper()
	tx, err := l.Transaction(ctx, id)
	l.ok(err)
	return tx
}

func (l *lab) wantErr(what string, err, want error) {
	l.Helper()
	if !errors.Is(err, want) {
		l.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func (l *lab) ok(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func cancelled() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }
