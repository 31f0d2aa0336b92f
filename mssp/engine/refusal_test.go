package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
)

// fullStore accepts nothing.
type fullStore struct{ enginetest.Store }

func (fullStore) Accept(context.Context, mssp.Transaction, *store.Prompt, store.SealFunc) (store.AcceptResult, error) {
	return store.AcceptResult{}, fmt.Errorf("store: %w", store.ErrNotWritten)
}

// What could not be stored has prompted nobody: when there is room again the
// user's share of prompts is whole.
//
// Supports: F3
func TestRefusedIsNoPrompt(t *testing.T) {
	l := enginetest.New(t)
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	l.Options.Limits.PromptsPerMinute = 1
	l.Kill()
	l.Engine.SetStore(fullStore{l.EngineStore()})
	for i := range 3 {
		_, err := l.Signer.Sign(context.Background(), enginetest.Request(fmt.Sprint("full", i), "Pay?"))
		enginetest.WantFault(t, err, mssp.UnableToProvide)
	}
	l.Engine.SetStore(l.EngineStore())
	if tx := l.Sign(enginetest.Request("room", "Pay?")); tx.Status != mssp.Signature {
		t.Errorf("%d %s", tx.Status, tx.Detail)
	}
}
