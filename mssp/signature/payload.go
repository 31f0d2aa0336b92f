package signature

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp/cms"
	"github.com/simsign/simsign/mssp/engine"
)

// payload is what the row keeps of a request: with the certificate's row, all
// that is needed to read the answer. It holds inputs and nothing that can be
// computed from them.
type payload struct {
	Slot      byte             `json:"slot"`
	Algorithm applet.Algorithm `json:"alg"`
	Format    Format           `json:"format"`
	Serial    string           `json:"serial"` // of the certificate
	Hash      crypto.Hash      `json:"hash"`
	Content   []byte           `json:"content,omitempty"`
	Digest    []byte           `json:"digest,omitempty"` // of the AP, when it sent no content
	Attrs     bool             `json:"attrs,omitempty"`
	At        time.Time        `json:"at"` // signing time
	Reference string           `json:"ref"`
	Validate  bool             `json:"validate,omitempty"`
}

// signing is one transaction: its payload, and what has been computed from it.
type signing struct {
	payload
	s        *Signer
	cert     *x509.Certificate
	prepared *cms.Prepared
	digest   []byte // what the card signs, or hashes out of the text it shows
}

// Payload is what the row keeps.
func (g *signing) Payload() ([]byte, error) { return json.Marshal(&g.payload) }

func (s *Signer) decode(b []byte) (engine.Procedure, error) {
	g := &signing{s: s}
	if err := json.Unmarshal(b, &g.payload); err != nil {
		return nil, err
	}
	return g, g.usable()
}

// usable refuses a payload that would make the program fail later on.
func (p *payload) usable() error {
	if _, ok := applet.HashOf(p.Hash); !ok {
		return fmt.Errorf("hash %d is none that a card makes", uint(p.Hash))
	}
	return nil
}

// signed is what the card signs: the hash of the content, or that of the signed
// attributes of the CMS that waits for the signature (nil for a bare one).
func (p *payload) signed(cert []byte, chain [][]byte) (*cms.Prepared, []byte, error) {
	switch {
	case p.Format == PKCS1 && p.Digest != nil:
		return nil, p.Digest, nil
	case p.Format == PKCS1:
		h := p.Hash.New()
		h.Write(p.Content)
		return nil, h.Sum(nil), nil
	}
	prepared, err := p.prepare(cert, chain)
	if err != nil {
		return nil, nil, err
	}
	return prepared, prepared.Digest(), nil
}

// prepare builds the CMS that waits for the signature; the same payload and
// certificate always give the same octets.
func (p *payload) prepare(cert []byte, chain [][]byte) (*cms.Prepared, error) {
	return cms.Prepare(cms.Options{
		Content: p.Content, Digest: p.Digest, Detached: p.Digest != nil, Hash: p.Hash,
		SignedAttrs: p.Attrs, SigningTime: p.At, Certificate: cert, Chain: chain,
	})
}
