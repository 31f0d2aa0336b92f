package app

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// alerted is the text of an alert about retention, "" when it is not open.
func alerted(a *App, name string) string {
	for _, x := range a.alerts.Open() {
		if x.Kind == alert.Retention && x.Name == name {
			return x.Text
		}
	}
	return ""
}

// A machine that starts years ahead erases nothing early and says what to do; an
// operator who knows the date can say so, one whose date is another cannot.
func TestRetentionByAWrongClock(t *testing.T) {
	cfg := configuration(t, site+"[retention]\ntexts = \"10d\"\n")
	var ahead time.Duration
	clock := func() time.Time { return time.Now().Add(ahead) }
	a := startWith(t, Options{Config: cfg, Clock: clock})
	id := endedTx(t, a, time.Now().Add(-9*24*time.Hour))
	a.purge(t.Context())
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	ahead = 5 * 365 * 24 * time.Hour
	a = startWith(t, Options{Config: cfg, Clock: clock})
	a.purge(t.Context())
	has := func(want bool) {
		t.Helper()
		tx, err := a.core.Store.Transaction(t.Context(), id)
		if err != nil || (len(tx.Request) > 0) != want {
			t.Fatalf("%v: %+v", err, tx)
		}
	}
	has(true)
	if s := alerted(a, "clock"); !strings.Contains(s, "1825 days after") || !strings.Contains(s, "simsign retention erase --today") {
		t.Errorf("%q", s)
	}
	if i, err := a.Admin().Retention(t.Context(), operator.RetentionQuestion{}); err != nil || !strings.Contains(i.Waits, "if it is right: simsign retention erase --today") {
		t.Errorf("%+v, %v", i, err)
	}
	for _, today := range []string{"", "soon", time.Now().Format(time.DateOnly), clock().AddDate(0, 0, 3).Format(time.DateOnly)} {
		if _, err := a.Admin().EraseDue(t.Context(), operator.RetentionErase{Today: today, By: "ann"}); err == nil {
			t.Errorf("the clock is right though it is %q", today)
		}
	}
	has(true)
	i, err := a.Admin().EraseDue(t.Context(), operator.RetentionErase{Today: clock().Format(time.DateOnly), By: "ann"})
	if err != nil || i.Waits != "" || i.Kinds[0].Kind != mssp.Texts || i.Kinds[0].Erased != 1 {
		t.Errorf("%+v, %v", i, err)
	}
	has(false)
	if s := alerted(a, "clock"); s != "" {
		t.Error(s)
	}
}

// A clock that steps while the service runs, forward and back again.
func TestRetentionBesideAStep(t *testing.T) {
	var ahead time.Duration
	a := startWith(t, Options{Config: configuration(t, site+"[retention]\ntexts = \"10d\"\n"), Clock: func() time.Time { return time.Now().Add(ahead) }})
	id := endedTx(t, a, time.Now().Add(-9*24*time.Hour))
	a.purge(t.Context())
	for range 2 {
		ahead = 30 * 24 * time.Hour
		a.steady.move(ahead) // as it does when there is no work
		a.purge(t.Context())
		if tx, err := a.core.Store.Transaction(t.Context(), id); err != nil || len(tx.Request) == 0 || alerted(a, "clock") == "" {
			t.Fatalf("%+v, %v, %q", tx, err, alerted(a, "clock"))
		}
		a.steady.move(-ahead)
		ahead = 0
		a.purge(t.Context())
		if s := alerted(a, "clock"); s != "" {
			t.Errorf("corrected: %s", s)
		}
	}
}

// A database from before the first program that erases loses nothing by surprise.
func TestRetentionAfterAnUpgrade(t *testing.T) {
	cfg := configuration(t, site)
	a := startWith(t, Options{Config: cfg})
	id := endedTx(t, a, time.Now().Add(-100*24*time.Hour))
	endedTx(t, a, time.Now()) // the machine's clock is right
	forgetTurns(t, a)
	a = startWith(t, Options{Config: cfg})
	a.purge(t.Context())
	s := alerted(a, "grace")
	until := time.Now().Add(graceTime).UTC().Format(time.DateOnly)
	for _, want := range []string{"texts of 1, octets of 1 would be erased", until, "texts 90d", "write [retention]"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %q in %q", want, s)
		}
	}
	i, err := a.Admin().Retention(t.Context(), operator.RetentionQuestion{})
	if err != nil || !strings.Contains(i.Waits, until) || i.Kinds[0].Due != 1 || i.Kinds[2].Due != 0 {
		t.Errorf("%+v, %v", i, err)
	}
	if tx, err := a.core.Store.Transaction(t.Context(), id); err != nil || tx.Erased != "" {
		t.Fatalf("%+v, %v", tx, err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	written, err := config.Parse(filepath.Join(filepath.Dir(cfg.Data), "simsign.toml"), []byte(site+"[retention]\nnumbers = \"never\"\n"), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	a = startWith(t, Options{Config: written})
	a.purge(t.Context())
	if tx, err := a.core.Store.Transaction(t.Context(), id); err != nil || len(tx.Erased.List()) != 3 || alerted(a, "grace") != "" {
		t.Errorf("%v, %v, %q", tx.Erased, err, alerted(a, "grace"))
	}
}

// startWith starts a service with options and stops it with the test.
func startWith(t *testing.T, o Options) *App {
	t.Helper()
	a, err := New(o)
	if err == nil {
		err = a.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a
}

// forgetTurns stops a service and makes its database one in which nobody has
// erased yet.
func forgetTurns(t *testing.T, a *App) {
	t.Helper()
	stop(t, a)
	db, err := sql.Open("sqlite", a.cfg.Store.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DELETE FROM retention"); err != nil {
		t.Fatal(err)
	}
}

// endedTx is a transaction that began and ended at a time, of the user eraseNumber.
func endedTx(t *testing.T, a *App, at time.Time) mssp.TransID {
	t.Helper()
	ctx, st := t.Context(), a.core.Store
	const iccid = ota.ICCID("8941010000000000017")
	if _, err := st.Card(ctx, iccid); errors.Is(err, store.ErrNotFound) {
		if err := st.ImportCard(ctx, mssp.Card{ICCID: iccid, IMSI: "228010000000001", Profile: "int6", State: mssp.CardActive},
			[]mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: make([]byte, 100), Counter: make([]byte, 8)}}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := st.Transactions(ctx, store.TransactionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	n := byte(len(list) + 1)
	name := string('a' + rune(n))
	tx := mssp.Transaction{
		ID: mssp.TransID("h" + strings.Repeat(name, 25)), Kind: mssp.KindSign, AP: "urn:ap", APTransID: name, RequestHash: []byte{n},
		MSISDN: eraseNumber, ICCID: iccid, Mode: mssp.Synch, Request: []byte("text"), INT6: []byte("text"), AppletTxn: uint32(n), CreatedAt: at, Deadline: at.Add(time.Minute),
	}
	_, err = st.Accept(ctx, tx, nil, func(*mssp.Transaction, mssp.CardKeys) (store.Sealed, error) {
		return store.Sealed{Counter: make([]byte, 8), Packet: store.Packet{CNTR: ota.CNTR(n)}, Segments: []bearer.Segment{{Dest: eraseNumber, UD: []byte("octets")}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Finish(ctx, store.Finish{TxID: tx.ID, Event: mssp.EventAnswered, Status: mssp.Signature, Result: []byte("{}"), At: at}, nil); err != nil {
		t.Fatal(err)
	}
	return tx.ID
}

const eraseNumber = sms.MSISDN("41790000001")
