package life

import (
	"encoding/hex"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/store"
)

// chain verifies the whole audit log.
func (w *world) chain() {
	if err := w.Store.Check(bg); err != nil {
		w.t.Errorf("the database does not hold what it must: %v", err)
	}
}

// entries are those of this life.
func (w *world) entries() []audit.Entry {
	var all []audit.Entry
	for at := w.seq; ; {
		rs, err := w.Store.AuditRecords(bg, at, 1000)
		w.OK(err)
		for i := range rs {
			e, err := rs[i].Parse()
			w.OK(err)
			all, at = append(all, e), rs[i].Seq
		}
		if len(rs) < 1000 {
			return all
		}
	}
}

func (w *world) who(secret string) string {
	tag, err := w.Vault.AppendTag(nil, "audit who", []byte(secret))
	w.OK(err)
	return hex.EncodeToString(tag)
}

// checkAudit walks the entries of each transaction over the state table, and compares the
// newest entry of each pair, certificate and user with the row.
func (w *world) checkAudit() {
	life := mssp.NewLifecycle()
	states := map[string]mssp.State{}
	latest := map[string]string{}
	for _, e := range w.entries() {
		switch e.Subject.Kind {
		case "tx":
			if e.Action == "tx.late" {
				continue
			}
			id, ev := e.Subject.Name, mssp.Event(e.Action[len("tx."):])
			if string(states[id]) != e.Before {
				w.bad("audit: %s of %s begins at %q, where it was %q", e.Action, id, e.Before, states[id])
			}
			next, _, err := life.Step(states[id], ev)
			if err != nil || string(next) != e.After {
				w.bad("audit: %s of %s goes from %q to %q: %v", e.Action, id, e.Before, e.After, err)
			}
			if err == nil && next == states[id] && ev != mssp.EventReattempt {
				w.bad("audit: %s of %s changes nothing", e.Action, id)
			}
			states[id] = mssp.State(e.After)
		case "certificate":
			latest["certificate "+e.Subject.Name] = e.After
		case "card":
			if e.Action == "key.change" {
				latest["key "+e.Subject.Who+" "+e.Detail] = e.After
			}
		case "user":
			if e.Action == "user.change" || e.Action == "user.add" {
				latest["user "+e.Subject.Who] = e.After
			}
		}
	}
	for _, u := range w.users {
		w.compare(u, states, latest)
	}
}

func (w *world) compare(u *user, states map[string]mssp.State, latest map[string]string) {
	same := func(what, row string) {
		if latest[what] != row {
			w.bad("audit: %s is %q, its row %q", what, latest[what], row)
		}
	}
	sit, err := w.Store.Situation(bg, u.number)
	w.OK(err)
	same("user "+w.who(string(u.number)), string(sit.User.State))
	keys, err := w.Store.KeyPairs(bg, u.iccid)
	w.OK(err)
	for i := range keys {
		same(fmt.Sprintf("key %s slot %d", w.who(string(u.iccid)), keys[i].Slot), string(keys[i].State))
	}
	certs, err := w.Store.CertificatesOf(bg, u.iccid)
	w.OK(err)
	for i := range certs {
		same("certificate "+certs[i].Serial, string(certs[i].Status))
	}
	txs, err := w.Store.Transactions(bg, store.TransactionFilter{ICCID: u.iccid, Limit: 1000})
	w.OK(err)
	for i := range txs {
		if states[string(txs[i].ID)] != txs[i].State {
			w.bad("audit: transaction %s is %q, its row %q", txs[i].ID, states[string(txs[i].ID)], txs[i].State)
		}
	}
}
