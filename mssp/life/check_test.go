package life

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// open are a user's transactions that are not final.
func (w *world) open(u *user) []mssp.Transaction {
	txs, err := w.Store.Transactions(bg, store.TransactionFilter{ICCID: u.iccid, Open: true})
	w.OK(err)
	return txs
}

// check compares what all say when everything has ended.
func (w *world) check() {
	crl := w.crl()
	for _, u := range w.users {
		keys, err := w.Store.KeyPairs(bg, u.iccid)
		w.OK(err)
		w.checkCard(u, keys)
		w.checkCertificates(u, keys, crl)
		w.checkPrompts(u)
		w.checkNotices(u)
	}
	w.checkAudit()
	w.checkLogs()
}

// checkCard compares slots and codes with the rows.
func (w *world) checkCard(u *user, keys []mssp.KeyPair) {
	if u.state == nil {
		w.bad("%s: the card was never in contact", u.number)
		return
	}
	inUse := false
	for _, s := range u.state.Slots {
		inUse = inUse || s.Status >= applet.SlotRegistering
		k := &mssp.KeyPair{}
		if i := slices.IndexFunc(keys, func(k mssp.KeyPair) bool { return k.Slot == s.Number }); i >= 0 {
			k = &keys[i]
		}
		var may []applet.SlotStatus
		switch k.State {
		case "":
			may = []applet.SlotStatus{applet.SlotEmpty, applet.SlotGenerated}
		case mssp.KeyGenerated:
			may = []applet.SlotStatus{applet.SlotGenerated}
		case mssp.KeyRequested:
			may = []applet.SlotStatus{applet.SlotRegistering}
		case mssp.KeyRegistered, mssp.KeySuspended, mssp.KeyRevoked:
			may = []applet.SlotStatus{applet.SlotRegistering, applet.SlotRegistered}
			if k.Confirmed {
				may = []applet.SlotStatus{applet.SlotRegistered}
			}
		case mssp.KeyDeleted:
			may = []applet.SlotStatus{applet.SlotEmpty, applet.SlotGenerated} // whose answer was lost: the next registration takes it
		}
		if !slices.Contains(may, s.Status) {
			w.bad("%s: slot %d is %d on the card, and %q in its row", u.number, s.Number, s.Status, k.State)
		}
	}
	certs, err := w.Store.CertificatesOf(bg, u.iccid)
	w.OK(err)
	if inUse || slices.ContainsFunc(certs, func(c mssp.Certificate) bool { return c.Status != mssp.CertPending }) {
		return
	}
	for _, c := range u.state.Codes {
		if c.Status != applet.CodeNotSet {
			w.bad("%s: code %d is left on a card of which nothing was ever registered", u.number, c.Code)
		}
	}
}

// checkCertificates compares pairs, certificates, CRL and validation.
func (w *world) checkCertificates(u *user, keys []mssp.KeyPair, crl map[string]bool) {
	certs, err := w.Store.CertificatesOf(bg, u.iccid)
	w.OK(err)
	sit, err := w.Store.Situation(bg, u.number)
	w.OK(err)
	now := w.Clock.Now()
	for i := range certs {
		c := &certs[i]
		at := slices.IndexFunc(keys, func(k mssp.KeyPair) bool {
			return k.Serial == c.Serial || k.State == mssp.KeyRequested && keyHash(&k) == c.KeyHash
		})
		switch {
		case c.Status == mssp.CertPending:
			continue
		case at < 0 && c.Status != mssp.CertRevoked && c.NotAfter.After(now):
			w.bad("%s: certificate %s is %s, and no pair has it: %s", u.number, c.Serial, c.Status, describe(keys))
		case at >= 0 && keys[at].State == mssp.KeyRequested: // it waits for its certificate still
		case at >= 0 && keys[at].State == mssp.KeyDeleted:
			if c.Status != mssp.CertRevoked && c.NotAfter.After(now) {
				w.bad("%s: certificate %s is %s, its pair is deleted", u.number, c.Serial, c.Status)
			}
		case at >= 0 && c.Status.Of() != keys[at].State && c.NotAfter.After(now):
			w.bad("%s: certificate %s is %s, its pair %s", u.number, c.Serial, c.Status, keys[at].State)
		}
		if held := c.Status == mssp.CertSuspended || c.Status == mssp.CertRevoked; held != crl[c.Serial] && c.NotAfter.After(now) && len(c.DER) > 0 {
			w.bad("%s: certificate %s is %s, on the CRL: %v", u.number, c.Serial, c.Status, crl[c.Serial])
		}
		w.checkValidation(u, c)
	}
	for i := range keys {
		k := &keys[i]
		if k.State.Certified() && !slices.ContainsFunc(certs, func(c mssp.Certificate) bool { return c.Serial == k.Serial }) {
			w.bad("%s: the pair in slot %d is %s with a certificate that the CA has not", u.number, k.Slot, k.State)
		}
		good := k.State == mssp.KeyRegistered && !k.Ended(now)
		if good && sit.User.State == mssp.SubscriberRemoved {
			w.bad("%s has left, and the pair in slot %d is %s", u.number, k.Slot, k.State)
		}
	}
}

func keyHash(k *mssp.KeyPair) string {
	sum := sha256.Sum256(k.PublicKey)
	return hex.EncodeToString(sum[:])
}

// checkValidation compares a certificate with what a validation says of it.
func (w *world) checkValidation(u *user, c *mssp.Certificate) {
	if len(c.DER) == 0 {
		return
	}
	cert, err := x509.ParseCertificate(c.DER)
	if err != nil { // it was never signed: what stands there is the request
		return
	}
	v := w.VA.CheckCertificate(bg, cert)
	if good := c.Status == mssp.CertValid && cert.NotAfter.After(w.Clock.Now()); good != (v.Code == mssp.ValidSignature) {
		w.bad("%s: certificate %s is %s, a validation says %+v", u.number, c.Serial, c.Status, v)
	}
}

// crl are the serials on the present CRL.
func (w *world) crl() map[string]bool {
	der, _, err := w.CA.CRL(bg)
	w.OK(err)
	l, err := x509.ParseRevocationList(der)
	w.OK(err)
	on := map[string]bool{}
	for _, e := range l.RevokedCertificateEntries {
		on[strings.ToLower(e.SerialNumber.Text(16))] = true
		on["0"+strings.ToLower(e.SerialNumber.Text(16))] = true
	}
	return on
}

func describe(keys []mssp.KeyPair) string {
	var s []string
	for i := range keys {
		s = append(s, string(keys[i].State)+" "+keys[i].Serial)
	}
	return strings.Join(s, ", ")
}

// checkPrompts: nobody was asked twice, and one thing at a time.
func (w *world) checkPrompts(u *user) {
	for tx, n := range u.did {
		if n > 1 {
			w.bad("%s: the card has done transaction %08X %d times", u.number, tx, n)
		}
	}
	for _, a := range w.signed {
		n := 0
		for _, text := range u.shown {
			if strings.Contains(text, a.mark) {
				n++
			}
		}
		if n > 1+u.aborted {
			w.bad("%s: %s was shown %d times", u.number, a.mark, n)
		}
	}
	txs, err := w.Store.Transactions(bg, store.TransactionFilter{ICCID: u.iccid, Limit: 1000})
	w.OK(err)
	slices.SortFunc(txs, func(a, b mssp.Transaction) int { return a.SentAt.Compare(b.SentAt) })
	for i := range txs {
		if !txs[i].State.Final() {
			w.bad("%s: %s is %s", u.number, txs[i].ID, txs[i].State)
		}
		if i > 0 && !txs[i-1].SentAt.IsZero() && txs[i].SentAt.Before(txs[i-1].FinishedAt) && txs[i].SentAt.After(txs[i-1].SentAt) {
			w.bad("%s: %s was sent before %s had ended", u.number, txs[i].ID, txs[i-1].ID)
		}
	}
}

// checkLogs: nothing that the program itself calls an error.
func (w *world) checkLogs() {
	for line := range strings.Lines(w.Logs.String()[w.logged:]) {
		if strings.Contains(line, "level=ERROR") && !strings.Contains(line, "context canceled") && !ofDisk(line) { // the process ends
			w.bad("logged: %s", strings.TrimSpace(line))
		}
	}
}
