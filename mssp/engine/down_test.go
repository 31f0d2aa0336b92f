package engine_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota/bearer"
)

// When no bearer takes anything, a provider learns it at once, nothing is
// stored, and what was accepted before is still answered by its first
// transaction.
//
// Supports: I12
func TestNoNetwork(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	done := l.Sign(enginetest.Request("T1", "Pay?"))
	l.NoNetwork = errors.Join(bearer.ErrAway, errors.New("attached, but it takes no messages"))
	sent := len(l.Sent)
	_, err := l.Signer.Sign(t.Context(), enginetest.Request("T2", "Pay?"))
	enginetest.WantFault(t, err, mssp.UnableToProvide)
	if again, err := l.Signer.Sign(t.Context(), enginetest.Request("T1", "Pay?")); err != nil || again.ID != done.ID {
		t.Errorf("the repeat of an accepted request: %s, %v", again.ID, err)
	}
	if n := len(l.Sent); n != sent {
		t.Errorf("%d segments left", n-sent)
	}
	_, err = enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(t.Context(), enginetest.Number) })
	enginetest.WantFault(t, err, mssp.UnableToProvide) // the operator learns it as well
	l.NoNetwork = bearer.ErrSpent                      // of this provider alone, which is told so
	_, err = l.Signer.Sign(t.Context(), enginetest.Request("T2", "Pay?"))
	enginetest.WantFault(t, err, mssp.UnableToProvide)
	if err == nil || !strings.Contains(err.Error(), "had your share") {
		t.Errorf("who has had its share is told %v", err)
	}
	l.NoNetwork = nil
	if tx := l.Sign(enginetest.Request("T2", "Pay?")); tx.State != mssp.Done {
		t.Errorf("with a network again: %s", tx.State)
	}
}

// Without random numbers there is no transaction.
func TestNoRandom(t *testing.T) {
	l := enginetest.New(t)
	l.Options.Rand = iotest.ErrReader(errors.New("no entropy"))
	l.User(enginetest.Number)
	l.Kill()
	sent := len(l.Sent)
	_, err := enginetest.Pumped(l, func() (applet.State, error) { return l.Care.QueryState(t.Context(), enginetest.Number) })
	if enginetest.WantFault(t, err, mssp.InternalError); len(l.Sent) != sent {
		t.Error("something has left")
	}
}
