package registration

import (
	"context"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
)

// RegisterComplete is INT3c MobileRegistration in mode register_complete
// (5.1-6, 5.1-7): the user enters his PoP code if there is one, chooses a
// personal code if he has none, enters it, and the card signs the certificate
// request. The answer holds the PKCS#10.
func (g *Registrar) RegisterComplete(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	c, err := g.eligible(ctx, &r)
	if err != nil {
		return Enrolment{}, err
	}
	if err := g.fit(ctx, c, &r); err != nil {
		return Enrolment{}, err
	}
	t, k := c.Target, c.Slot(r.Slot)
	if k != nil && k.State == mssp.KeyRequested && len(k.CSR) > 0 {
		return enrolment(k), nil // done before; the certificate is what is missing
	}
	if k != nil && r.Flow == FlowB && len(k.PublicKey) > 0 && t.Does(r.Algorithm, applet.SignsHash) {
		r.Flow = FlowA // 5.1-7: an existing pair is kept
	}
	o, err := g.registerOrder(&r, c, k)
	if err != nil {
		return Enrolment{}, err
	}
	release, err := g.alone(ctx, t, k, r.Slot)
	if err != nil {
		return Enrolment{}, err
	}
	defer release()
	row := mssp.KeyPair{ICCID: t.Card.ICCID, Slot: r.Slot, Usage: r.Usage, Algorithm: byte(r.Algorithm)}
	was := mssp.KeyPair{ICCID: t.Card.ICCID, Slot: r.Slot, State: mssp.KeyDeleted}
	if k != nil {
		row, was = *k, *k
	}
	row.State, row.CSR, row.CertDER, row.Serial = mssp.KeyRegistering, nil, nil, ""
	if err := g.putKey(ctx, t, row); err != nil {
		return Enrolment{}, err
	}
	tx, err := g.engine.Accept(ctx, t, o)
	if err != nil {
		g.takeBack(ctx, t, was)
		return Enrolment{}, err
	}
	if tx, err = g.engine.Wait(ctx, tx.ID); err == nil && tx.State == mssp.Failed {
		err = engine.FaultOf(&tx)
	}
	if err != nil {
		return Enrolment{}, err
	}
	res, err := ParseResult(&tx)
	if err != nil {
		return Enrolment{}, g.engine.Internal("reading a result", err)
	}
	return Enrolment{
		Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm, State: mssp.KeyRequested,
		PublicKey: res.PublicKey, CSR: res.CSR, PoP: res.PoP, TransID: tx.ID,
	}, nil
}

// alone refuses a registration of a slot while another one of it is under way: the user is
// asked once. release ends what it keeps others from.
func (g *Registrar) alone(ctx context.Context, t *engine.Target, k *mssp.KeyPair, slot byte) (release func(), err error) {
	name := [2]string{string(t.Card.ICCID), string(rune(slot))}
	if _, busy := g.under.LoadOrStore(name, true); busy {
		return nil, underWay(slot)
	}
	release = func() { g.under.Delete(name) }
	if k == nil || k.State != mssp.KeyRegistering { // the row says so, and putKey finds it as it was
		return release, nil
	}
	open, err := g.open(ctx, t, slot) // also one from before a restart
	if err == nil && !open {
		return release, nil
	}
	release()
	if err != nil {
		return nil, g.engine.Internal("reading transactions", err)
	}
	return nil, underWay(slot)
}

func underWay(slot byte) *mssp.Fault {
	return mssp.Faultf(mssp.RegistrationNOK, "a registration of slot %d is under way, and the user has been asked: begin again when it has ended", slot)
}

// open reports whether the order of a registration of a slot stands in the queue.
func (g *Registrar) open(ctx context.Context, t *engine.Target, slot byte) (bool, error) {
	open, err := g.o.Store.Transactions(ctx, store.TransactionFilter{ICCID: t.Card.ICCID, Open: true, Limit: 100})
	for i := range open {
		if op, p, err := g.engine.Procedure(&open[i]); op == opRegister {
			if r, ok := p.(*register); err != nil || ok && r.Slot == slot {
				return true, nil
			}
		}
	}
	return false, err
}

// takeBack puts the row of a slot back when the order for it was not accepted (a queue that
// is full, no network): nothing has come to the card. The row stays when another one has
// changed it meanwhile, and when the order stands in the queue all the same.
func (g *Registrar) takeBack(ctx context.Context, t *engine.Target, was mssp.KeyPair) {
	ctx = context.WithoutCancel(ctx)
	open, err := g.open(ctx, t, was.Slot)
	if open {
		return
	}
	if err == nil {
		err = g.putKey(ctx, t, was)
	}
	if err != nil {
		g.log.Warn("a registration was not accepted, and its row cannot be put back: it can be begun again", "iccid", t.Card.ICCID, "slot", was.Slot, "error", err)
	}
}

// popDigits is the length of a PoP code whose value we do not know.
const popDigits = 8

// registerOrder is the SignTransaction(register key) of either flow.
func (g *Registrar) registerOrder(r *EnrolRequest, c *candidate, k *mssp.KeyPair) (engine.Order, error) {
	t := c.Target
	h, _ := applet.HashOf(engine.HashFor(r.Algorithm))
	sign := applet.SignTransaction{Slot: applet.Slot{Number: r.Slot}, Mode: applet.ModeRegister, Hash: h, PoP: r.PoP}
	d := &register{step: step{g: g, Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm}, PoPSum: popSum(r.PoPCode), PoPID: r.popID, Language: t.Subscriber.Language}
	o := engine.Order{Kind: mssp.KindRegister, Operation: opRegister, Procedure: d, Code: r.Usage, Life: r.TimeOut}
	if r.Display != "" {
		sign.TextToShow, _ = t.ScreenText(r.Display) // can has refused what does not go
	}
	subject := pki.SubjectOf(t.Subscriber)
	var err error
	switch {
	case r.Flow == FlowB:
		digits := len(r.PoPCode)
		if digits == 0 && r.PoP != applet.PoPNone && !r.PoPMade { // a code of ours is not in the request, which is kept
			digits = popDigits
		}
		sign.Slot = r.slot()
		sign.Template, err = pki.NewTemplate(subject, r.Algorithm, digits)
		d.Template = sign.Template
		o.Commands = c.prelude()
	case k == nil || len(k.PublicKey) == 0:
		return o, mssp.Faultf(mssp.RegistrationNOK, "slot %d has no key pair yet: register_init comes first", r.Slot)
	default:
		d.CRI, err = pki.RequestInfo(subject, k.PublicKey, r.PoPCode)
		hash := h.Hash().New()
		hash.Write(d.CRI)
		sign.Digest = hash.Sum(nil)
	}
	if err != nil {
		return o, &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the certificate request cannot be made: " + err.Error(), Err: err}
	}
	o.Commands = append(o.Commands, sign)
	return o, nil
}
