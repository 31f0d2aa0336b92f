package life

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/signature"
)

// asked is a provider's request.
type asked struct {
	u     *user
	mark  string
	r     signature.Request
	id    mssp.TransID
	final bool
}

// fate is since which look a certificate must not sign; 0: it may.
type fate struct{ dead, held int }

// fated notes that certificates must not sign from now on, for good or until the CA has
// re-activated them.
func (w *world) fated(serials []string, forGood bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range serials {
		f := w.fates[s]
		if f == nil {
			f = &fate{}
			w.fates[s] = f
		}
		if f.held == 0 {
			f.held = w.now
		}
		if forGood && f.dead == 0 {
			f.dead = w.now
		}
	}
}

func (w *world) usable(serial string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.fates[serial]; f != nil {
		f.held = 0
	}
}

// request is a new request for a signature.
func (w *world) request(u *user, usage mssp.KeyUsage) *asked {
	w.marks++
	mark := fmt.Sprintf("[%d]", w.marks)
	sum := sha256.Sum256([]byte(string(u.number) + mark))
	p := enginetest.AuthProfile
	p.Usage = usage
	return &asked{u: u, mark: mark, r: signature.Request{
		AP: mssp.AP{ID: "http://bank.example", Name: "Bank"}, APTransID: "T" + mark + string(u.number), Instant: 1, RequestHash: sum[:], MSISDN: u.number,
		Mode: mssp.Synch, Profile: p, MimeType: "text/plain", Content: []byte("Pay " + mark),
	}}
}

// lookAtSignatures takes what providers have got.
func (w *world) lookAtSignatures() {
	for _, a := range w.signed {
		if a.final || a.id == "" {
			continue
		}
		tx := w.Tx(a.id)
		if !tx.State.Final() {
			continue
		}
		a.final = true
		saw.add(fmt.Sprint("signature ", int(tx.Status)))
		w.say("  %s %s: %s %d %s", a.u.number, a.mark, tx.State, int(tx.Status), tx.Detail)
		if tx.State == mssp.Done {
			w.got(a, &tx)
		}
	}
}

// got checks a signature that a provider has got.
func (w *world) got(a *asked, tx *mssp.Transaction) {
	r, err := signature.ParseResult(tx)
	if err != nil || len(r.Signature) == 0 {
		w.bad("%s is done without a signature: %v", a.mark, err)
		return
	}
	cert, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		w.bad("%s: %v", a.mark, err)
		return
	}
	serial := fmt.Sprintf("%x", cert.SerialNumber.Bytes())
	c, err := w.Store.Certificate(bg, serial)
	w.OK(err)
	if c.ICCID != a.u.iccid {
		w.bad("%s was signed with the certificate of another card", a.mark)
	}
	if cert.NotAfter.Before(tx.FinishedAt) {
		w.bad("%s was signed %s after the end of its certificate", a.mark, tx.FinishedAt.Sub(cert.NotAfter).Round(time.Second))
	}
	w.mu.Lock()
	f := w.fates[serial]
	w.mu.Unlock()
	if f != nil && (f.dead > 0 && f.dead < w.now || f.held > 0 && f.held < w.now) {
		w.bad("%s was signed with a certificate that was not usable any more (%+v at look %d)", a.mark, *f, w.now)
	}
}
