package engine

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Store is what the engine needs of *store.Store, where the methods are
// described: each is one business transaction and one commit.
type Store interface {
	Accept(ctx context.Context, tx mssp.Transaction, p *store.Prompt, seal store.SealFunc) (store.AcceptResult, error)
	Finish(ctx context.Context, f store.Finish, seal store.SealFunc) (store.FinishResult, error)
	SetTxAside(ctx context.Context, tx mssp.Transaction, detail string) (store.FinishResult, error)
	SealNext(ctx context.Context, iccid ota.ICCID, now time.Time, seal store.SealFunc) (*store.Dispatched, []mssp.Transaction, error)
	Reattempt(ctx context.Context, id mssp.TransID, seal store.SealFunc) (*store.Dispatched, error)
	MarkPrompted(ctx context.Context, id mssp.TransID) error

	SaveMO(ctx context.Context, mo bearer.MO, ref store.ConcatRef) (store.MOResult, error)
	ConsumeMO(ctx context.Context, id int64) error
	SetAside(ctx context.Context, j store.Joined) error
	PendingMO(ctx context.Context) ([]store.Joined, error)
	Incomplete(ctx context.Context, limit int) ([]sms.MSISDN, error)

	ClaimSegments(ctx context.Context, now time.Time, share func(names []string) []int) ([]store.Outbound, error)
	RecordOutcomesLazy(o []store.SegmentOutcome)
	Reported(ctx context.Context, r bearer.Report) (mssp.TransID, error)
	MatchReceipts(ctx context.Context, limit int) ([]store.Receipt, error)
	Reach(ctx context.Context, tx *mssp.Transaction) (mssp.Reach, error)
	Resolve(ctx context.Context, o store.SegmentOutcome) (id mssp.TransID, changed bool, err error)
	Alert(ctx context.Context, number sms.MSISDN, now time.Time) (int64, error)
	EnqueueText(ctx context.Context, segs []bearer.Segment) ([]store.Outbound, error)

	FreeCompletions(ctx context.Context, now time.Time, mine bool) (observers []string, err error)
	CompletionDue(ctx context.Context, observer string) (time.Time, error)
	ClaimCompletions(ctx context.Context, observer string, now, until time.Time, limit int) ([]store.Completion, error)
	Told(ctx context.Context, c store.Completion) error
	RetryCompletion(ctx context.Context, c store.Completion, at time.Time) error

	Unanswered(ctx context.Context, n sms.MSISDN, since time.Time) (mssp.Transaction, error)
	AnsweredLate(ctx context.Context, l store.Late) (first bool, texts []store.Outbound, err error)
	Expired(ctx context.Context, now time.Time, limit int) ([]mssp.Transaction, error)
	AdoptRequests(ctx context.Context, newest func(request []byte) bool, anew func(tx *mssp.Transaction) []byte) (int, error)
	Recover(ctx context.Context) (store.Recovery, error)
	TakeOver(ctx context.Context) (store.Recovery, error)
	NextDue(ctx context.Context, asked time.Time) (time.Time, error)

	Transaction(ctx context.Context, id mssp.TransID) (mssp.Transaction, error)
	Earlier(ctx context.Context, k store.RequestKey) (mssp.Transaction, error)
	Transactions(ctx context.Context, f store.TransactionFilter) ([]mssp.Transaction, error)
	OpenByPacket(ctx context.Context, p store.Packet) (mssp.Transaction, store.Packet, error)
	HeardBefore(ctx context.Context, h store.Heard) error
	Packets(ctx context.Context, id mssp.TransID) ([]store.Packet, error)
	Segments(ctx context.Context, id mssp.TransID) ([]store.Outbound, error)
	HasUnblocking(ctx context.Context, iccid ota.ICCID) (bool, error)
	Device(ctx context.Context, n sms.MSISDN) (mssp.Device, error)
	Lookup(ctx context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error)
	LookupStanding(ctx context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, store.Standing, error)
	Card(ctx context.Context, iccid ota.ICCID) (mssp.Card, error)
	KeySets(ctx context.Context, iccid ota.ICCID) ([]mssp.KeySet, error)
	AddKeySet(ctx context.Context, iccid ota.ICCID, f func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error)) error
	Holder(ctx context.Context, iccid ota.ICCID) (mssp.Subscriber, error)
	KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error)
	PutKeyPairs(ctx context.Context, kp []mssp.KeyPair) error
	Stats(ctx context.Context) (store.Stats, error)
}
