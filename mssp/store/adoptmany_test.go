package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// More rows than one commit takes over are taken over whole, and every one is good.
func TestManyRowsAreAdopted(t *testing.T) {
	onBoth(t, func(l *lab) {
		db := l.raw()
		_, err := db.Exec("INSERT INTO meta (name, value) VALUES ('rows', $1)", []byte("old"))
		l.ok(err)
		const n = 1001 // two batches and one
		var rows []string
		for i := range n {
			rows = append(rows, fmt.Sprintf("('%04x', '', '', '', $1, 'valid', 0, 0, 0, 0, '%d')", i, i))
		}
		_, err = db.Exec(`INSERT INTO certificate (serial, iccid, msisdn, subject, der, status, reason, not_before, not_after, revoked_at, spki_sha256) VALUES `+
			strings.Join(rows, ", "), []byte{})
		l.ok(err)
		adopted, err := l.Authenticate(ctx, l.keyed())
		if err != nil || adopted != n+2 { // and the two cards
			t.Errorf("%d rows, %v", adopted, err)
		}
		if _, held, err := l.NextCRL(ctx); len(held) != 0 || err != nil {
			t.Errorf("%d of them are not good, %v", len(held), err)
		}
	})
}

// A card keeps its number, whatever the change says, and so does what is answered.
func TestChangedCardKeepsItsNumber(t *testing.T) {
	onBoth(t, func(l *lab) {
		got, err := l.ChangeCard(ctx, cardA, func(c *mssp.Card) error { c.ICCID, c.IMSI = cardB, "228010000000009"; return nil })
		l.ok(err)
		have, err := l.Card(ctx, cardA)
		l.ok(err)
		l.same("answered", have, got)
		if have.IMSI != "228010000000009" {
			t.Errorf("%+v", have)
		}
	})
}

// A box has ended for certain only when it was a process of this machine of which
// there is none any more: not one of another machine, nor one that lives, ours or not.
func TestBoxIsNoMore(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	const none = 1 << 30 // more than any system gives
	for _, tc := range []struct {
		box  store.Box
		want bool
	}{
		{store.Box{Host: host, PID: none}, true},
		{store.Box{Host: host + "x", PID: none}, false},
		{store.Box{Host: host, PID: os.Getppid()}, false},
		{store.Box{Host: host, PID: os.Getpid()}, false},
	} {
		if got := store.IsNoMore(tc.box); got != tc.want {
			t.Errorf("%+v: %v", tc.box, got)
		}
	}
}
