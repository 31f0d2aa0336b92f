package signature_test

import (
	"context"
	"errors"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
)

// stops are what may happen to a user while he is asked, and what the provider hears.
var stops = map[string]struct {
	do     func(l *enginetest.Lab)
	code   mssp.Code
	detail string
}{
	"service suspended": {func(l *enginetest.Lab) {
		l.EditSubscriber(func(s *mssp.Subscriber) { s.State = mssp.SubscriberSuspended })
	}, 403, "the service of this user is not active any more"},
	"left": {func(l *enginetest.Lab) {
		l.EditSubscriber(func(s *mssp.Subscriber) { s.State = mssp.SubscriberRemoved })
	}, 403, "the service of this user is not active any more"},
	"certificate suspended": {func(l *enginetest.Lab) {
		l.OK(l.CA.Suspend(context.Background(), l.Key(1).Serial))
	}, 501, "the user's certificate cannot be used: the certificate is suspended"},
	"revocation asked for": {func(l *enginetest.Lab) { state(l, mssp.KeyRevoking) }, 501, "the user's certificate cannot be used: its revocation was asked for, the user must register again"},
	"revoked": {func(l *enginetest.Lab) {
		l.OK(l.CA.Revoke(context.Background(), l.Key(1).Serial, 1))
	}, 501, "the user's certificate cannot be used: the certificate is revoked, the user must register again"},
	"pair deleted": {func(l *enginetest.Lab) { state(l, mssp.KeyDeleted) }, 404, "the pair that has signed is not registered any more"},
}

func state(l *enginetest.Lab, s mssp.KeyState) {
	k := l.Key(1)
	k.State = s
	l.OK(l.Store.PutKeyPairs(context.Background(), []mssp.KeyPair{k}))
}

// What has happened to the user or his pair while he was asked counts when his answer
// comes: the provider gets no signature.
//
// Supports: 5.8-1, 5.9-1, 3.5.10-1, 3.5.11-2
func TestStoppedUnderWay(t *testing.T) {
	for name, c := range stops {
		t.Run(name, func(t *testing.T) {
			l := enginetest.New(t)
			l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			tx, err := l.Signer.Sign(context.Background(), enginetest.Request("T1", "hello"))
			l.OK(err)
			l.Settle()
			c.do(l)
			l.Pump()
			got := l.Tx(tx.ID)
			if got.State != mssp.Failed || got.Status != c.code || got.Detail != c.detail {
				t.Errorf("%s %d %s", got.State, got.Status, got.Detail)
			}
		})
	}
}

// meanwhile does something between an answer's judgement and its commit.
type meanwhile struct {
	enginetest.Store
	do func()
}

func (m *meanwhile) Finish(ctx context.Context, f store.Finish, seal store.SealFunc) (store.FinishResult, error) {
	if f.Event == mssp.EventAnswered && m.do != nil {
		m.do()
		m.do = nil
		res, err := m.Store.Finish(ctx, f, seal)
		if !errors.Is(err, store.ErrChanged) {
			panic("committed all the same")
		}
		return res, err
	}
	return m.Store.Finish(ctx, f, seal)
}

// It counts as well when it happens after the answer was found good, and before that is
// committed.
func TestStoppedAtTheLastMoment(t *testing.T) {
	for name, c := range stops {
		t.Run(name, func(t *testing.T) {
			l := enginetest.New(t)
			l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			l.OK(l.Restart(&meanwhile{l.EngineStore(), func() { c.do(l) }}))
			if tx := l.Sign(enginetest.Request("T1", "hello")); tx.State != mssp.Failed || tx.Status != c.code || tx.Detail != c.detail {
				t.Errorf("%s %d %s", tx.State, tx.Status, tx.Detail)
			}
		})
	}
}

// Who waits in the queue of his card is not asked any more.
func TestStoppedInTheQueue(t *testing.T) {
	for name, c := range stops {
		if name == "left" || name == "pair deleted" {
			continue // the card says so itself
		}
		t.Run(name, func(t *testing.T) {
			l := enginetest.New(t)
			card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			ctx := context.Background()
			l.Lose = true
			first, err := l.Signer.Sign(ctx, enginetest.Request("T1", "hello"))
			l.OK(err)
			second, err := l.Signer.Sign(ctx, enginetest.Request("T2", "again"))
			l.OK(err)
			l.Settle()
			l.Lose = false
			prompts := card.Prompts
			c.do(l)
			_, err = l.Engine.Cancel(ctx, first.ID, "op")
			l.OK(err)
			l.Pump()
			got := l.Tx(second.ID)
			if got.State != mssp.Failed || got.Status != c.code || card.Prompts != prompts {
				t.Errorf("%s %d %s, %d prompts", got.State, got.Status, got.Detail, card.Prompts-prompts)
			}
		})
	}
}

var _ engine.Store = (*meanwhile)(nil)
