package engine

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
)

// managed is the good end of every transaction that is not a signature for an
// AP: what the answer proved goes into the rows and into the result.
func (e *Engine) managed(ctx context.Context, f *flight, a *applet.Answer) (store.Finish, error) {
	d := f.job.doc
	fin := store.Finish{Event: mssp.EventAnswered, Status: mssp.RequestOK}
	r := Result{Slot: d.Slot}
	if s := a.Find(applet.TagChangeAppletStatus); s != nil {
		r.State = s.State
	}
	var fault *mssp.Fault
	var err error
	switch d.Op {
	case opGenerate:
		fault = e.generated(f, a.Find(applet.TagSetAuthenticationHandlerData), &r, &fin)
	case opRead:
		fault = e.read(f, a.Find(applet.TagGetAuthenticationHandlerData), &r)
	case opRegister:
		fin.Status = mssp.RegistrationOK
		fault, err = e.requested(ctx, f, a.Find(applet.TagSignTransaction), &r, &fin)
	case opDelete:
		err = e.deleted(ctx, f, &fin)
	}
	if err != nil {
		return fin, err
	}
	if fault != nil {
		return failure(fault), nil
	}
	fin.Result, err = json.Marshal(&r)
	return fin, err
}

// generated takes the public key of a new pair, or its first part.
func (e *Engine) generated(f *flight, res *applet.Result, r *Result, fin *store.Finish) *mssp.Fault {
	d := f.job.doc
	switch {
	case res == nil:
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card did not say whether it made a key pair")
	case len(res.PublicKey) == 0:
		r.Part = res.Part // the rest is read, and the row written, by who asked
		return nil
	}
	spki, err := publicKeyInfo(d.Algorithm, res.PublicKey)
	if err != nil {
		return faultFrom(err)
	}
	r.PublicKey = spki
	fin.Keys = append(fin.Keys, mssp.KeyPair{
		ICCID: f.tx.ICCID, Slot: d.Slot, Usage: d.Usage, Algorithm: byte(d.Algorithm),
		State: mssp.KeyGenerated, PublicKey: spki, UpdatedAt: e.o.Clock(),
	})
	return nil
}

// read takes a public key or a part of one.
func (e *Engine) read(f *flight, res *applet.Result, r *Result) *mssp.Fault {
	if res == nil {
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card answered without a public key")
	}
	if r.Part = res.Part; r.Part != nil || len(res.PublicKey) == 0 {
		return nil
	}
	spki, err := publicKeyInfo(f.job.doc.Algorithm, res.PublicKey)
	if err != nil {
		return faultFrom(err)
	}
	r.PublicKey = spki
	return nil
}

// publicKeyInfo turns a public key of INT6 into a SubjectPublicKeyInfo and
// holds it to Annex A (3.2-8).
func publicKeyInfo(alg applet.Algorithm, raw []byte) ([]byte, error) {
	pub, err := alg.ParsePublicKey(raw)
	if err == nil {
		err = pki.CheckKey(pub)
	}
	if err != nil {
		return nil, &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the public key of the user's card is refused: " + err.Error(), Err: err}
	}
	return x509.MarshalPKIXPublicKey(pub)
}

func faultFrom(err error) *mssp.Fault {
	if f, ok := err.(*mssp.Fault); ok {
		return f
	}
	return &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the public key of the user's card is refused", Err: err}
}

// requested makes the PKCS#10 of a registration and proves that the card
// holds the private key and that the user knew the PoP code (5.1-8). Any
// fault here ends the registration, as the card's own refusals do.
func (e *Engine) requested(ctx context.Context, f *flight, res *applet.Result, r *Result, fin *store.Finish) (*mssp.Fault, error) {
	d := f.job.doc
	if res == nil || len(res.Signature) == 0 {
		return mssp.Faultf(mssp.RegistrationNOK, "the user's card answered without a signature"), nil
	}
	r.PoP = res.PoP
	if d.PoPSum != nil {
		got := sha256.Sum256([]byte(res.PoP))
		if subtle.ConstantTimeCompare(got[:], d.PoPSum) != 1 {
			return mssp.Faultf(mssp.RegistrationNOK, "the user entered another Proof of Possession code than he was given"), nil
		}
	}
	csr, err := d.request(res)
	if err != nil {
		e.log.Warn("certificate request cannot be made", "tx", f.tx.ID, "error", err)
		return mssp.Faultf(mssp.RegistrationNOK, "the answer of the user's card makes no certificate request"), nil
	}
	req, err := x509.ParseCertificateRequest(csr)
	if err == nil {
		err = req.CheckSignature()
	}
	if err != nil {
		e.log.Warn("certificate request does not verify", "tx", f.tx.ID, "error", err)
		return mssp.Faultf(mssp.RegistrationNOK, "the certificate request that the user's card signed does not verify"), nil
	}
	k, err := e.keyPair(ctx, &f.tx, d.Slot)
	if err != nil {
		return nil, err
	}
	if k == nil {
		k = &mssp.KeyPair{ICCID: f.tx.ICCID, Slot: d.Slot}
	}
	k.Usage, k.Algorithm, k.State, k.Confirmed = d.Usage, byte(d.Algorithm), mssp.KeyRequested, false
	k.PublicKey, k.CSR, k.CertDER, k.Serial = req.RawSubjectPublicKeyInfo, csr, nil, ""
	k.UpdatedAt = e.o.Clock()
	r.CSR, r.PublicKey = csr, k.PublicKey
	fin.Keys = append(fin.Keys, *k)
	return nil, nil
}

// request is the PKCS#10 of either flow.
func (d *document) request(res *applet.Result) ([]byte, error) {
	hash := cryptoHash(d.Algorithm)
	if d.Template != nil {
		return pki.CompleteTemplate(d.Template, d.Algorithm, hash, res.PublicKey, res.PoP, res.Signature)
	}
	sig, err := d.Algorithm.SignatureToASN1(res.Signature)
	if err != nil {
		return nil, err
	}
	return pki.AssembleRequest(d.CRI, hash, sig)
}

// deleted notes that a slot is empty.
func (e *Engine) deleted(ctx context.Context, f *flight, fin *store.Finish) error {
	k, err := e.keyPair(ctx, &f.tx, f.job.doc.Slot)
	if err != nil || k == nil {
		return err
	}
	k.State, k.UpdatedAt = mssp.KeyDeleted, e.o.Clock()
	fin.Keys = append(fin.Keys, *k)
	return nil
}

// abort notes what the failure of a registration means for its key: the
// applet deletes the pair of an aborted registration (5.1-9), and so does our
// row. It is called before the transaction ends, by an answer or by time.
func (e *Engine) abort(ctx context.Context, tx *mssp.Transaction, fin *store.Finish) {
	if tx.Kind != mssp.KindRegister {
		return
	}
	d, err := parseDocument(tx.Request)
	if err != nil {
		e.log.Error("reading a request document", "tx", tx.ID, "error", err)
		return
	}
	k, err := e.keyPair(ctx, tx, d.Slot)
	if err != nil || k == nil || k.State != mssp.KeyRegistering {
		return
	}
	k.State, k.UpdatedAt = mssp.KeyDeleted, e.o.Clock()
	fin.Keys = append(fin.Keys, *k)
}
