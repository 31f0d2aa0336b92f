package engine

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// A provider hears whether to ask again, and with which AP_TransID.
//
// Supports: F3
func TestStoreFault(t *testing.T) {
	e := &Engine{log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		err  error
		code mssp.Code
		says string
	}{
		{store.ErrOutcomeUnknown, mssp.UnableToProvide, "restarting"},
		{store.ErrClosed, mssp.UnableToProvide, "restarting"},
		{store.ErrNotWritten, mssp.UnableToProvide, "can store nothing"},
		{store.ErrNotFound, mssp.InternalError, ""},
	} {
		f := e.storeFault("testing", fmt.Errorf("store: %w", c.err))
		if f.Code != c.code || !strings.Contains(f.Detail, c.says) || !strings.Contains(f.Detail, "same AP_TransID") {
			t.Errorf("%v: %v", c.err, f)
		}
	}
}

// fullStore accepts nothing.
type fullStore struct{ labStore }

func (fullStore) Accept(context.Context, mssp.Transaction, store.SealFunc) (store.AcceptResult, error) {
	return store.AcceptResult{}, fmt.Errorf("store: %w", store.ErrNotWritten)
}

// What could not be stored has prompted nobody: when there is room again the
// user's share of prompts is whole.
//
// Supports: F3
func TestRefusedIsNoPrompt(t *testing.T) {
	l := newLab(t)
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	l.o.Limits.PromptsPerMinute = 1
	l.kill()
	l.e.o.Store = fullStore{labStore{l.st}}
	for i := range 3 {
		_, err := l.e.Sign(context.Background(), request(fmt.Sprint("full", i), "Pay?"))
		wantFault(t, err, mssp.UnableToProvide)
	}
	l.e.o.Store = labStore{l.st}
	if tx := l.sign(request("room", "Pay?")); tx.Status != mssp.Signature {
		t.Errorf("%d %s", tx.Status, tx.Detail)
	}
}
