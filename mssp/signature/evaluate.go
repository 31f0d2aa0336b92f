package signature

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
)

// Evaluate verifies a signature before anybody hears of it (5.2-2) and puts it
// into the form that the AP asked for. The commit that follows looks once more whether the
// pair may sign.
func (g *signing) Evaluate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	res := a.Find(applet.TagSignTransaction)
	if res == nil || len(res.Signature) == 0 {
		return engine.Failure(mssp.Faultf(mssp.SignatureProcess, "the user's card answered without a signature")), nil
	}
	sig, err := g.Algorithm.SignatureToASN1(res.Signature)
	if err != nil {
		g.s.log.Warn("signature is malformed", "tx", tx.ID, "error", err)
		return engine.Failure(mssp.Faultf(mssp.InvalidSignature, "the user's card answered with a malformed signature")), nil
	}
	if g, err = g.ready(ctx); err != nil {
		return engine.Outcome{}, fmt.Errorf("preparing verification: %w", err)
	}
	sub, _, keys, err := g.s.o.Store.Lookup(ctx, tx.MSISDN)
	if err != nil {
		return engine.Outcome{}, fmt.Errorf("looking up who has signed: %w", err)
	}
	if f := lost(&sub, keys, g.Slot); f != nil {
		g.s.log.Warn("signature came after a suspension or a revocation: it is given to nobody", "tx", tx.ID)
		return engine.Failure(f), nil
	}
	v := g.s.o.VA.Check(ctx, g.cert, g.digest, sig)
	g.s.engine.Trace(tx, engine.LayerVerify, engine.In, "signature verified: "+v.Code.String(), engine.Field{Name: "detail", Value: v.Detail})
	switch v.Code {
	case mssp.ValidSignature:
	case mssp.InternalError:
		return engine.Outcome{}, fmt.Errorf("asking the validation authority: %w", v.Err)
	default:
		g.s.log.Warn("signature refused by the validation authority", "tx", tx.ID, "status", int(v.Code), "error", v.Err)
		return engine.Failure(&mssp.Fault{Code: v.Code, Detail: v.Detail}), nil
	}
	r := Result{
		Format: g.Format, Signature: sig, Certificate: g.cert.Raw, Reference: g.Reference,
		SignedAt: g.At, ValidationStatus: v.Code, Slot: g.Slot,
	}
	if g.prepared != nil {
		if r.Signature, err = g.prepared.Assemble(sig); err != nil {
			return engine.Outcome{}, fmt.Errorf("assembling CMS: %w", err)
		}
	}
	out := engine.Outcome{Finish: store.Finish{Event: mssp.EventAnswered, Status: mssp.Signature, Signed: g.Slot}}
	if g.Validate {
		out.Status = mssp.ValidSignature
	}
	out.Result, err = json.Marshal(&r)
	return out, err
}

// lost is why a signature that was asked for in time is given to nobody: since then the
// service of the user or his pair was suspended, or a revocation was accepted, which the
// CA may not have confirmed yet (5.8-3). nil: it stands.
func lost(sub *mssp.Subscriber, keys []mssp.KeyPair, slot byte) *mssp.Fault {
	if sub.State != mssp.SubscriberActive {
		return mssp.Faultf(mssp.CardBlocked, "the service of this user is not active any more")
	}
	for i := range keys {
		if k := &keys[i]; k.Slot == slot && k.State == mssp.KeyRegistered {
			return nil
		} else if k.Slot == slot && k.State.Certified() {
			return stopped(k)
		}
	}
	return mssp.Faultf(mssp.NoKeyFound, "the pair that has signed is not registered any more")
}

// ready is the transaction with everything computed: after a restart, and when
// it has waited for its turn, only the payload is there. Two copies of an
// answer may come at the same time, so what the flight holds stays as it is.
func (g *signing) ready(ctx context.Context) (*signing, error) {
	if g.digest != nil {
		return g, nil
	}
	row, err := g.s.o.Store.Certificate(ctx, g.Serial)
	if err != nil {
		return nil, err
	}
	cert, err := g.s.certs.parse(row.Serial, row.DER)
	if err != nil {
		return nil, err
	}
	whole := &signing{payload: g.payload, s: g.s}
	return whole, whole.compute(cert)
}

// Fault is what the AP hears when the applet has said no.
func (g *signing) Fault(w applet.StatusWord) *mssp.Fault { return engine.FaultOfWord(w) }

// Abort: a signature that was not made changes no row, unless the card says that it has no
// pair in that slot: then its row says so, and its certificate is to be revoked. A card that
// does not support what it was sent is asked what it offers now.
func (g *signing) Abort(ctx context.Context, tx *mssp.Transaction, f *store.Finish) error {
	ended := mssp.Transaction{State: mssp.Failed, Result: f.Result}
	no, err := engine.ParseRefusal(&ended)
	if err == nil && no.Word == applet.StatusSlotEmpty {
		return g.gone(ctx, tx, f)
	}
	if err != nil || no.Word != applet.StatusNotSupported {
		return err
	}
	number := tx.MSISDN
	g.s.engine.Background(func(ctx context.Context) {
		t, err := g.s.engine.Target(ctx, number)
		if err == nil && t.Profile.Way().Version() > applet.Version1 {
			g.s.recheck(t)
		}
	})
	return nil
}

// gone takes the pair out of our rows that was to sign, as long as it is the same one.
func (g *signing) gone(ctx context.Context, tx *mssp.Transaction, f *store.Finish) error {
	_, card, keys, err := g.s.o.Store.Lookup(ctx, tx.MSISDN)
	if errors.Is(err, mssp.ErrNotFound) || err == nil && card.ICCID != tx.ICCID {
		return nil // the number has another card, and the pair is on its way out
	}
	for i := range keys {
		k := &keys[i]
		if k.Slot != g.Slot || k.Serial != g.Serial || !k.State.Certified() {
			continue
		}
		g.s.log.Warn("the card has no key pair where a row has one", "iccid", tx.ICCID, "slot", k.Slot, "state", string(k.State))
		k.State, k.UpdatedAt = mssp.KeyDeleted, g.s.o.Clock()
		f.Keys = append(slices.DeleteFunc(f.Keys, func(o mssp.KeyPair) bool { return o.Slot == k.Slot }), *k)
	}
	return err
}
