package registration

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"slices"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
)

// register lets a key sign its certificate request, in either flow.
type register struct {
	step
	CRI      []byte           `json:"cri,omitempty"`      // flow A: CertificationRequestInfo
	Template *applet.Template `json:"template,omitempty"` // flow B
	PoPSum   []byte           `json:"pop,omitempty"`      // SHA-256 of the expected code
	PoPID    string           `json:"popID,omitempty"`    // of the code that was made here
	Language string           `json:"language,omitempty"` // of the user
}

func (g *Registrar) decodeRegister(b []byte) (engine.Procedure, error) {
	p := &register{step: step{g: g}}
	return p, json.Unmarshal(b, p)
}

// Payload is what the row keeps.
func (p *register) Payload() ([]byte, error) { return json.Marshal(p) }

// Evaluate makes the PKCS#10 of a registration. Any fault here ends the
// registration, as the card's own refusals do; that the personal code is set
// is true all the same.
func (p *register) Evaluate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (engine.Outcome, error) {
	csr, req, pop, f := p.requested(tx, a.Find(applet.TagSignTransaction))
	var end *store.PoPEnd
	if f == nil {
		var err error
		var wrong *mssp.Fault
		if end, wrong, err = p.proves(ctx, tx, pop); err != nil {
			return engine.Outcome{}, err
		}
		if wrong != nil {
			return p.wrongPoP(tx, wrong, end), nil
		}
	}
	if f != nil {
		out := engine.Failure(f)
		out.CodeSet = true
		return out, nil
	}
	k, err := engine.KeyPair(ctx, p.g.o.Store, tx.ICCID, p.Slot)
	if err != nil {
		return engine.Outcome{}, err
	}
	if k == nil {
		k = &mssp.KeyPair{ICCID: tx.ICCID, Slot: p.Slot}
	}
	k.Usage, k.Algorithm, k.State, k.Confirmed = p.Usage, byte(p.Algorithm), mssp.KeyRequested, false
	k.PublicKey, k.CSR, k.CertDER, k.Serial = req.RawSubjectPublicKeyInfo, csr, nil, ""
	k.UpdatedAt = p.g.o.Clock()
	if p.PoPID != "" {
		pop = "" // it has done its work, and is kept nowhere
	}
	out, err := done(mssp.RegistrationOK, &Result{Slot: p.Slot, PublicKey: k.PublicKey, CSR: csr, PoP: pop})
	out.Keys, out.CodeSet, out.PoP = []mssp.KeyPair{*k}, true, end
	return out, err
}

// requested proves that the user knew the PoP code and that the card holds
// the private key (5.1-8).
func (p *register) requested(tx *mssp.Transaction, res *applet.Result) (csr []byte, req *x509.CertificateRequest, pop string, f *mssp.Fault) {
	if res == nil || len(res.Signature) == 0 {
		return nil, nil, "", mssp.Faultf(mssp.RegistrationNOK, "the user's card answered without a signature")
	}
	if p.PoPSum != nil {
		got := sha256.Sum256([]byte(res.PoP))
		if subtle.ConstantTimeCompare(got[:], p.PoPSum) != 1 {
			return nil, nil, "", mssp.Faultf(mssp.RegistrationNOK, "the user entered another Proof of Possession code than he was given")
		}
	}
	csr, err := p.request(res)
	if err != nil {
		p.g.log.Warn("certificate request cannot be made", "tx", tx.ID, "error", err)
		return nil, nil, "", mssp.Faultf(mssp.RegistrationNOK, "the answer of the user's card makes no certificate request")
	}
	if req, err = x509.ParseCertificateRequest(csr); err == nil {
		err = req.CheckSignature()
	}
	if err != nil {
		p.g.log.Warn("certificate request does not verify", "tx", tx.ID, "error", err)
		return nil, nil, "", mssp.Faultf(mssp.RegistrationNOK, "the certificate request that the user's card signed does not verify")
	}
	return csr, req, res.PoP, nil
}

// request is the PKCS#10 of either flow.
func (p *register) request(res *applet.Result) ([]byte, error) {
	hash := engine.HashFor(p.Algorithm)
	if p.Template != nil {
		return pki.CompleteTemplate(p.Template, p.Algorithm, hash, res.PublicKey, res.PoP, res.Signature)
	}
	sig, err := p.Algorithm.SignatureToASN1(res.Signature)
	if err != nil {
		return nil, err
	}
	return pki.AssembleRequest(p.CRI, hash, sig)
}

// Abort takes the key out of use (5.1-9). Where the card has deleted the pair itself our
// row says so; else the row waits until the card has said that it is gone (undo.go).
func (p *register) Abort(ctx context.Context, tx *mssp.Transaction, fin *store.Finish) error {
	p.usedUp(fin)
	p.tells(tx, fin)
	k, err := engine.KeyPair(ctx, p.g.o.Store, tx.ICCID, p.Slot)
	if err != nil || k == nil || k.State != mssp.KeyRegistering {
		return err
	}
	k.State, k.UpdatedAt = mssp.KeyAborted, p.g.o.Clock()
	if gone(fin.Result) || fin.Event == "" { // or it was never sent
		k.State = mssp.KeyDeleted
	}
	fin.Keys = append(fin.Keys, *k)
	return nil
}

// tells the user that he is not registered, where his phone does not: it has shown what failed
// on the card after a first screen, and nothing of what has never come to it.
func (p *register) tells(tx *mssp.Transaction, fin *store.Finish) {
	if len(fin.Notices) == 0 && fin.Event != "" && fin.Event != mssp.EventUndeliver && tx.State != mssp.Queued && !gone(fin.Result) {
		fin.Notices = []store.Notice{p.g.engine.Notice(tx.MSISDN, p.Language, notice.NotRegistered, string(tx.ID), time.Time{})}
	}
}

// gone reports whether a refusal of the card says that it has nothing of this
// registration: the user had seen its first screen, and then the card cleans up itself, or
// the slot was another pair's.
func gone(result []byte) bool {
	var no engine.Refusal
	if json.Unmarshal(result, &no) != nil {
		return false
	}
	_, entered := no.Word.WrongCode()
	return entered || slices.Contains([]applet.StatusWord{applet.StatusCancelled, applet.StatusNoAnswer, applet.StatusSlotInUse, applet.StatusSlotEmpty}, no.Word)
}
