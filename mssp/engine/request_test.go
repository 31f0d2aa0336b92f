package engine_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// forger is a store in whose rows somebody has written: every transaction that
// an engine reads out of it is changed.
type forger struct {
	enginetest.Store
	change func(tx *mssp.Transaction)
}

func (f forger) forged(s store.SealFunc) store.SealFunc {
	return func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
		f.change(tx)
		return s(tx, ks)
	}
}

func (f forger) Finish(ctx context.Context, fin store.Finish, s store.SealFunc) (store.FinishResult, error) {
	return f.Store.Finish(ctx, fin, f.forged(s))
}

func (f forger) SealNext(ctx context.Context, i ota.ICCID, now time.Time, s store.SealFunc) (*store.Dispatched, []mssp.Transaction, error) {
	return f.Store.SealNext(ctx, i, now, f.forged(s))
}

func (f forger) Reattempt(ctx context.Context, id mssp.TransID, s store.SealFunc) (*store.Dispatched, error) {
	return f.Store.Reattempt(ctx, id, f.forged(s))
}

func (f forger) Transactions(ctx context.Context, filter store.TransactionFilter) ([]mssp.Transaction, error) {
	txs, err := f.Store.Transactions(ctx, filter)
	for i := range txs {
		f.change(&txs[i])
	}
	return txs, err
}

// forgeries are what somebody who can write the database might do to the row
// of a transaction, other being another one of the same provider.
func forgeries(other *mssp.Transaction) map[string]func(tx *mssp.Transaction) {
	return map[string]func(tx *mssp.Transaction){
		"another text for the card": func(tx *mssp.Transaction) {
			tx.INT6 = bytes.Replace(bytes.Clone(tx.INT6), []byte("hello"), []byte("Hello"), 1)
		},
		"another text in the request": func(tx *mssp.Transaction) {
			tx.Request = bytes.Replace(bytes.Clone(tx.Request), []byte(`"slot":1`), []byte(`"slot":2`), 1)
		},
		"request and message of another transaction": func(tx *mssp.Transaction) {
			tx.Request, tx.INT6, tx.AppletTxn = other.Request, other.INT6, other.AppletTxn
		},
		"another number":                 func(tx *mssp.Transaction) { tx.MSISDN = "41790000002" },
		"another card":                   func(tx *mssp.Transaction) { tx.ICCID = "8941010000000000099" },
		"another kind":                   func(tx *mssp.Transaction) { tx.Kind = mssp.KindCode },
		"another number of the applet's": func(tx *mssp.Transaction) { tx.AppletTxn++ },
		"another provider":               func(tx *mssp.Transaction) { tx.AP = "http://evil.example" },
		"another observer":               func(tx *mssp.Transaction) { tx.Observer.Name = "evil" },
		"a request as an earlier release wrote it": func(tx *mssp.Transaction) {
			tx.Request = []byte(`{"op":"code","card":"test","usage":1,"code":3}`)
		},
		"no tag": func(tx *mssp.Transaction) { tx.Request = tx.Request[:len(tx.Request)-20] },
		"empty":  func(tx *mssp.Transaction) { tx.Request = nil },
	}
}

func (f forger) ClaimCompletions(ctx context.Context, observer string, now, until time.Time, limit int) ([]store.Completion, error) {
	cs, err := f.Store.ClaimCompletions(ctx, observer, now, until, limit)
	for i := range cs {
		f.change(&cs[i].Tx)
	}
	return cs, err
}

// Where the end of a transaction is told to stands in its row too: whoever
// writes another place there has nothing sent to it.
func TestForgedObserver(t *testing.T) {
	l, e := observedLab(t)
	l.OK(l.Restart(forger{l.EngineStore(), func(tx *mssp.Transaction) {
		if tx.APTransID == "T1" {
			tx.Observer.Data = []byte("to somebody else")
		}
	}}))
	forged, right := l.Sign(observedRequest("T1")), l.Sign(observedRequest("T2"))
	for range 3 {
		sweep(l)
	}
	if e.times(forged.ID) != 0 || e.times(right.ID) != 1 {
		t.Errorf("told %d times of the forged row, %d times of the other", e.times(forged.ID), e.times(right.ID))
	}
	if log := l.Logs.String(); !strings.Contains(log, "nobody is told") || !strings.Contains(log, string(forged.ID)) {
		t.Error("the log does not say so")
	}
}

// What somebody has written into the row of a transaction never reaches a card:
// when its turn comes it is refused, and so is the answer to it after a
// restart. The log says so.
//
// Supports: 3.5.3-6
func TestForgedRequest(t *testing.T) {
	for name := range forgeries(nil) {
		for _, atCard := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, at the card %v", name, atCard), func(t *testing.T) {
				l := enginetest.New(t)
				c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
				other := l.Sign(enginetest.Request("T0", "hello"))
				c.First = false
				first, mos := l.Ask("T1")
				victim, _ := l.Ask("T2")
				if atCard {
					victim = first
				}
				change := forgeries(&other)[name]
				seen := len(c.Seen)
				l.OK(l.Restart(forger{l.EngineStore(), func(tx *mssp.Transaction) {
					if tx.ID == victim.ID {
						change(tx)
					}
				}}))
				l.Bring(mos...)
				end := l.Want(victim.ID, mssp.Failed, mssp.InternalError)
				if !strings.Contains(end.Detail, "not the one that was accepted") {
					t.Errorf("detail %q", end.Detail)
				}
				for _, p := range c.Seen[seen:] {
					if m, err := applet.Parse(p.Data); err != nil || !atCard || m.Transaction == victim.AppletTxn {
						t.Errorf("a packet has left for the card, %v", err)
					}
				}
				if log := l.Logs.String(); !strings.Contains(log, "stored request was changed") || !strings.Contains(log, string(victim.ID)) {
					t.Error("the log does not say so")
				}
			})
		}
	}
}

// A new attempt takes the message from its row too.
func TestForgedReattempt(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	evil := false
	l.OK(l.Restart(forger{l.EngineStore(), func(tx *mssp.Transaction) {
		if evil {
			tx.INT6 = bytes.Replace(bytes.Clone(tx.INT6), []byte("hello"), []byte("Hello"), 1)
		}
	}}))
	tx, mos := l.Ask("T1")
	l.Bring(mos[0]) // the other parts are missing
	seen := len(c.Seen)
	evil = true
	l.Clock.Add(16e9)
	l.Engine.Sweep(context.Background())
	l.Settle()
	if len(c.Seen) != seen || !strings.Contains(l.Logs.String(), "stored request was changed") {
		t.Errorf("%d packets have left", len(c.Seen)-seen)
	}
	l.Want(tx.ID, mssp.Waiting, 0)
}

// old writes the request of a row as the release before wrote it.
func old(t *testing.T, l *enginetest.Lab, tx *mssp.Transaction) []byte {
	t.Helper()
	_, p, err := l.Engine.Procedure(tx)
	l.OK(err)
	b, err := p.Payload()
	l.OK(err)
	d := map[string]any{}
	l.OK(json.Unmarshal(b, &d))
	d["op"], d["card"], d["lang"] = string(tx.Kind), "test", "en"
	d["usage"], d["confirm"] = mssp.Authentication, tx.Kind == mssp.KindSign
	if b, err = json.Marshal(d); err != nil {
		t.Fatal(err)
	}
	return b
}

// age makes an open transaction look as the migration finds those of the
// release before, and sets its mark.
func age(t *testing.T, l *enginetest.Lab, ids ...mssp.TransID) {
	t.Helper()
	for _, id := range ids {
		tx := l.Tx(id)
		l.Meddle(`UPDATE tx SET request = ? WHERE id = ?`, old(t, l, &tx), string(id))
	}
	l.Meddle(`INSERT OR REPLACE INTO meta (name, value) VALUES ('requests', CAST('old' AS BLOB))`)
}

// The rows that the release before has left (testdata/release2.sql, written by
// its own engine: a registration and a signature at two cards, and three that
// wait behind the signature) live on: the answers that were on their way are
// used, and the next in the queue goes out. Afterwards a request without a tag
// is refused.
//
// Supports: 3.5.3-4
func TestUpgrade(t *testing.T) {
	ctx := context.Background()
	l, answers := release2(t)
	open := func() (ids []mssp.TransID) {
		txs, err := l.Store.Transactions(ctx, store.TransactionFilter{Open: true})
		l.OK(err)
		for _, tx := range slices.Backward(txs) {
			ids = append(ids, tx.ID)
		}
		return ids
	}
	was := open()
	if len(was) != 5 {
		t.Fatalf("%d open transactions, want 5", len(was))
	}
	l.Bring(answers...)
	l.Settle()
	kinds := map[mssp.Kind]mssp.Code{}
	for _, id := range was {
		if tx := l.Tx(id); tx.State == mssp.Done {
			kinds[tx.Kind] = tx.Status
		}
	}
	if kinds[mssp.KindRegister] != mssp.RegistrationOK || kinds[mssp.KindSign] != mssp.Signature {
		t.Errorf("ended: %v", kinds)
	}
	if k := l.Key(1); !k.Confirmed {
		t.Error("the confirmation in the message is forgotten")
	}
	if _, _, ks, err := l.Store.Lookup(ctx, "41790000002"); err != nil || ks[0].State != mssp.KeyRequested {
		t.Errorf("the registration has left no request: %v", err)
	}
	waiting := open()
	if len(waiting) != 3 || l.Tx(waiting[0]).State != mssp.Waiting || len(l.Sent) != 1 {
		t.Fatalf("%d wait, %d segments have left", len(waiting), len(l.Sent))
	}

	age(t, l, waiting...) // somebody writes such requests again
	l.Kill()
	l.Clock.Add(81e9) // the one at the card is over; the next comes
	l.Engine.Sweep(ctx)
	l.Settle()
	end := l.Want(waiting[2], mssp.Failed, mssp.InternalError)
	if end.Kind != mssp.KindCode || len(l.Sent) != 1 {
		t.Errorf("%s, %d segments have left", end.Kind, len(l.Sent))
	}
}

// release2 is a laboratory on what the release before has left, and the
// answers that its phones have sent meanwhile.
func release2(t *testing.T) (*enginetest.Lab, []bearer.MO) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	rows, err := os.ReadFile("testdata/release2.sql")
	must(err)
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := sql.Open("sqlite", path)
	must(err)
	_, err = db.Exec(string(rows))
	must(errors.Join(err, db.Close()))
	var with struct {
		Root    string
		Answers []struct{ Source, UDH, UD string }
	}
	b, err := os.ReadFile("testdata/release2.json")
	must(err)
	must(json.Unmarshal(b, &with))
	octets := func(s string) []byte {
		b, err := hex.DecodeString(s)
		must(err)
		return b
	}
	file := filepath.Join(t.TempDir(), "root.key")
	must(os.WriteFile(file, octets(with.Root), 0o600))
	root, err := keys.LoadRoot(file)
	must(err)
	var mos []bearer.MO
	for _, a := range with.Answers {
		mos = append(mos, bearer.MO{Bearer: "fake", Source: sms.MSISDN(a.Source), PID: 0x7F, DCS: 0xF6, UDH: octets(a.UDH), UD: octets(a.UD)})
	}
	return enginetest.Open(t, path, root), mos
}

// The mark of an earlier release beside rows of this one is not believed.
func TestUpgradeTwice(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	_, mos := l.Ask("T1")
	forged, _ := l.Ask("T2")
	honest, _ := l.Ask("T3")
	age(t, l, forged.ID)
	l.Kill()
	l.Bring(mos...)
	l.Pump()
	l.Want(forged.ID, mssp.Failed, mssp.InternalError)
	l.Want(honest.ID, mssp.Done, mssp.Signature)
	if !strings.Contains(l.Logs.String(), "none is taken over") {
		t.Error("the log does not say so")
	}
}

// An operation that nobody has registered is refused at its turn, and an
// operation is registered once.
func TestRegister(t *testing.T) {
	e, err := engine.New(engine.Options{Store: enginetest.Store{}, Vault: noVault{}, Route: func(bearer.Destination) bearer.Bearer { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	d := func([]byte) (engine.Procedure, error) { return nil, nil }
	for _, c := range []struct {
		operation string
		ok        bool
	}{{"load", true}, {"load", false}, {"", false}} {
		if err := e.Register(c.operation, d); (err == nil) != c.ok {
			t.Errorf("%q: %v", c.operation, err)
		}
	}
}
