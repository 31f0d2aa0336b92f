package signature

import (
	"context"
	"encoding/json"
	"fmt"

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

// Abort: a signature that was not made changes no row. A card that does not support what it
// was sent is asked what it offers now.
func (g *signing) Abort(_ context.Context, tx *mssp.Transaction, f *store.Finish) error {
	ended := mssp.Transaction{State: mssp.Failed, Result: f.Result}
	if no, err := engine.ParseRefusal(&ended); err != nil || no.Word != applet.StatusNotSupported {
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
