package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/store"
)

// A call of a client of INT3 is begun once for a day, whoever asks, and has its answer then;
// after a restart of the box it has none, and nobody does it. It goes with its user, or with
// his card.
//
// Supports: I5
func TestCallsAreKept(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		l.user()
		begin := func(client, name, about string, at time.Time) (store.Call, bool) {
			l.Helper()
			c, began, err := l.BeginCall(ctx, store.Call{Client: client, Name: name, ID: fresh("c%d"), About: about, Meaning: []byte{1}, BeganAt: at}, at.Add(-24*time.Hour))
			l.ok(err)
			return c, began
		}
		first, began := begin("crm", "r 1", string(numberA), epoch)
		other, others := begin("care", "r 1", string(cardA), epoch)
		if !began || !others {
			l.Fatal("a new call is none")
		}
		again, began := begin("crm", "r 1", string(numberA), epoch.Add(24*time.Hour))
		if began || again.ID != first.ID || again.Answer != nil || again.Alive {
			l.Errorf("again: %+v, %v", again, began)
		}
		l.ok(l.EndCall(ctx, "crm", "r 1", []byte{7}))
		l.reopen()
		if c, err := l.Call(ctx, "crm", first.ID); err != nil || len(c.Answer) != 1 || c.Answer[0] != 7 || c.Name != "r 1" {
			l.Errorf("after the restart: %+v, %v", c, err)
		}
		if c, err := l.Call(ctx, "care", other.ID); err != nil || c.Answer != nil || c.Alive {
			l.Errorf("what was under way at the restart: %+v, %v", c, err)
		}
		if _, err := l.Call(ctx, "care", first.ID); !errors.Is(err, store.ErrNotFound) {
			l.Errorf("a call of somebody else: %v", err)
		}
		if c, began := begin("crm", "r 1", "", epoch.Add(24*time.Hour+1000)); !began || c.ID == first.ID {
			l.Errorf("after a day: %+v, %v", c, began)
		}

		begin("crm", "r 2", string(numberB), epoch)
		begin("crm", "r 3", string(cardA), epoch)
		begin("crm", "r 4", string(numberA), epoch)
		l.ok(l.EraseUser(ctx, numberA, epoch))
		l.names("r 1", "r 2")
		l.ok(l.TrimCalls(ctx, "crm", 1))
		l.ok(l.TrimCalls(ctx, "crm", 9))
		l.names("r 1")
		l.ok(l.ForgetCalls(ctx, epoch.Add(25*time.Hour)))
		l.names()
	})
}

// names wants these calls, and no other, in the order of their names.
func (l *lab) names(want ...string) {
	l.Helper()
	rows, err := l.raw().Query("SELECT name FROM int3_call ORDER BY name")
	l.ok(err)
	defer rows.Close()
	var have []string
	for rows.Next() {
		var name string
		l.ok(rows.Scan(&name))
		have = append(have, name)
	}
	if l.ok(rows.Err()); len(have) != len(want) {
		l.Fatalf("calls %v, want %v", have, want)
	}
	for i := range want {
		if have[i] != want[i] {
			l.Errorf("calls %v, want %v", have, want)
		}
	}
}
