package int3

import (
	"context"
	"crypto/x509"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/registration"
)

// Enrolment is how far the registration of a key pair has come.
type Enrolment struct {
	Slot        int    `json:"slot"`
	Usage       string `json:"usage"`
	Algorithm   string `json:"algorithm"`
	State       string `json:"state,omitempty"`       // empty: there is no pair yet
	PublicKey   []byte `json:"publicKey,omitempty"`   // SubjectPublicKeyInfo, DER
	CSR         []byte `json:"csr,omitempty"`         // PKCS#10, DER
	PoP         string `json:"pop,omitempty"`         // Proof of Possession code as the user has entered it
	Certificate []byte `json:"certificate,omitempty"` // DER
	Serial      string `json:"serial,omitempty"`      // of the certificate
}

func enrolment(e registration.Enrolment, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return Enrolment{
		Slot: int(e.Slot), Usage: e.Usage.String(), Algorithm: e.Algorithm.String(), State: string(e.State),
		PublicKey: e.PublicKey, CSR: e.CSR, PoP: e.PoP, Certificate: e.Certificate, Serial: e.Serial,
	}, nil
}

// enrol is the request of a message, after the checks that are about the client, the
// profile and the policy of the card's issuer.
func (d *Desk) enrol(ctx context.Context, c *party.Client, m message) (registration.EnrolRequest, mssp.Card, error) {
	var r registration.EnrolRequest
	u, card, _, err := d.user(ctx, c, m.text("msisdn"))
	if err != nil {
		return r, card, err
	}
	r = registration.EnrolRequest{
		MSISDN: u.MSISDN, Profile: m.text("profile"), Slot: byte(m.number("slot")), Flow: registration.FlowA, PoPCode: m.text("pop"), Display: m.text("display"),
	}
	if m.text("flow") == "B" {
		r.Flow = registration.FlowB
	}
	switch r.PoPCode {
	case "":
	case "made":
		r.PoPCode, r.PoPMade = "", true
	default:
		r.PoP = applet.PoPAsk
	}
	if name := m.text("algorithm"); name != "" {
		if r.Algorithm, err = applet.ParseAlgorithm(name); err != nil {
			return r, card, no("bad-request", "algorithm: "+err.Error())
		}
	}
	r.Usage, err = d.usage(ctx, &card, m)
	return r, card, err
}

// usage is that of the profile of a message: the profile is served here, the card's
// issuer has it, and the message says no other usage.
func (d *Desk) usage(ctx context.Context, card *mssp.Card, m message) (mssp.KeyUsage, error) {
	named := func(p mssp.SignatureProfile, uri string) bool { return p.URI == uri || slices.Contains(p.Aliases, uri) }
	i := slices.IndexFunc(d.o.Profiles, func(p mssp.SignatureProfile) bool { return named(p, m.text("profile")) })
	if i < 0 {
		return 0, mssp.Faultf(mssp.UnsupportedProfile, "this signature profile is not served here")
	}
	p := d.o.Profiles[i]
	if u := m.text("usage"); u != "" && u != p.Usage.String() {
		return 0, mssp.Faultf(mssp.WrongParam, "the signature profile is for %s, not for %s", p.Usage, u)
	}
	issuer, err := d.issuer(ctx, card)
	if err != nil {
		return 0, err
	}
	if len(issuer.Profiles) > 0 && !slices.ContainsFunc(issuer.Profiles, func(uri string) bool { return named(p, uri) }) {
		return 0, no("policy", "the issuer of the card does not have this signature profile")
	}
	return p.Usage, nil
}

// issuer is that of a card; one without limits where it has none.
func (d *Desk) issuer(ctx context.Context, card *mssp.Card) (party.Issuer, error) {
	if card.Issuer == "" {
		return party.Issuer{}, nil
	}
	return d.o.Store.Issuer(ctx, card.Issuer)
}

func (d *Desk) registerInit(ctx context.Context, c *party.Client, m message) (any, error) {
	r, _, err := d.enrol(ctx, c, m)
	if err != nil {
		return nil, err
	}
	return enrolment(d.o.Registrar.RegisterInit(ctx, r))
}

func (d *Desk) registerComplete(ctx context.Context, c *party.Client, m message) (any, error) {
	r, _, err := d.enrol(ctx, c, m)
	if err != nil {
		return nil, err
	}
	return enrolment(d.o.Registrar.RegisterComplete(ctx, r))
}

func (d *Desk) register(ctx context.Context, c *party.Client, m message) (any, error) {
	r, card, err := d.enrol(ctx, c, m)
	if err != nil {
		return nil, err
	}
	issuer, err := d.issuer(ctx, &card)
	if err != nil {
		return nil, err
	}
	if len(issuer.CA) > 0 && !slices.Equal(issuer.CA, d.o.CA) {
		return nil, no("policy", "the issuer of the card has a CA of its own: use the three steps, and bring its certificate")
	}
	r.SamePair = m.text("pair") == "same"
	return enrolment(d.o.Registrar.Enrol(ctx, r))
}

// certificateStatus is the end of a registration (5.1 A 26).
func (d *Desk) certificateStatus(ctx context.Context, c *party.Client, m message) (any, error) {
	u, card, keys, err := d.user(ctx, c, m.text("msisdn"))
	if err != nil {
		return nil, err
	}
	created, der := m.text("status") == "created", m.octets("certificate")
	k := waiting(keys, m)
	switch {
	case k == nil:
		return nil, mssp.Faultf(mssp.RegistrationNOK, "no registration of this user waits for a certificate")
	case !created && der != nil:
		return nil, no("bad-request", "certificate: a refused one is none")
	case !created:
		return enrolment(d.o.Registrar.CertificateStatus(ctx, u.MSISDN, k.Slot, nil))
	case der == nil && d.o.Find != nil: // 5.1 A 26: it is fetched from a repository
		if der, err = d.o.Find(ctx, k.PublicKey); err != nil {
			return nil, err
		}
	}
	if der == nil { // no refusal (5.1-14): the pair signs nothing until the certificate is here
		return Enrolment{Slot: int(k.Slot), Usage: k.Usage.String(), Algorithm: applet.Algorithm(k.Algorithm).String(), State: string(k.State), PublicKey: k.PublicKey}, nil
	}
	if err := d.fits(ctx, &card, der); err != nil {
		return nil, err
	}
	return enrolment(d.o.Registrar.CertificateStatus(ctx, u.MSISDN, k.Slot, der))
}

// waiting is the pair that a certificate_status is about: the one in the slot, or the first
// of the usage that waits.
func waiting(keys []mssp.KeyPair, m message) *mssp.KeyPair {
	for i := range keys {
		k := &keys[i]
		if n := m.number("slot"); n != 0 && n != int(k.Slot) || k.State != mssp.KeyRequested {
			continue
		}
		if u := m.text("usage"); u == "" || u == k.Usage.String() {
			return k
		}
	}
	return nil
}

// fits: the certificate is in time, and of the CA that the card's issuer has.
func (d *Desk) fits(ctx context.Context, card *mssp.Card, der []byte) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return mssp.Faultf(mssp.ErrorCertificate, "the certificate cannot be read")
	}
	if now := d.o.Clock(); now.After(cert.NotAfter) {
		return mssp.Faultf(mssp.ErrorCertificate, "the certificate has expired")
	}
	issuer, err := d.issuer(ctx, card)
	if err != nil || len(issuer.CA) == 0 {
		return err
	}
	ca, err := x509.ParseCertificate(issuer.CA)
	if err != nil {
		return err
	}
	if cert.CheckSignatureFrom(ca) != nil {
		return mssp.Faultf(mssp.ErrorCertificate, "the certificate is not of the CA that the issuer of the card has")
	}
	return nil
}

func (d *Desk) unblock(ctx context.Context, c *party.Client, m message) (any, error) {
	return d.code(ctx, c, m, "unblock")
}

func (d *Desk) reset(ctx context.Context, c *party.Client, m message) (any, error) {
	return d.code(ctx, c, m, "reset")
}

func (d *Desk) code(ctx context.Context, c *party.Client, m message, what string) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	_, err := d.o.Operator.ManageCode(ctx, operator.CodeRequest{MSISDN: m.text("msisdn"), Usage: m.text("usage"), Operation: what})
	return nil, err
}
