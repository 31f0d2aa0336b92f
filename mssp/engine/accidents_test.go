package engine_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

var errAccident = errors.New("an accident of the store")

// accidents is a store of which one call fails, the one with a certain number, and
// does nothing.
type accidents struct {
	enginetest.Store
	mu       sync.Mutex
	at, seen int
	of       map[string]int
	hit      string // what has failed
}

func (a *accidents) arm(at int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at, a.seen, a.of, a.hit = at, 0, map[string]int{}, ""
}

// rest is the end of accidents: the sweeper asks for ever.
func (a *accidents) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = 0
}

func (a *accidents) call(what string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[what]++; a.of[what] > 2 { // the sweeper asks for the same again and again
		return nil
	}
	if a.seen++; a.seen != a.at {
		return nil
	}
	a.hit = what
	return errAccident
}

// tried does a call that answers one thing.
func tried[T any](a *accidents, what string, do func() (T, error)) (none T, err error) {
	if err := a.call(what); err != nil {
		return none, err
	}
	return do()
}

func (a *accidents) Accept(ctx context.Context, tx mssp.Transaction, p *store.Prompt, s store.SealFunc) (store.AcceptResult, error) {
	return tried(a, "Accept", func() (store.AcceptResult, error) { return a.Store.Accept(ctx, tx, p, s) })
}

func (a *accidents) Finish(ctx context.Context, f store.Finish, s store.SealFunc) (store.FinishResult, error) {
	return tried(a, "Finish", func() (store.FinishResult, error) { return a.Store.Finish(ctx, f, s) })
}

func (a *accidents) Reattempt(ctx context.Context, id mssp.TransID, s store.SealFunc) (*store.Dispatched, error) {
	return tried(a, "Reattempt", func() (*store.Dispatched, error) { return a.Store.Reattempt(ctx, id, s) })
}

func (a *accidents) MarkPrompted(ctx context.Context, id mssp.TransID) error {
	if err := a.call("MarkPrompted"); err != nil {
		return err
	}
	return a.Store.MarkPrompted(ctx, id)
}

func (a *accidents) SaveMO(ctx context.Context, mo bearer.MO, ref store.ConcatRef) (store.MOResult, error) {
	return tried(a, "SaveMO", func() (store.MOResult, error) { return a.Store.SaveMO(ctx, mo, ref) })
}

func (a *accidents) ConsumeMO(ctx context.Context, id int64) error {
	if err := a.call("ConsumeMO"); err != nil {
		return err
	}
	return a.Store.ConsumeMO(ctx, id)
}

func (a *accidents) SetAside(ctx context.Context, j store.Joined) error {
	if err := a.call("SetAside"); err != nil {
		return err
	}
	return a.Store.SetAside(ctx, j)
}

func (a *accidents) ClaimSegments(ctx context.Context, now time.Time, share func([]string) []int) ([]store.Outbound, error) {
	return tried(a, "ClaimSegments", func() ([]store.Outbound, error) { return a.Store.ClaimSegments(ctx, now, share) })
}

func (a *accidents) Reported(ctx context.Context, r bearer.Report) (mssp.TransID, error) {
	return tried(a, "Reported", func() (mssp.TransID, error) { return a.Store.Reported(ctx, r) })
}

func (a *accidents) Resolve(ctx context.Context, o store.SegmentOutcome) (id mssp.TransID, changed bool, err error) {
	if err := a.call("Resolve"); err != nil {
		return "", false, err
	}
	return a.Store.Resolve(ctx, o)
}

func (a *accidents) AdoptRequests(ctx context.Context, newest func([]byte) bool, anew func(*mssp.Transaction) []byte) (int, error) {
	return tried(a, "AdoptRequests", func() (int, error) { return a.Store.AdoptRequests(ctx, newest, anew) })
}

func (a *accidents) Recover(ctx context.Context) (store.Recovery, error) {
	return tried(a, "Recover", func() (store.Recovery, error) { return a.Store.Recover(ctx) })
}

func (a *accidents) SealNext(ctx context.Context, i ota.ICCID, now time.Time, s store.SealFunc) (d *store.Dispatched, failed []mssp.Transaction, err error) {
	if err := a.call("SealNext"); err != nil {
		return nil, nil, err
	}
	return a.Store.SealNext(ctx, i, now, s)
}

func (a *accidents) PendingMO(ctx context.Context) ([]store.Joined, error) {
	return tried(a, "PendingMO", func() ([]store.Joined, error) { return a.Store.PendingMO(ctx) })
}

func (a *accidents) Incomplete(ctx context.Context, n int) ([]sms.MSISDN, error) {
	return tried(a, "Incomplete", func() ([]sms.MSISDN, error) { return a.Store.Incomplete(ctx, n) })
}

func (a *accidents) FreeCompletions(ctx context.Context, now time.Time, mine bool) ([]string, error) {
	return tried(a, "FreeCompletions", func() ([]string, error) { return a.Store.FreeCompletions(ctx, now, mine) })
}

func (a *accidents) Alert(ctx context.Context, n sms.MSISDN, now time.Time) (int64, error) {
	return tried(a, "Alert", func() (int64, error) { return a.Store.Alert(ctx, n, now) })
}

func (a *accidents) EnqueueText(ctx context.Context, segs []bearer.Segment) ([]store.Outbound, error) {
	return tried(a, "EnqueueText", func() ([]store.Outbound, error) { return a.Store.EnqueueText(ctx, segs) })
}

func (a *accidents) MatchReceipts(ctx context.Context, n int) ([]store.Receipt, error) {
	return tried(a, "MatchReceipts", func() ([]store.Receipt, error) { return a.Store.MatchReceipts(ctx, n) })
}

func (a *accidents) ClaimCompletions(ctx context.Context, name string, now, until time.Time, n int) ([]store.Completion, error) {
	return tried(a, "ClaimCompletions", func() ([]store.Completion, error) { return a.Store.ClaimCompletions(ctx, name, now, until, n) })
}

func (a *accidents) CompletionDue(ctx context.Context, name string) (time.Time, error) {
	return tried(a, "CompletionDue", func() (time.Time, error) { return a.Store.CompletionDue(ctx, name) })
}

func (a *accidents) Told(ctx context.Context, c store.Completion) error {
	if err := a.call("Told"); err != nil {
		return err
	}
	return a.Store.Told(ctx, c)
}

func (a *accidents) Unanswered(ctx context.Context, n sms.MSISDN, since time.Time) (mssp.Transaction, error) {
	return tried(a, "Unanswered", func() (mssp.Transaction, error) { return a.Store.Unanswered(ctx, n, since) })
}

func (a *accidents) AnsweredLate(ctx context.Context, l store.Late) (first bool, texts []store.Outbound, err error) {
	if err := a.call("AnsweredLate"); err != nil {
		return false, nil, err
	}
	return a.Store.AnsweredLate(ctx, l)
}

func (a *accidents) Expired(ctx context.Context, now time.Time, n int) ([]mssp.Transaction, error) {
	return tried(a, "Expired", func() ([]mssp.Transaction, error) { return a.Store.Expired(ctx, now, n) })
}

func (a *accidents) TakeOver(ctx context.Context) (store.Recovery, error) {
	return tried(a, "TakeOver", func() (store.Recovery, error) { return a.Store.TakeOver(ctx) })
}

func (a *accidents) Transaction(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	return tried(a, "Transaction", func() (mssp.Transaction, error) { return a.Store.Transaction(ctx, id) })
}

func (a *accidents) Transactions(ctx context.Context, f store.TransactionFilter) ([]mssp.Transaction, error) {
	return tried(a, "Transactions", func() ([]mssp.Transaction, error) { return a.Store.Transactions(ctx, f) })
}

func (a *accidents) OpenByPacket(ctx context.Context, k store.Packet) (tx mssp.Transaction, p store.Packet, err error) {
	if err := a.call("OpenByPacket"); err != nil {
		return tx, p, err
	}
	return a.Store.OpenByPacket(ctx, k)
}

func (a *accidents) Packets(ctx context.Context, id mssp.TransID) ([]store.Packet, error) {
	return tried(a, "Packets", func() ([]store.Packet, error) { return a.Store.Packets(ctx, id) })
}

func (a *accidents) Segments(ctx context.Context, id mssp.TransID) ([]store.Outbound, error) {
	return tried(a, "Segments", func() ([]store.Outbound, error) { return a.Store.Segments(ctx, id) })
}

func (a *accidents) Lookup(ctx context.Context, n sms.MSISDN) (s mssp.Subscriber, c mssp.Card, k []mssp.KeyPair, err error) {
	if err := a.call("Lookup"); err != nil {
		return s, c, nil, err
	}
	return a.Store.Lookup(ctx, n)
}

func (a *accidents) LookupStanding(ctx context.Context, n sms.MSISDN) (s mssp.Subscriber, c mssp.Card, k []mssp.KeyPair, st store.Standing, err error) {
	if err := a.call("LookupStanding"); err != nil {
		return s, c, nil, st, err
	}
	return a.Store.LookupStanding(ctx, n)
}

func (a *accidents) Card(ctx context.Context, i ota.ICCID) (mssp.Card, error) {
	return tried(a, "Card", func() (mssp.Card, error) { return a.Store.Card(ctx, i) })
}

func (a *accidents) KeySet(ctx context.Context, i ota.ICCID, kvn byte) (mssp.KeySet, error) {
	return tried(a, "KeySet", func() (mssp.KeySet, error) { return a.Store.KeySet(ctx, i, kvn) })
}

func (a *accidents) KeySets(ctx context.Context, i ota.ICCID) ([]mssp.KeySet, error) {
	return tried(a, "KeySets", func() ([]mssp.KeySet, error) { return a.Store.KeySets(ctx, i) })
}

func (a *accidents) KeyPairs(ctx context.Context, i ota.ICCID) ([]mssp.KeyPair, error) {
	return tried(a, "KeyPairs", func() ([]mssp.KeyPair, error) { return a.Store.KeyPairs(ctx, i) })
}
