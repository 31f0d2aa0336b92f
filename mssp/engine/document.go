package engine

import (
	"crypto"
	"encoding/json"
	"fmt"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
)

// op is what a transaction asks of the card; it decides how its answer is read.
type op string

const (
	opSign     op = "sign"     // SignTransaction for an AP
	opGenerate op = "generate" // SetAuthenticationHandlerData generate or replace
	opRead     op = "read"     // GetAuthenticationHandlerData public key
	opRegister op = "register" // SignTransaction(register key)
	opConfirm  op = "confirm"  // SetAuthenticationHandlerData registration confirmed
	opImport   op = "import"   // SetAuthenticationHandlerData import certificate
	opDelete   op = "delete"   // SetAuthenticationHandlerData delete
	opCode     op = "code"     // ManagePersonalCode
	opApplet   op = "applet"   // ChangeAppletStatus, SetAppletData
)

// document is Transaction.Request: with the row beside it, all that is needed
// to read the answer, also after a restart. It holds inputs and nothing that
// can be computed from them.
type document struct {
	Op        op               `json:"op"`
	Card      string           `json:"card"` // name of the card profile
	Slot      byte             `json:"slot,omitempty"`
	Usage     mssp.KeyUsage    `json:"usage,omitempty"`
	Algorithm applet.Algorithm `json:"alg,omitempty"`
	Language  string           `json:"lang,omitempty"`
	// Confirm: the message begins with "registration confirmed" for Slot (5-2).
	Confirm bool `json:"confirm,omitempty"`
	// Bad: the card had security errors before; a good answer forgives them.
	Bad bool `json:"bad,omitempty"`

	// opSign
	Format    Format      `json:"format,omitempty"`
	Serial    string      `json:"serial,omitempty"` // of the certificate
	Hash      crypto.Hash `json:"hash,omitempty"`
	Content   []byte      `json:"content,omitempty"`
	Digest    []byte      `json:"digest,omitempty"` // of the AP, when it sent no content
	Attrs     bool        `json:"attrs,omitempty"`
	At        time.Time   `json:"at,omitzero"` // signing time
	Reference string      `json:"ref,omitempty"`
	Validate  bool        `json:"validate,omitempty"`

	// opRegister
	Flow     Flow             `json:"flow,omitempty"`
	CRI      []byte           `json:"cri,omitempty"` // flow A: CertificationRequestInfo
	Template *applet.Template `json:"template,omitempty"`
	PoPSum   []byte           `json:"pop,omitempty"` // SHA-256 of the expected code

	Code   CodeOperation `json:"code,omitempty"`   // opCode
	Target AppletStatus  `json:"target,omitempty"` // opApplet
}

func (d *document) marshal() ([]byte, error) { return json.Marshal(d) }

func parseDocument(b []byte) (*document, error) {
	d := new(document)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("transaction request: %w", err)
	}
	return d, nil
}

// prepare builds the CMS that waits for the signature; the same document and
// certificate always give the same octets.
func (d *document) prepare(cert []byte, chain [][]byte) (*cms.Prepared, error) {
	return cms.Prepare(cms.Options{
		Content: d.Content, Digest: d.Digest, Detached: d.Digest != nil, Hash: d.Hash,
		SignedAttrs: d.Attrs, SigningTime: d.At, Certificate: cert, Chain: chain,
	})
}
