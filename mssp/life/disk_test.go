package life

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// full is what the logs of a failed commit have.
const full = "the disk is full for a moment"

// disk is the store of a life, of which a commit fails now and then: nothing was written,
// and whoever asked is told so. The next one is stored again.
type disk struct {
	enginetest.Store
	mu   sync.Mutex
	skip int // commits that are stored before one fails
	fail int // commits that fail
}

// fails has a commit fail, after some that do not.
func (d *disk) fails(skip, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skip, d.fail = skip, n
}

func (d *disk) commit() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.fail == 0:
		return nil
	case d.skip > 0:
		d.skip--
		return nil
	}
	d.fail--
	saw.add("commit failed")
	return fmt.Errorf("store: %w: %s", store.ErrNotWritten, full)
}

// stored is a commit, or a failure.
func stored[T any](d *disk, do func() (T, error)) (T, error) {
	if err := d.commit(); err != nil {
		var none T
		return none, err
	}
	return do()
}

func (d *disk) Accept(ctx context.Context, tx mssp.Transaction, p *store.Prompt, seal store.SealFunc) (store.AcceptResult, error) {
	return stored(d, func() (store.AcceptResult, error) { return d.Store.Accept(ctx, tx, p, seal) })
}

func (d *disk) Finish(ctx context.Context, f store.Finish, seal store.SealFunc) (store.FinishResult, error) {
	return stored(d, func() (store.FinishResult, error) { return d.Store.Finish(ctx, f, seal) })
}

func (d *disk) SealNext(ctx context.Context, iccid ota.ICCID, now time.Time, seal store.SealFunc) (*store.Dispatched, []mssp.Transaction, error) {
	if err := d.commit(); err != nil {
		return nil, nil, err
	}
	return d.Store.SealNext(ctx, iccid, now, seal)
}

func (d *disk) Reattempt(ctx context.Context, id mssp.TransID, seal store.SealFunc) (*store.Dispatched, error) {
	return stored(d, func() (*store.Dispatched, error) { return d.Store.Reattempt(ctx, id, seal) })
}

func (d *disk) SaveMO(ctx context.Context, mo bearer.MO, ref store.ConcatRef) (store.MOResult, error) {
	return stored(d, func() (store.MOResult, error) { return d.Store.SaveMO(ctx, mo, ref) })
}

func (d *disk) AnsweredLate(ctx context.Context, l store.Late) (bool, []store.Outbound, error) {
	if err := d.commit(); err != nil {
		return false, nil, err
	}
	return d.Store.AnsweredLate(ctx, l)
}

func (d *disk) TellOfKeyPair(ctx context.Context, k mssp.KeyPair, notices ...store.Notice) ([]store.Outbound, error) {
	return stored(d, func() ([]store.Outbound, error) { return d.Store.TellOfKeyPair(ctx, k, notices...) })
}

func (d *disk) ChangeWithPair(ctx context.Context, n sms.MSISDN, k mssp.KeyPair, f func(*store.Situation) error) (store.Situation, []store.Outbound, error) {
	if err := d.commit(); err != nil {
		return store.Situation{}, nil, err
	}
	return d.Store.ChangeWithPair(ctx, n, k, f)
}

func (d *disk) ChangeSituation(ctx context.Context, n sms.MSISDN, f func(*store.Situation) error) (store.Situation, []store.Outbound, error) {
	if err := d.commit(); err != nil {
		return store.Situation{}, nil, err
	}
	return d.Store.ChangeSituation(ctx, n, f)
}

func (d *disk) ChangeDuty(ctx context.Context, id string, f func(*mssp.Duty) error) (mssp.Duty, error) {
	return stored(d, func() (mssp.Duty, error) { return d.Store.ChangeDuty(ctx, id, f) })
}

// ofDisk reports whether a line of the log tells of such a commit.
func ofDisk(line string) bool { return strings.Contains(line, full) }
