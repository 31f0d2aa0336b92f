package signature

import (
	"crypto/x509"
	"errors"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
	"github.com/simsign/simsign/mssp/engine"
)

// compose makes the message of a signature and completes the order.
func (s *Signer) compose(r *Request, t *engine.Target, k *mssp.KeyPair, cert *x509.Certificate, o *engine.Order) error {
	alg := applet.Algorithm(k.Algorithm)
	g := &signing{s: s, payload: payload{
		Slot: k.Slot, Algorithm: alg, Format: r.Format, Serial: k.Serial, Hash: r.Hash, Content: r.Content, Digest: r.Digest,
		Attrs: r.Profile.SignedAttributes && r.Format == CMS, At: o.At.UTC().Truncate(time.Second), Validate: r.Validate,
	}}
	if err := g.chooseHash(alg); err != nil {
		return err
	}
	if r.Format == CMS && !t.Does(alg, applet.SignsHash) {
		if _, ok := g.shownWhole(r, t); !ok {
			g.Attrs = true // the card hashes them itself
		}
	}
	if err := g.compute(cert); err != nil {
		return err
	}
	c, text, err := g.command(r, t)
	if err != nil {
		return err
	}
	if !k.Confirmed { // 5-2: in the same packet, before the first use of the key
		o.Confirms = k.Slot
		o.Commands = append(o.Commands, applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: k.Slot}, Operation: applet.HandlerConfirm})
	}
	o.Commands = append(o.Commands, c)
	o.Procedure, o.Text = g, text
	if s.engine.Watched() {
		o.Trace = g.trace(r)
	}
	return nil
}

// trace is what a watching operator sees of the request.
func (g *signing) trace(r *Request) *engine.TraceEvent {
	return &engine.TraceEvent{
		Layer: engine.LayerRequest, Direction: engine.Out, Octets: r.Content, Summary: "signature asked for by " + r.AP.Name,
		Fields: []engine.Field{
			{Name: "AP_ID", Value: string(r.AP.ID)},
			{Name: "AP_TransID", Value: r.APTransID},
			{Name: "SignatureProfile", Value: r.ProfileURI},
			{Name: "MSS_Format", Value: string(r.Format)},
			{Name: "MimeType", Value: r.MimeType},
			{Name: "reference", Value: g.Reference},
		},
	}
}

// chooseHash checks the hash of the AP, or takes the one that goes with the key.
func (p *payload) chooseHash(alg applet.Algorithm) error {
	if p.Digest != nil {
		if h, ok := applet.HashOf(p.Hash); !ok || len(p.Digest) != h.Size() {
			return mssp.Faultf(mssp.WrongParam, "the hash to be signed must be SHA-256 (32 octets), SHA-384 (48) or SHA-512 (64), have %d octets", len(p.Digest))
		}
		return nil
	}
	if len(p.Content) == 0 {
		return mssp.Faultf(mssp.MissingParam, "there is nothing to sign: DataToBeSigned is empty")
	}
	p.Hash = engine.HashFor(alg)
	return nil
}

// compute fills in what follows from payload and certificate.
func (g *signing) compute(cert *x509.Certificate) error {
	g.cert = cert
	var chain [][]byte
	if g.s.o.Chain != nil {
		chain = g.s.o.Chain()
	}
	p, digest, err := g.signed(cert.Raw, chain)
	if errors.Is(err, cms.ErrOptions) {
		return mssp.Faultf(mssp.WrongParam, "what is to be signed cannot go into a CMS: %v", err)
	}
	if err != nil {
		return g.s.engine.Internal("preparing CMS", err)
	}
	g.prepared, g.digest = p, digest
	return nil
}

// shownWhole is the text as the card can show it whole and hash exactly the AP's octets; ok is
// false when it cannot. A card that does not read UTF-8 and signs no hash has it in
// its own alphabet, where the octets are the same.
func (g *signing) shownWhole(r *Request, t *engine.Target) (text applet.Text, ok bool) {
	frame, fault := r.Screen()
	if fault != nil || !r.isText() || frame.Text != string(r.Content) || g.Attrs {
		return text, false
	}
	if t.Profile.UTF8 {
		return applet.UTF8(frame.Text), true
	}
	text, ok = applet.ScreenText(frame.Text)
	return text, ok && !t.Does(g.Algorithm, applet.SignsHash) && string(text.Octets) == string(r.Content)
}

// command is the SignTransaction: the text itself when the card can show
// it whole, otherwise a hash with a text beside it, or what the hash is made of
// where the card signs no given one. text is what could be shortened.
func (g *signing) command(r *Request, t *engine.Target) (c applet.SignTransaction, text string, err error) {
	c = applet.SignTransaction{Slot: applet.Slot{Number: g.Slot}, Mode: applet.Mode(r.Profile.Usage), Journey: applet.Journey(r.Profile.Journey)}
	c.Hash, _ = applet.HashOf(g.Hash)
	frame, fault := r.Screen()
	if fault != nil {
		return c, "", fault
	}
	if frame.Language == "" {
		frame.Language = t.Subscriber.Language
	}
	if g.Reference, err = reference(g.s.o.Rand, g.digest, []byte(frame.Text)); err != nil {
		return c, "", g.s.engine.Internal("drawing a nonce", err)
	}
	c.Reference = g.Reference
	ok := true
	show := frame.Above()
	switch whole, shown := g.shownWhole(r, t); {
	case shown:
		c.TextToSign = whole
	case g.Attrs && !t.Does(g.Algorithm, applet.SignsHash):
		c.Octets = g.prepared.Attributes()
		show = frame.String()
	default:
		c.Digest = g.digest
		show = frame.String()
	}
	if show != "" {
		c.TextToShow, ok = t.ScreenText(show)
	}
	if !ok {
		return c, frame.Text, mssp.Faultf(mssp.InappropriateData, "what is to be shown is not UTF-8: the provider's registered name must be corrected by the operator")
	}
	return c, frame.Text, nil
}
