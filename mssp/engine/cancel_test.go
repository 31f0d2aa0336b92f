package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// An operator ends a transaction at the card: who waits hears 208 with the
// reason, the next one reaches the card, who did it is in the row and the log, and
// a second cancel is told that it is over.
func TestCancel(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	first, err := l.Signer.Sign(ctx, enginetest.Request("T1", "one"))
	l.OK(err)
	second, err := l.Signer.Sign(ctx, enginetest.Request("T2", "two"))
	l.OK(err)
	before := len(card.Seen)
	if _, err := l.Engine.Cancel(ctx, "hnone", "anna"); !errors.Is(err, mssp.ErrNotFound) {
		t.Errorf("no such transaction: %v", err)
	}
	done, err := l.Engine.Cancel(ctx, first.ID, "anna")
	l.OK(err)
	if done.Status != mssp.ExpiredTransaction || done.EndedBy != "anna" || done.Ended != mssp.EventCancelled || !strings.HasPrefix(done.Detail, "cancelled by the operator of the service: ") {
		t.Errorf("%+v", done)
	}
	if tx, err := l.Engine.Wait(ctx, first.ID); err != nil || tx.Detail != done.Detail || tx.EndedBy != "anna" {
		t.Errorf("who waits: %+v, %v", tx, err)
	}
	if tx := l.Tx(second.ID); tx.State == mssp.Queued {
		t.Errorf("the next one is %s, %d packets", tx.State, len(card.Seen)-before)
	}
	l.Pump()
	l.Want(second.ID, mssp.Done, mssp.Signature)
	if _, err := l.Engine.Cancel(ctx, first.ID, "otto"); !errors.Is(err, mssp.ErrFinal) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := l.Engine.Cancel(ctx, second.ID, "otto"); !errors.Is(err, mssp.ErrFinal) || l.Tx(second.ID).Status != mssp.Signature {
		t.Errorf("after the end: %v", err)
	}
}

// One that waits in the queue is cancelled without a packet, and the order of
// the others stays.
func TestCancelQueued(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	var ids []mssp.TransID
	for _, id := range []string{"T1", "T2", "T3"} {
		tx, err := l.Signer.Sign(ctx, enginetest.Request(id, "text of "+id))
		l.OK(err)
		ids = append(ids, tx.ID)
	}
	shown := len(card.Shown)
	done, err := l.Engine.Cancel(ctx, ids[1], "anna")
	l.OK(err)
	if done.Attempt != 0 || !strings.Contains(done.Detail, mssp.ReachQueued.Ended()) {
		t.Errorf("%+v", done)
	}
	l.Pump()
	l.Want(ids[0], mssp.Done, mssp.Signature)
	l.Want(ids[2], mssp.Done, mssp.Signature)
	l.Want(ids[1], mssp.Failed, mssp.ExpiredTransaction)
	if n := len(card.Shown) - shown; n > 2 {
		t.Errorf("%d prompts", n)
	}
}
