package store_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// What nobody has dated is dated by the clock of the store, and what has a date keeps it.
func TestCreatedAt(t *testing.T) {
	l := onSQLite(t)
	for _, at := range []time.Time{{}, epoch.Add(-time.Hour)} {
		want := at
		if at.IsZero() {
			want = epoch
		}
		card := mssp.Card{ICCID: "8941010000000003001", CreatedAt: at}
		ap := mssp.AP{ID: "https://date.example", CreatedAt: at}
		number := sms.MSISDN("41790003001")
		if !at.IsZero() {
			card.ICCID, ap.ID, number = "8941010000000003019", "https://dated.example", "41790003002"
		}
		l.ok(l.ImportCard(ctx, card, nil))
		l.ok(l.AddAP(ctx, ap))
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: number, ICCID: card.ICCID, State: mssp.SubscriberActive, CreatedAt: at}))
		c, err := l.Card(ctx, card.ICCID)
		l.ok(err)
		a, err := l.AP(ctx, ap.ID)
		l.ok(err)
		u, _, _, err := l.Lookup(ctx, number)
		l.ok(err)
		for what, have := range map[string]time.Time{"card": c.CreatedAt, "provider": a.CreatedAt, "user": u.CreatedAt} {
			if !have.Equal(want) {
				t.Errorf("%s of %v has the date %v", what, at, have)
			}
		}
	}
}

// A new version of the schema that cannot be made is said, and nothing is served.
func TestMigrationFails(t *testing.T) {
	dump, err := os.ReadFile("testdata/schema-v11.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.db")
	db := rawDB(t, path)
	dump = append(dump, "CREATE INDEX segment_name ON tx (seq);"...)
	for v := range 11 {
		dump = fmt.Appendf(dump, "INSERT INTO schema_version VALUES (%d, 0);", v+1)
	}
	if _, err := db.Exec(string(dump)); err != nil {
		t.Fatal(err)
	}
	db.Close()
	s, err := store.Open(ctx, store.Options{DSN: path})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "migrate to schema version 12") {
		t.Errorf("opened: %v", err)
	}
}

// How a short message stands in the row that it has ended: the length of the
// number, with the highest bit and the count of septets where it is a text, the number, the
// length of the header, header, octets.
func TestStoredMO(t *testing.T) {
	for want, mo := range map[string]bearer.MO{
		"033431370102" + "0506":     {Source: "417", UDH: []byte{2}, UD: []byte{5, 6}},
		"033431370301" + "02030506": {Source: "417", UDH: []byte{1, 2, 3}, UD: []byte{5, 6}},
		"83023431370005" + "06":     {Source: "417", UD: []byte{5, 6}, Septets: 2},
		"00" + "00":                 {},
		"0334313700" + "0506":       {Source: "417", UD: []byte{5, 6}},
		"83a03431370100" + "06":     {Source: "417", UDH: []byte{0}, UD: []byte{6}, Septets: 160},
	} {
		if have := hex.EncodeToString(store.PackMO(mo)); have != want {
			t.Errorf("%+v: %s, want %s", mo, have, want)
		}
	}
}

// Of those who have most another gives up a set, and a source its own only where no
// other has as much.
func TestWhoGivesWay(t *testing.T) {
	for range 40 { // the order of a map is another each time
		for name, tc := range map[string]struct {
			n    int64
			have map[sms.MSISDN]int64
			want sms.MSISDN
			full bool
		}{
			"there is room":        {100, map[sms.MSISDN]int64{"1": 400, "2": 500}, "", false},
			"another has as much":  {101, map[sms.MSISDN]int64{"1": 400, "2": 500}, "2", true},
			"another has more":     {101, map[sms.MSISDN]int64{"1": 10, "2": 990}, "2", true},
			"it has most itself":   {101, map[sms.MSISDN]int64{"1": 900, "2": 100}, "1", true},
			"it would have most":   {900, map[sms.MSISDN]int64{"1": 1, "2": 200}, "1", true},
			"it stands alone":      {1001, nil, "1", true},
			"of the same class it": {600, map[sms.MSISDN]int64{"1": 1, "2": 520}, "2", true},
		} {
			if most, full := store.FullRoom("1", tc.n, 1000, tc.have); most != tc.want || full != tc.full {
				t.Fatalf("%s: %q, %v", name, most, full)
			}
		}
	}
}

// Outcomes that could not be stored are stored later, with nobody's doing.
func TestKeptOutcomesAreStored(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	d := l.accept(newTx()).Dispatched
	if !l.KeepOutcomes([]store.SegmentOutcome{{ID: d.Segments[0].ID, State: store.SegAccepted, Route: "later"}}) {
		t.Fatal("they are not kept")
	}
	for {
		segs, err := l.Segments(ctx, d.Tx.ID)
		l.ok(err)
		if segs[0].Route == "later" {
			return
		}
		runtime.Gosched()
	}
}

// When one of a batch finds the disk full, nothing of the batch is written, and
// nobody in it is told that it was.
//
// Supports: F3, F6
func TestBatchOnAFullDisk(t *testing.T) {
	l := onSQLite(t)
	for i := range 3 {
		importCard(t, l.Store, benchCard(200+i))
	}
	before, err := l.Transactions(ctx, store.TransactionFilter{})
	l.ok(err)
	l.ok(l.LimitPages(8)) // enough for small ones
	var wg sync.WaitGroup
	errs := make([]error, 3)
	accept := func(i int, request []byte, f store.SealFunc) {
		tx := newTx()
		tx.ICCID, tx.Request = benchCard(200+i), request
		_, errs[i] = l.Accept(ctx, tx, nil, f)
	}
	under, on := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		accept(0, []byte("{}"), func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
			close(under)
			<-on
			return seal(tx, ks)
		})
	})
	<-under
	for i, request := range [][]byte{[]byte("{}"), bytes.Repeat([]byte("x"), 1<<20)} {
		wg.Go(func() { accept(1+i, request, seal) })
		for l.Waiting() < 1+i {
			runtime.Gosched()
		}
	}
	close(on)
	wg.Wait()
	after, err := l.Transactions(ctx, store.TransactionFilter{})
	l.ok(err)
	written := len(after) - len(before)
	for _, err := range errs {
		if err == nil {
			written--
		} else if !errors.Is(err, store.ErrNotWritten) {
			t.Errorf("%v", err)
		}
	}
	if written != 0 {
		t.Errorf("%v, and %d more were written than were said to be", errs, written)
	}
	l.ok(l.LimitPages(1 << 20))
}
