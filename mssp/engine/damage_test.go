package engine_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// noted are the alerts that are open.
type noted struct {
	mu   sync.Mutex
	open map[string]string
}

func (n *noted) Raise(kind, name, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open == nil {
		n.open = map[string]string{}
	}
	n.open[kind+" "+name] = text
}

func (n *noted) Clear(kind, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, kind+" "+name)
}

func (n *noted) of(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open[name]
}

// damageTables are those whose rows a running engine reads.
var damageTables = []string{
	"tx", "tx", "tx", "tx", "card", "keyset", "subscriber", "key_pair", "certificate", "packet", "segment",
	"mo_header", "mo_part", "completion", "patience", "mo_seen",
}

// Whatever happens to one value of one row, the engine starts and works on: it
// does not panic, who has nothing to do with that row gets his signature, and
// what the other gets is what he asked for, under his own provider, or a fault.
// SIMSIGN_DAMAGES and SIMSIGN_SEED try more, or others.
func TestDamagedRows(t *testing.T) {
	n, seed := uint64(60), uint64(1)
	for name, v := range map[string]*uint64{"SIMSIGN_DAMAGES": &n, "SIMSIGN_SEED": &seed} {
		if s := os.Getenv(name); s != "" {
			var err error
			if *v, err = strconv.ParseUint(s, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	seeds := []uint64{5033} // the row of a part goes elsewhere
	for i := range n {
		seeds = append(seeds, seed+i)
	}
	for _, s := range seeds {
		t.Run(strconv.FormatUint(s, 10), func(t *testing.T) { damageOne(t, rand.New(rand.NewPCG(s, 13))) })
	}
}

const otherNumber = "41790000002"

func damageOne(t *testing.T, r *rand.Rand) {
	ctx := context.Background()
	l := enginetest.New(t)
	l.Options.Alerts = &noted{}
	victim := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	l.Enrolled(otherNumber, applet.ECDSAP256, mssp.Authentication)
	l.Sign(enginetest.Request("T0", "hello"))
	victim.First = false
	first, mos := l.Ask("T1")
	second, _ := l.Ask("T2")
	l.Bring(mos[0]) // the rest comes after the damage
	ask := enginetest.Request("T3", "hello")
	ask.MSISDN = otherNumber
	other, err := l.Signer.Sign(ctx, ask)
	l.OK(err)
	otherMOs := l.Drop()
	l.Lose = true // what leaves from now on, retries of altered octets too, reaches nobody

	what := damage(t, l, r)
	if err := l.Restart(l.EngineStore()); err != nil {
		t.Fatalf("%s: the engine does not start: %v", what, err)
	}
	deliver := func(mos []bearer.MO) {
		for _, mo := range mos {
			_ = l.Engine.Deliver(ctx, mo) // the network brings again what is refused
		}
		l.Settle()
	}
	deliver(mos[1:])
	deliver(otherMOs)
	for range 4 {
		l.Clock.Add(80e9)
		l.Engine.Sweep(ctx)
		l.Settle()
	}
	if tx, err := l.Store.Transaction(ctx, other.ID); !strings.Contains(what, "of the other") && (err != nil || tx.State != mssp.Done || !signs(t, &tx, "hello")) {
		t.Errorf("%s: the other transaction is %s %d (%s)", what, tx.State, tx.Status, tx.Detail)
	}
	for _, id := range []mssp.TransID{first.ID, second.ID, other.ID} {
		tx, err := l.Store.Transaction(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // its name is what was damaged
		}
		l.OK(err)
		if !tx.State.Final() {
			t.Errorf("%s: a transaction is %s for ever", what, tx.State)
		}
		if tx.State == mssp.Done && (tx.AP != "http://bank.example" || !signs(t, &tx, "hello")) {
			t.Errorf("%s: a signature for %s over something else", what, tx.AP)
		}
	}
	if log := l.Logs.String(); strings.Contains(log, "panic=") {
		t.Errorf("%s: %s", what, log[strings.Index(log, "panic="):])
	}
}

// signs says whether the result of a transaction is a good signature of a text.
func signs(t *testing.T, tx *mssp.Transaction, text string) bool {
	t.Helper()
	res, err := signature.ParseResult(tx)
	if err != nil {
		return false
	}
	sd, _, err := cms.Parse(res.Signature)
	if err != nil {
		t.Errorf("no CMS: %v", err)
		return false
	}
	return string(sd.Content) == text
}

// damage changes one value of one row and says which.
func damage(t *testing.T, l *enginetest.Lab, r *rand.Rand) string {
	t.Helper()
	db := l.Raw()
	defer db.Close()
	for {
		table := damageTables[r.IntN(len(damageTables))]
		cols, keys, n := shape(t, db, table)
		if n == 0 {
			continue
		}
		col, row := cols[r.IntN(len(cols))], r.IntN(n)
		var was any
		var whose string
		owner := map[string]string{"tx": "msisdn", "card": "iccid", "keyset": "iccid", "subscriber": "msisdn", "key_pair": "iccid", "certificate": "msisdn", "packet": "iccid", "segment": "dest"}[table]
		if owner == "" {
			owner = "''"
		}
		if err := db.QueryRow(fmt.Sprintf("SELECT %s, %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d", col, owner, table, strings.Join(keys, ", "), row)).Scan(&was, &whose); err != nil {
			t.Fatal(err)
		}
		now := mutated(r, was)
		_, err := db.Exec(fmt.Sprintf("PRAGMA foreign_keys=OFF; UPDATE OR IGNORE %s SET %s = ? WHERE %s", table, col, rowIs(table, keys, row)), now)
		if err != nil {
			continue // a constraint of the table forbids it
		}
		what := fmt.Sprintf("%s.%s from %.60q to %.60q", table, col, was, now)
		if strings.HasSuffix(whose, "0002") {
			what += " of the other"
		}
		return what
	}
}

// rowIs names a row by the values of its primary key.
func rowIs(table string, keys []string, row int) string {
	var conds []string
	for _, k := range keys {
		conds = append(conds, fmt.Sprintf("%s = (SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d)", k, k, table, strings.Join(keys, ", "), row))
	}
	return strings.Join(conds, " AND ")
}

// shape is the columns of a table, those of its key, and how many rows it has.
func shape(t *testing.T, db *sql.DB, table string) (cols, keys []string, n int) {
	t.Helper()
	rows, err := db.Query("SELECT name, pk FROM pragma_table_info(?)", table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var pk int
		if err := rows.Scan(&name, &pk); err != nil {
			t.Fatal(err)
		}
		if cols = append(cols, name); pk > 0 {
			keys = append(keys, name)
		}
	}
	if err := db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return cols, keys, n
}

// mutated is another value: a bit of it flipped, mostly; or one of another
// type, or none.
func mutated(r *rand.Rand, v any) any {
	if r.IntN(8) == 0 {
		return []any{"", []byte{}, int64(-1), int64(1) << 62, "\xff\x00x", []byte{0xFF}, "9999999999999999999999"}[r.IntN(7)]
	}
	switch v := v.(type) {
	case int64:
		return v ^ 1<<r.IntN(63)
	case string:
		return flipped(r, v)
	case []byte:
		return []byte(flipped(r, string(v)))
	}
	return int64(r.IntN(100))
}

func flipped(r *rand.Rand, s string) string {
	if s == "" {
		return "x"
	}
	b := []byte(s)
	b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	return string(b)
}

// A transaction that makes the program fail, when its answer is judged or when
// its turn comes, is set aside with fault 900 and an alert; the service and the
// others go on, and the next start does not meet it again.
func TestPanicIsOneTransactionsOwn(t *testing.T) {
	for _, at := range []string{"answer", "turn"} {
		t.Run(at, func(t *testing.T) {
			l := enginetest.New(t)
			l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
			alerts, p := &noted{}, &poison{}
			l.Options.Alerts, l.Options.Vault = alerts, poisonedVault{l.Vault, p}
			l.OK(l.Restart(poisonedStore{l.EngineStore(), p}))
			txs := make([]mssp.Transaction, 3)
			var mos []bearer.MO
			for i := range txs {
				var more []bearer.MO
				txs[i], more = l.Ask(fmt.Sprintf("T%d", i))
				mos = append(mos, more...)
			}
			bad := txs[0].ID
			if at == "turn" {
				bad = txs[1].ID
			}
			p.at = at
			l.Bring(mos...)
			l.Pump()
			end := l.Want(bad, mssp.Failed, mssp.InternalError)
			if !strings.Contains(end.Detail, "set aside") || !strings.Contains(alerts.of("transaction "+string(bad)), "set aside") {
				t.Errorf("detail %q, alerts %q", end.Detail, alerts.open)
			}
			if log := l.Logs.String(); !strings.Contains(log, "the program has failed") || !strings.Contains(log, string(bad)) {
				t.Error("the log does not say so")
			}
			for _, tx := range txs {
				if tx.ID != bad {
					l.Want(tx.ID, mssp.Done, mssp.Signature)
				}
			}
			l.OK(l.Store.Check(context.Background()))
			l.Kill()
		})
	}
}

// poison makes the program fail once.
type poison struct{ at string }

func (p *poison) take(at string) {
	if p.at == at {
		p.at = ""
		panic("poison")
	}
}

type poisonedStore struct {
	enginetest.Store
	*poison
}

// KeyPairs is asked for when the answer confirms a key.
func (p poisonedStore) KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error) {
	p.take("answer")
	return p.Store.KeyPairs(ctx, iccid)
}

func (p poisonedStore) Reach(ctx context.Context, tx *mssp.Transaction) (mssp.Reach, error) {
	p.take("time")
	return p.Store.Reach(ctx, tx)
}

// And so is one that makes it fail when its time is up.
func TestPanicAtItsTime(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	alerts, p := &noted{}, &poison{}
	l.Options.Alerts = alerts
	l.OK(l.Restart(poisonedStore{l.EngineStore(), p}))
	bad, _ := l.Ask("T1")
	l.Clock.Add(40 * time.Second)
	next, _ := l.Ask("T2")
	c.Mute, p.at = false, "time"
	l.Clock.Add(41 * time.Second)
	l.Engine.Sweep(context.Background())
	l.Settle()
	end := l.Want(bad.ID, mssp.Failed, mssp.InternalError)
	if end.Ended != mssp.EventSetAside || !strings.Contains(alerts.of("transaction "+string(bad.ID)), "set aside") {
		t.Errorf("it has ended by %q, alerts %q", end.Ended, alerts.open)
	}
	l.Pump()
	l.Want(next.ID, mssp.Done, mssp.Signature)
}

type poisonedVault struct {
	engine.Vault
	*poison
}

func (p poisonedVault) OpenCounter(iccid ota.ICCID, kvn byte, blob []byte) (ota.CNTR, error) {
	p.take("turn")
	return p.Vault.OpenCounter(iccid, kvn, blob)
}
