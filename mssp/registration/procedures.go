package registration

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
)

// Operations in the rows.
const (
	opAsk      = "ask"      // ChangeAppletStatus report
	opBegin    = "begin"    // ChangeAppletStatus activate, SetAppletData
	opLook     = "look"     // GetAuthenticationHandlerData state
	opGenerate = "generate" // SetAuthenticationHandlerData generate or replace
	opRead     = "read"     // GetAuthenticationHandlerData public key
	opUndo     = "undo"     // ChangeAppletStatus report, of an aborted registration
	opRegister = "register" // SignTransaction(register key)
	opConfirm  = "confirm"  // SetAuthenticationHandlerData registration confirmed
	opReset    = "reset"    // ChangeAppletStatus back to the initial state
	opImport   = "import"   // SetAuthenticationHandlerData import certificate
	opDelete   = "delete"   // SetAuthenticationHandlerData delete
)

// Result is what came of one step for one slot; what a step does not bring is
// empty.
type Result struct {
	Slot      byte          `json:"slot,omitempty"`
	PublicKey []byte        `json:"publicKey,omitempty"` // SubjectPublicKeyInfo, DER
	Part      *applet.Part  `json:"part,omitempty"`      // of a public key
	CSR       []byte        `json:"csr,omitempty"`       // PKCS#10, DER
	PoP       string        `json:"pop,omitempty"`       // as entered by the user
	State     *applet.State `json:"state,omitempty"`     // of the applet, when it was asked for
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

// step is what the commands for a key slot have in common: their payload,
// their faults, and that a failure changes nothing.
type step struct {
	g         *Registrar
	Slot      byte             `json:"slot,omitempty"`
	Usage     mssp.KeyUsage    `json:"usage,omitempty"`
	Algorithm applet.Algorithm `json:"alg,omitempty"`
	Back      bool             `json:"back,omitempty"`    // a registration is taken back: the card says what is left
	Refused   bool             `json:"refused,omitempty"` // the card had refused to delete (undo.go)
}

// decode is the engine.Decode of a step.
func decode(g *Registrar, as func(step) engine.Procedure) engine.Decode {
	return func(b []byte) (engine.Procedure, error) {
		s := step{g: g}
		err := json.Unmarshal(b, &s)
		return as(s), err
	}
}

// at is the slot.
func (s step) at() byte { return s.Slot }

// Payload is what the row keeps.
func (s step) Payload() ([]byte, error) { return json.Marshal(s) }

// Fault is what the RA hears.
func (s step) Fault(w applet.StatusWord) *mssp.Fault { return keyFault(w) }

// FaultOf names what the card refuses before it gets to the key (5.1-12).
func (s step) FaultOf(r *applet.Result) *mssp.Fault {
	switch r.Tag {
	case applet.TagChangeAppletStatus.Result():
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card refused ChangeAppletStatus: status %04X", uint16(r.Status))
	case applet.TagSetAppletData.Result():
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card refused SetAppletData, so that lengths of codes, language or the number of the service would be others than its card profile says: status %04X", uint16(r.Status))
	}
	return nil
}

// Abort: nothing has changed.
func (s step) Abort(context.Context, *mssp.Transaction, *store.Finish) error { return nil }

// done is the good end with a result.
func done(code mssp.Code, r *Result) (engine.Outcome, error) {
	b, err := json.Marshal(r)
	return engine.Outcome{Finish: store.Finish{Event: mssp.EventAnswered, Status: code, Result: b}}, err
}

// note is the good end of a command that changes no more than the row of its
// slot, where there is one and change has changed it.
func (s step) note(ctx context.Context, tx *mssp.Transaction, change func(*mssp.KeyPair) bool) (engine.Outcome, error) {
	k, err := engine.KeyPair(ctx, s.g.o.Store, tx.ICCID, s.Slot)
	if err != nil {
		return engine.Outcome{}, err
	}
	out, err := done(mssp.RequestOK, &Result{Slot: s.Slot})
	if k != nil && change(k) {
		k.UpdatedAt = s.g.o.Clock()
		out.Keys = []mssp.KeyPair{*k}
	}
	return out, err
}

// confirm tells the card that its key is registered.
type confirm struct{ step }

// Evaluate notes that the card knows it.
func (p *confirm) Evaluate(ctx context.Context, tx *mssp.Transaction, _ *applet.Answer) (engine.Outcome, error) {
	return p.note(ctx, tx, func(k *mssp.KeyPair) bool {
		known := k.Confirmed
		k.Confirmed = true
		return !known
	})
}

// plain is a command whose good answer says no more than that.
type plain struct{ step }

// Evaluate is content.
func (p *plain) Evaluate(context.Context, *mssp.Transaction, *applet.Answer) (engine.Outcome, error) {
	return done(mssp.RequestOK, &Result{Slot: p.Slot})
}

// generate makes a key pair in a slot.
type generate struct{ step }

// Evaluate takes the public key of the new pair, or its first part.
func (p *generate) Evaluate(_ context.Context, tx *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	res := a.Find(applet.TagSetAuthenticationHandlerData)
	if res == nil {
		return engine.Failure(mssp.Faultf(mssp.RegistrationNOK, "the user's card did not say whether it made a key pair")), nil
	}
	if len(res.PublicKey) == 0 { // the rest is read, and the row written, by who asked
		return done(mssp.RequestOK, &Result{Slot: p.Slot, Part: res.Part})
	}
	spki, err := publicKeyInfo(p.Algorithm, res.PublicKey)
	if err != nil {
		return engine.Failure(faultFrom(err)), nil
	}
	out, err := done(mssp.RequestOK, &Result{Slot: p.Slot, PublicKey: spki})
	out.Keys = []mssp.KeyPair{{
		ICCID: tx.ICCID, Slot: p.Slot, Usage: p.Usage, Algorithm: byte(p.Algorithm),
		State: mssp.KeyGenerated, PublicKey: spki, UpdatedAt: p.g.o.Clock(),
	}}
	return out, err
}

// read reads a public key.
type read struct{ step }

// Evaluate takes a public key or a part of one.
func (p *read) Evaluate(_ context.Context, _ *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	res := a.Find(applet.TagGetAuthenticationHandlerData)
	if res == nil {
		return engine.Failure(mssp.Faultf(mssp.RegistrationNOK, "the user's card answered without a public key")), nil
	}
	r := Result{Slot: p.Slot, Part: res.Part}
	if r.Part == nil && len(res.PublicKey) > 0 {
		var err error
		if r.PublicKey, err = publicKeyInfo(p.Algorithm, res.PublicKey); err != nil {
			return engine.Failure(faultFrom(err)), nil
		}
	}
	return done(mssp.RequestOK, &r)
}

// remove deletes the pair in a slot.
type remove struct{ step }

// Content: a slot that is empty needs no deletion.
func (p *remove) Content(w applet.StatusWord) bool { return w == applet.StatusSlotEmpty }

// Evaluate notes that the slot is empty.
func (p *remove) Evaluate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	var left *applet.State
	if p.Back {
		left = lastState(a)
	}
	return p.emptied(ctx, tx, left)
}

// emptied notes that a slot is empty, unless codes are left that go with it.
func (s step) emptied(ctx context.Context, tx *mssp.Transaction, left *applet.State) (engine.Outcome, error) {
	out, err := s.note(ctx, tx, func(k *mssp.KeyPair) bool {
		if left != nil && engine.CodesLeft(left) {
			return false
		}
		k.State = mssp.KeyDeleted
		return true
	})
	if err == nil && left != nil {
		out.Result, err = json.Marshal(&Result{Slot: s.Slot, State: left})
	}
	return out, err
}
