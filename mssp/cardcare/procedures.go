package cardcare

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
)

// code is ManagePersonalCode.
type code struct {
	Do applet.CodeOperation `json:"code"`
}

func decodeCode(b []byte) (engine.Procedure, error) {
	c := new(code)
	return c, json.Unmarshal(b, c)
}

// Payload is what the row keeps.
func (c *code) Payload() ([]byte, error) { return json.Marshal(c) }

// Evaluate notes that the code is set.
func (c *code) Evaluate(context.Context, *mssp.Transaction, *applet.Answer) (engine.Outcome, error) {
	return engine.Outcome{Finish: done(), CodeSet: true}, nil
}

// Fault is what the operator hears. 6985 is not about a key here: the applet says it when
// the user has not chosen a code within the attempts that he has (INT6, A5).
func (c *code) Fault(w applet.StatusWord) *mssp.Fault {
	if w == applet.StatusConditions && c.Do != applet.CodeUnblock {
		return mssp.Faultf(mssp.SignatureProcess, "no new code was chosen: the user's entries differed, were too simple or the present code; or the applet is not active")
	}
	return engine.FaultOfWord(w)
}

// Abort: nothing has changed.
func (c *code) Abort(context.Context, *mssp.Transaction, *store.Finish) error { return nil }

// change is ChangeAppletStatus, or SetAppletData when To is 0.
type change struct {
	To applet.AppletStatus `json:"target,omitempty"`
}

func decodeApplet(b []byte) (engine.Procedure, error) {
	c := new(change)
	return c, json.Unmarshal(b, c)
}

// Payload is what the row keeps.
func (c *change) Payload() ([]byte, error) { return json.Marshal(c) }

// Evaluate keeps the state that the applet reports.
func (c *change) Evaluate(_ context.Context, _ *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	out := engine.Outcome{Finish: done()}
	var r Result
	if s := a.Find(applet.TagChangeAppletStatus); s != nil {
		r.State = s.State
	}
	var err error
	out.Result, err = json.Marshal(&r)
	return out, err
}

// Fault is what the operator hears.
func (c *change) Fault(w applet.StatusWord) *mssp.Fault {
	if c.To == applet.StatusDeactivate && w == applet.StatusConditions {
		return mssp.Faultf(mssp.SignatureProcess, "the user's applet was never activated: there is nothing to deactivate")
	}
	return engine.FaultOfWord(w)
}

// Abort: nothing has changed.
func (c *change) Abort(context.Context, *mssp.Transaction, *store.Finish) error { return nil }

func done() store.Finish { return store.Finish{Event: mssp.EventAnswered, Status: mssp.RequestOK} }

// Result is what came of a change to the applet.
type Result struct {
	State *applet.State `json:"state,omitempty"` // nil: it reported none
}

// ParseResult reads the result of a transaction that is done.
func ParseResult(tx *mssp.Transaction) (r Result, err error) {
	if tx.State != mssp.Done || len(tx.Result) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(tx.Result, &r); err != nil {
		return Result{}, fmt.Errorf("transaction result: %w", err)
	}
	return r, nil
}
