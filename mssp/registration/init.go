package registration

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// RegisterInit is INT3c MobileRegistration in mode register_init (5.1-1 to
// 5.1-5): it checks whether the user can be registered, and in flow A answers
// with the public key of the first pair of that usage that is not registered
// yet, having it made if there is none.
func (g *Registrar) RegisterInit(ctx context.Context, r EnrolRequest) (Enrolment, error) {
	c, err := g.eligible(ctx, &r)
	if err != nil {
		return Enrolment{}, err
	}
	return g.ready(ctx, c, &r)
}

// Room refuses what register_init would refuse before the user does anything: a card
// without a free slot, say.
func (g *Registrar) Room(ctx context.Context, r EnrolRequest) error {
	_, err := g.eligible(ctx, &r)
	return err
}

// eligible fills in the defaults of a request and checks it against card and
// profile (5.1-2). A failure ends the procedure with a reason.
func (g *Registrar) eligible(ctx context.Context, r *EnrolRequest) (*candidate, error) {
	r.named = r.Slot != 0
	if r.Usage == 0 && r.Profile != "" {
		if r.Usage = g.usageOf(r.Profile); r.Usage == 0 {
			return nil, mssp.Faultf(mssp.UnsupportedProfile, "SignatureProfile %s is not served here", r.Profile)
		}
	}
	if r.Usage != mssp.Authentication && r.Usage != mssp.NonRepudiation {
		return nil, mssp.Faultf(mssp.WrongParam, "the key usage must be authentication (1) or non-repudiation (2)")
	}
	t, err := g.registrant(ctx, r.MSISDN)
	if err == nil {
		err = g.identified(ctx, t)
	}
	if err == nil {
		err = g.popFits(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	c := &candidate{Target: t}
	if c.unknown() {
		ahead := *r // what the profile alone refuses costs no short message
		if err := g.can(c, &ahead); err != nil {
			return nil, err
		}
		if c, err = g.asked(ctx, c, r); err != nil {
			return nil, err
		}
	}
	if err := g.can(c, r); err != nil {
		return nil, err
	}
	return c, g.place(c, r)
}

// can fills in what a request leaves to the card, and refuses what the card cannot do.
// Whether it has a free slot a card knows better than our rows.
func (g *Registrar) can(t *candidate, r *EnrolRequest) error {
	if r.Flow == 0 {
		r.Flow = FlowA
	}
	if r.Algorithm == 0 {
		r.Algorithm = t.algorithm(r)
	}
	if r.Flow == FlowA && !t.Does(r.Algorithm, applet.SignsHash) {
		r.Flow = FlowB // the card makes the hash itself
	}
	r.code = applet.CodeRef(t.Profile.Code(r.Usage))
	hash, _ := applet.HashOf(engine.HashFor(r.Algorithm))
	switch {
	case r.Flow != FlowA && r.Flow != FlowB:
		return mssp.Faultf(mssp.WrongParam, "the registration flow must be A or B")
	case r.Slot > t.Profile.Slots:
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card has %d key slots, there is no slot %d", t.Profile.Slots, r.Slot)
	case t.Subscriber.Serial == "":
		return mssp.Faultf(mssp.RegistrationNOK, "the subscriber has no serial number for the certificate's subject")
	case len(t.Profile.Algorithms) == 0:
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card offers none of the algorithms of its card profile")
	case !t.Supports(r.Algorithm):
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card does not support %s", r.Algorithm)
	case !t.Does(r.Algorithm, applet.MakesPairs):
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card makes no key pairs of %s", r.Algorithm)
	case !t.Hashes(hash):
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card does not have %s, which goes with %s", hash, r.Algorithm)
	case !t.HasCode(r.Usage):
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card has one personal code, for authentication: it cannot hold a key for %s", r.Usage)
	case t.Blocked(r.Usage):
		return mssp.Faultf(mssp.PINBlocked, "the user's %s code is blocked: they must have it unblocked", r.Usage)
	case r.PoPCode != "" && r.PoP == applet.PoPNone:
		r.PoP = applet.PoPAsk
	}
	if r.Display != "" {
		if _, ok := t.ScreenText(r.Display); !ok {
			return mssp.Faultf(mssp.InappropriateData, "the text has a character that phones cannot be trusted to show")
		}
	}
	return nil
}

// usageOf is the key usage of a SignatureProfile; 0 when it is not configured.
func (g *Registrar) usageOf(uri string) mssp.KeyUsage {
	for i := range g.o.SignatureProfiles {
		if p := &g.o.SignatureProfiles[i]; p.URI == uri || slices.Contains(p.Aliases, uri) {
			return p.Usage
		}
	}
	return 0
}

// registrant is the target of a number with whole key rows: certificate
// requests are read for registrations only.
func (g *Registrar) registrant(ctx context.Context, n sms.MSISDN) (*engine.Target, error) {
	t, err := g.engine.Target(ctx, n)
	if err != nil {
		return nil, err
	}
	if t.Keys, err = g.o.Store.KeyPairs(ctx, t.Card.ICCID); err != nil {
		return nil, g.engine.Internal("reading key pairs", err)
	}
	for i := range t.Keys {
		if k := &t.Keys[i]; len(k.CSR) > 0 && !signedBy(k.CSR, k.PublicKey) {
			g.log.Error("a stored certificate request is not of the key in its slot: somebody has changed it, and it is not used", "msisdn", n, "slot", k.Slot)
			k.CSR = nil
		}
	}
	return t, nil
}

// signedBy reports whether a stored certificate request is of that key and
// signed by it. The key is under the tag of the row, the request is not.
func signedBy(csr, key []byte) bool {
	req, err := x509.ParseCertificateRequest(csr)
	return err == nil && bytes.Equal(req.RawSubjectPublicKeyInfo, key) && req.CheckSignature() == nil
}

// generate has the card make a key pair (4-6) in a slot that is empty.
func (g *Registrar) generate(ctx context.Context, c *candidate, r *EnrolRequest) (Enrolment, error) {
	t := c.Target
	res, err := g.run(ctx, t, engine.Order{
		Kind: mssp.KindHandler, Operation: opGenerate, Life: r.TimeOut, Code: r.Usage,
		Procedure: &generate{step{g: g, Slot: r.Slot, Usage: r.Usage, Algorithm: r.Algorithm}},
		Commands:  append(c.prelude(), applet.SetAuthenticationHandlerData{Slot: r.slot(), Operation: applet.HandlerGenerate}),
	})
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
	if en.PublicKey, err = g.readKey(ctx, t, r.Slot, r.Algorithm, have, r.TimeOut); err != nil {
		return Enrolment{}, err
	}
	return en, g.putKey(ctx, t, mssp.KeyPair{
		ICCID: t.Card.ICCID, Slot: r.Slot, Usage: r.Usage, Algorithm: byte(r.Algorithm),
		State: mssp.KeyGenerated, PublicKey: en.PublicKey,
	})
}

// slot describes the key slot of a request as INT6 wants it. The code that
// guards a key is the one of its usage, or the one that the card has for both.
func (r *EnrolRequest) slot() applet.Slot {
	return applet.Slot{Number: r.Slot, Usage: applet.Usage(r.Usage), Algorithm: r.Algorithm, Code: r.code}
}

// seen is the version of the row of a slot as the target has it.
func seen(t *engine.Target, slot byte) int64 {
	for i := range t.Keys {
		if t.Keys[i].Slot == slot {
			return t.Keys[i].Version
		}
	}
	return store.Absent
}

// overtaken is what a registration hears that finds another one's row in its slot.
func overtaken(now *mssp.KeyPair) *mssp.Fault {
	return mssp.Faultf(mssp.RegistrationNOK, "another registration works on slot %d (%s key, %s): begin again when it has ended",
		now.Slot, now.Usage, now.State)
}

// putKey stores a row that is still as the target has it, with what the user is told of it.
func (g *Registrar) putKey(ctx context.Context, t *engine.Target, k mssp.KeyPair, notices ...store.Notice) error {
	return g.putKeyWith(ctx, t, k, nil, notices...)
}

// putKeyWith is putKey with what else changes in the same commit.
func (g *Registrar) putKeyWith(ctx context.Context, t *engine.Target, k mssp.KeyPair, with func(*store.Situation) error, notices ...store.Notice) (err error) {
	k.UpdatedAt, k.Version = g.o.Clock(), seen(t, k.Slot)
	var texts []store.Outbound
	if with == nil {
		texts, err = g.o.Store.TellOfKeyPair(ctx, k, notices...)
	} else {
		_, texts, err = g.o.Store.ChangeWithPair(ctx, t.Subscriber.MSISDN, k, func(sit *store.Situation) error {
			sit.Notices = append(sit.Notices, notices...)
			return with(sit)
		})
	}
	if now, ok := errors.AsType[*store.Changed[mssp.KeyPair]](err); ok {
		return overtaken(&now.Row)
	}
	if err != nil {
		return g.engine.Internal("storing a key pair", err)
	}
	g.engine.SendTexts(texts)
	k.Version = max(k.Version, 0) + 1
	for i := range t.Keys {
		if t.Keys[i].Slot == k.Slot {
			t.Keys[i] = k
			return nil
		}
	}
	t.Keys = append(t.Keys, k)
	return nil
}

func enrolment(k *mssp.KeyPair) Enrolment {
	return Enrolment{
		Slot: k.Slot, Usage: k.Usage, Algorithm: applet.Algorithm(k.Algorithm), State: k.State,
		PublicKey: k.PublicKey, CSR: k.CSR, Certificate: k.CertDER, Serial: k.Serial,
	}
}
