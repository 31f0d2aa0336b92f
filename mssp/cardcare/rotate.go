package cardcare

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// RotateKeys replaces the key of a card's applet by a random one (INT6 A7) and
// returns when the card has answered. It may be called again after whatever has
// happened: a key that is on its way stays the same until an answer under it proves it or
// the card has refused it.
func (c *Care) RotateKeys(ctx context.Context, iccid ota.ICCID) (mssp.Transaction, error) {
	t, r, o, err := c.rotation(ctx, iccid)
	if err != nil {
		return mssp.Transaction{}, err
	}
	tx, err := c.engine.Run(ctx, t, o)
	if r.Resumed && lost(err) && t.Profile.Way().Needs(t.Profile.SPI).Request {
		// Perhaps the card has dropped the old key, since it was asked under the new one by
		// a service whose rows are lost: ours are of a backup.
		tx, err = c.engine.Run(ctx, t, probe())
	}
	// Whatever the answer said: one under the new key is all that is wanted.
	proven, perr := c.engine.Proven(context.WithoutCancel(ctx), iccid, r.Next.Set)
	switch {
	case perr != nil:
		return tx, errors.Join(err, perr)
	case proven:
		return tx, c.dropKeys(ctx, t, r.Now.Set)
	case err == nil:
		err = mssp.Faultf(mssp.OTAError, "the card has said that it took the new key, and answers under the old one: the old one stays in use")
	}
	return tx, err
}

// dropKeys has a card of carriage packet forget the old key; one of own does that when it
// is asked under the new one. Should the order get lost, the next rotation says it again.
func (c *Care) dropKeys(ctx context.Context, t *engine.Target, set byte) error {
	if t.Profile.Way().Needs(t.Profile.SPI).Request {
		return nil
	}
	_, err := c.engine.Run(ctx, t, engine.Order{
		Kind: mssp.KindApplet, Operation: opRotate, Procedure: &rotate{}, Commands: []applet.Command{applet.SetKeys{Drop: set}},
	})
	if f := (*mssp.Fault)(nil); errors.As(err, &f) {
		return nil // the key was replaced all the same
	}
	return err
}

// lost reports whether nobody has answered.
func lost(err error) bool {
	f, ok := errors.AsType[*mssp.Fault](err)
	return ok && f.Code == mssp.ExpiredTransaction
}

// OrderKeys is RotateKeys for whoever does not wait.
func (c *Care) OrderKeys(ctx context.Context, iccid ota.ICCID) error {
	t, _, o, err := c.rotation(ctx, iccid)
	if err == nil {
		_, err = c.engine.Accept(ctx, t, o)
	}
	return err
}

func (c *Care) rotation(ctx context.Context, iccid ota.ICCID) (t *engine.Target, r engine.Rotation, o engine.Order, err error) {
	if t, err = c.engine.CardTarget(ctx, iccid); err != nil {
		return nil, r, o, err
	}
	if r, err = c.engine.StartRotation(ctx, t); err != nil {
		return nil, r, o, err
	}
	o = engine.Order{
		Kind: mssp.KindApplet, Operation: opRotate, Procedure: &rotate{Set: r.Next.Set},
		Numbered: func(transaction uint32) ([]applet.Command, error) {
			defer r.Clear()
			w, err := r.Now.Key.Wrap(r.Now.Set, transaction, r.Next.Set, r.Next.Key)
			cmd := applet.SetKeys{New: &w}
			if !t.Profile.Way().Needs(t.Profile.SPI).Request && r.Now.Before != r.Next.Set {
				cmd.Drop = r.Now.Before // the order that said so may have been lost
			}
			return []applet.Command{cmd}, err
		},
	}
	return t, r, o, nil
}

// probe is a question under the new key.
func probe() engine.Order {
	o := statusOrder(applet.StatusReport)
	o.Probe = true
	return o
}

// rotate is SetKeys with a new key; Set 0: without.
type rotate struct {
	Set byte `json:"set"`
}

func decodeRotate(b []byte) (engine.Procedure, error) {
	r := new(rotate)
	return r, json.Unmarshal(b, r)
}

// Payload is what the row keeps.
func (r *rotate) Payload() ([]byte, error) { return json.Marshal(r) }

// Evaluate: under which key the card has answered says what came of it, and the engine
// notes that.
func (r *rotate) Evaluate(context.Context, *mssp.Transaction, *applet.Answer) (engine.Outcome, error) {
	return engine.Outcome{Finish: done()}, nil
}

// Fault is what the operator hears.
func (r *rotate) Fault(w applet.StatusWord) *mssp.Fault {
	switch w {
	case applet.StatusMalformed:
		return mssp.Faultf(mssp.OTAError, "the card refuses the new key: what it was sent with is not the key that the card has; the old one stays in use")
	case applet.StatusSlotInUse:
		return mssp.Faultf(mssp.OTAError, "the card has a key set of that number in use; the old key stays in use")
	case applet.StatusNotSupported:
		return mssp.Faultf(mssp.OTAError, "the card cannot replace its key; the old one stays in use")
	}
	return engine.FaultOfWord(w)
}

// Abort forgets the new key when the applet has refused it, and only then: an order
// whose answer is missing may have been done.
func (r *rotate) Abort(_ context.Context, _ *mssp.Transaction, f *store.Finish) error {
	if f.Event == mssp.EventRefused && len(f.Result) > 0 {
		f.Forget = r.Set
	}
	return nil
}
