package engine

import (
	"context"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// Registration binds a key pair in a card to a person (5.1). The RA asks in
// three steps: register_init makes sure that there is a key pair,
// register_complete lets the card sign a certificate request with it while
// the user enters his code, certificate_status brings the certificate. Each
// step leaves its result in the key's row, so that a step asked for again
// after an accident goes on where the first attempt ended.
//
//	flow A: generate -> public key -> PKCS#10 -> hash to the card -> signature
//	flow B: PKCS#10 with holes to the card -> public key and signature
//
// Identity and number of the person are verified before, by the RA (3.5.1-1).

// RegisterInit is INT3c MobileRegistration in mode register_init (5.1-1 to
// 5.1-5): it checks whether the user can be registered, and in flow A answers
// with the public key of the first pair of that usage that is not registered
// yet, having it made if there is none.
func (e *Engine) RegisterInit(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	t, err := e.eligible(ctx, &r)
	if err != nil {
		return Enrolment{}, err
	}
	if k := t.slot(r.Slot); k != nil && len(k.PublicKey) > 0 {
		return enrolment(k), nil // 5.1-3, 3.5.1-9: made earlier
	}
	en := Enrolment{Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm}
	if r.Flow == FlowB {
		return en, nil
	}
	return e.generate(ctx, t, &r)
}

// eligible fills in the defaults of a request and checks it against card and
// profile (5.1-2). A failure ends the procedure with a reason.
func (e *Engine) eligible(ctx context.Context, r *EnrolRequest) (*target, error) {
	if r.Usage == 0 && r.Profile != "" {
		if r.Usage = e.usageOf(r.Profile); r.Usage == 0 {
			return nil, mssp.Faultf(mssp.UnsupportedProfile, "SignatureProfile %s is not served here", r.Profile)
		}
	}
	if r.Usage != mssp.Authentication && r.Usage != mssp.NonRepudiation {
		return nil, mssp.Faultf(mssp.WrongParam, "the key usage must be authentication (1) or non-repudiation (2)")
	}
	t, err := e.registrant(ctx, r.MSISDN)
	if err != nil {
		return nil, err
	}
	if r.Flow == 0 {
		r.Flow = FlowA
	}
	if r.Algorithm == 0 && len(t.profile.Algorithms) > 0 {
		r.Algorithm = applet.Algorithm(t.profile.Algorithms[0])
	}
	switch {
	case r.Flow != FlowA && r.Flow != FlowB:
		return nil, mssp.Faultf(mssp.WrongParam, "the registration flow must be A or B")
	case t.sub.Serial == "":
		return nil, mssp.Faultf(mssp.RegistrationNOK, "the subscriber has no serial number for the certificate's subject")
	case !t.supports(r.Algorithm):
		return nil, mssp.Faultf(mssp.RegistrationNOK, "the user's card does not support %s", r.Algorithm)
	case t.blocked(r.Usage):
		return nil, mssp.Faultf(mssp.PINBlocked, "the user's %s code is blocked: they must have it unblocked", r.Usage)
	case r.PoPCode != "" && r.PoP == applet.PoPNone:
		r.PoP = applet.PoPAsk
	}
	if r.Slot == 0 {
		r.Slot = t.freeSlot(r)
	}
	if r.Slot == 0 || r.Slot > t.profile.Slots {
		return nil, mssp.Faultf(mssp.RegistrationNOK, "the user's card has %d key slots and none is free", t.profile.Slots)
	}
	if k := t.slot(r.Slot); k != nil && k.State == mssp.KeyRegistered {
		return nil, mssp.Faultf(mssp.RegistrationNOK, "slot %d holds a registered key: name another slot", r.Slot)
	}
	return t, nil
}

// usageOf is the key usage of a SignatureProfile; 0 when it is not configured.
func (e *Engine) usageOf(uri string) mssp.KeyUsage {
	for i := range e.o.SignatureProfiles {
		if p := &e.o.SignatureProfiles[i]; p.URI == uri || slices.Contains(p.Aliases, uri) {
			return p.Usage
		}
	}
	return 0
}

// registrant is the target of a number with whole key rows: certificate
// requests are read for registrations only.
func (e *Engine) registrant(ctx context.Context, n sms.MSISDN) (*target, error) {
	t, err := e.target(ctx, n)
	if err != nil {
		return nil, err
	}
	if t.keys, err = e.o.Store.KeyPairs(ctx, t.card.ICCID); err != nil {
		return nil, e.internal("reading key pairs", err)
	}
	return t, nil
}

// freeSlot is the slot of the first pair that fits and is not registered yet,
// or else the first empty slot; 0 when there is neither.
func (t *target) freeSlot(r *EnrolRequest) byte {
	for n := byte(1); n <= t.profile.Slots; n++ {
		k := t.slot(n)
		if k != nil && k.State != mssp.KeyRegistered && k.Usage == r.Usage && applet.Algorithm(k.Algorithm) == r.Algorithm {
			return n
		}
	}
	for n := byte(1); n <= t.profile.Slots; n++ {
		if t.slot(n) == nil {
			return n
		}
	}
	return 0
}

// generate has the card make a key pair (4-6). A slot that the card calls in
// use although no row of ours says so was left behind by a registration whose
// end got lost: its pair is replaced.
func (e *Engine) generate(ctx context.Context, t *target, r *EnrolRequest) (Enrolment, error) {
	slot := r.slot()
	op := applet.HandlerGenerate
	for {
		o := order{
			kind: mssp.KindHandler, life: r.TimeOut,
			doc:      document{Op: opGenerate, Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm},
			commands: append(e.activation(t), applet.SetAuthenticationHandlerData{Slot: slot, Operation: op}),
		}
		_, res, err := e.run(ctx, t, o)
		if res.Word == applet.StatusSlotInUse && op == applet.HandlerGenerate {
			op = applet.HandlerReplace
			continue
		}
		if err != nil {
			return Enrolment{}, err
		}
		en := Enrolment{Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm, State: mssp.KeyGenerated, PublicKey: res.PublicKey}
		if len(en.PublicKey) > 0 {
			return en, nil
		}
		var have []byte
		if res.Part != nil && res.Part.Offset == 0 {
			have = res.Part.Octets
		}
		if en.PublicKey, err = e.readKey(ctx, t, r.Slot, r.Algorithm, have, r.TimeOut); err != nil {
			return Enrolment{}, err
		}
		return en, e.putKey(ctx, t, mssp.KeyPair{
			ICCID: t.card.ICCID, Slot: r.Slot, Usage: r.Usage, Algorithm: byte(r.Algorithm),
			State: mssp.KeyGenerated, PublicKey: en.PublicKey,
		})
	}
}

// slot describes the key slot of a request as INT6 wants it. The code that
// guards a key is the one of its usage.
func (r *EnrolRequest) slot() applet.Slot {
	return applet.Slot{Number: r.Slot, Usage: applet.Usage(r.Usage), Algorithm: r.Algorithm, Code: applet.CodeRef(r.Usage)}
}

// activation is what goes before the first command to a card without keys, in
// the same packet (5.1-4, 5-2, 3.3-5).
func (e *Engine) activation(t *target) []applet.Command {
	for i := range t.keys {
		if t.keys[i].State == mssp.KeyRegistered {
			return nil
		}
	}
	return []applet.Command{applet.ChangeAppletStatus{To: applet.StatusActivate}}
}

func (e *Engine) putKey(ctx context.Context, t *target, k mssp.KeyPair) error {
	k.UpdatedAt = e.o.Clock()
	if err := e.o.Store.PutKeyPairs(ctx, []mssp.KeyPair{k}); err != nil {
		return e.internal("storing a key pair", err)
	}
	for i := range t.keys {
		if t.keys[i].Slot == k.Slot {
			t.keys[i] = k
			return nil
		}
	}
	t.keys = append(t.keys, k)
	return nil
}

func enrolment(k *mssp.KeyPair) Enrolment {
	return Enrolment{
		Slot: k.Slot, Usage: k.Usage, Algorithm: applet.Algorithm(k.Algorithm), State: k.State,
		PublicKey: k.PublicKey, CSR: k.CSR, Certificate: k.CertDER, Serial: k.Serial,
	}
}

// Enrol runs a whole registration with the built-in CA: register_init,
// register_complete, issue (INT11), certificate_status. What an earlier call
// has achieved is kept, so it may be called again after any accident.
func (e *Engine) Enrol(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	if e.o.CA == nil {
		return Enrolment{}, mssp.Faultf(mssp.RegistrationNOK, "there is no CA here: use the three steps of MobileRegistration")
	}
	en, err := e.RegisterInit(ctx, r)
	if err != nil {
		return en, err
	}
	r.Slot, r.Algorithm = en.Slot, en.Algorithm
	if en, err = e.RegisterComplete(ctx, r); err != nil {
		return en, err
	}
	t, err := e.target(ctx, r.MSISDN)
	if err != nil {
		return en, err
	}
	cert, err := e.o.CA.Issue(ctx, en.CSR, t.sub, r.Usage)
	if err != nil {
		_, _ = e.CertificateStatus(ctx, r.MSISDN, en.Slot, nil)
		return en, &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the CA refused the request: " + err.Error(), Err: err}
	}
	done, err := e.CertificateStatus(ctx, r.MSISDN, en.Slot, cert.Raw)
	done.PoP, done.TransID = en.PoP, en.TransID
	return done, err
}
