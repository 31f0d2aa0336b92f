package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// heard are the alerts of a store.
type heard []string

func (h *heard) Raise(kind, name, text string) { *h = append(*h, kind+" "+name+": "+text) }

func (h *heard) Clear(string, string) {}

// A row that is not ours is left out of a list, and does not keep anybody from the
// others; an operator hears of it, and never whose it is.
func TestAlteredRowsAreLeftOut(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.ok(l.Close())
		var alerts heard
		var log bytes.Buffer
		s, err := store.Open(ctx, store.Options{DSN: l.dsn, Clock: func() time.Time { return epoch }, Alerts: &alerts, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		l.ok(err)
		l.Store = s
		l.authenticated()
		l.fill()
		l.ok(l.AddAP(ctx, mssp.AP{ID: "https://other.example", Name: "Other"}))
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: numberB, ICCID: cardB, State: mssp.SubscriberActive}))
		db := l.raw()
		for _, c := range []struct {
			table, change, alert string
			list                 func() (string, error)
			whole, good          string
		}{
			{
				"ap", "UPDATE ap SET name = 'Mallory' WHERE id = '" + string(bank) + "'", "row ap " + string(bank) + ": is damaged",
				func() (string, error) { return listed(l.APs(ctx)) }, "Bank Other", "Other",
			},
			{
				"card", "UPDATE card SET profile = 'lab' WHERE iccid = '" + string(cardA) + "'", "row card ****0017: is damaged",
				func() (string, error) { return listed(l.Cards(ctx, "", 10)) }, string(cardA) + " " + string(cardB), string(cardB),
			},
			{
				"subscriber", "UPDATE subscriber SET name = 'Mallory' WHERE msisdn = '" + string(numberA) + "'", "row subscriber +417****01: is damaged",
				func() (string, error) { return listed(l.Subscribers(ctx, "", 10)) }, string(numberA) + " " + string(numberB), string(numberB),
			},
		} {
			if got, err := c.list(); err != nil || got != c.whole {
				l.Errorf("%s: %s, %v", c.table, got, err)
			}
			before := len(alerts)
			if log.Reset(); before != 0 && c.table == "ap" {
				l.Errorf("alerts before: %q", alerts)
			}
			_, err := db.Exec(c.change)
			l.ok(err)
			if got, err := c.list(); err != nil || got != c.good {
				l.Errorf("%s, once a row is changed: %s, %v", c.table, got, err)
			}
			if len(alerts) != before+1 || !strings.HasPrefix(alerts[len(alerts)-1], c.alert) || !strings.Contains(log.String(), "a row is left out of a list") {
				l.Errorf("%s: alerts %q, log %s", c.table, alerts[before:], &log)
			}
			for _, secret := range []string{string(numberA), string(cardA), "Mallory", "Anna"} {
				if strings.Contains(log.String()+strings.Join(alerts, ""), secret) {
					l.Errorf("%s: %s is told", c.table, secret)
				}
			}
		}
	})
}

// listed names what is in a list.
func listed[T any](all []T, err error) (string, error) {
	var names []string
	for _, v := range all {
		switch v := any(v).(type) {
		case mssp.AP:
			names = append(names, v.Name)
		case mssp.Card:
			names = append(names, string(v.ICCID))
		case mssp.Subscriber:
			names = append(names, string(v.MSISDN))
		}
	}
	return strings.Join(names, " "), err
}

// Taking over the rows of the release before goes on where it was cut off, at
// whatever statement that was: in the end all rows are good, and the mark is gone.
func TestAdoptionGoesOn(t *testing.T) {
	for at := 1; ; at++ {
		l := onSQLite(t)
		l.fill()
		l.finish(done(l.accept(newTx()).Tx))
		db := l.raw()
		_, err := db.Exec("INSERT INTO meta (name, value) VALUES ('rows', $1)", []byte("old"))
		l.ok(err)
		v := l.keyed()
		adopt := func() error { return nothing(l.Authenticate(ctx, v)) }
		f := &store.Fault{At: at}
		err = l.With(f, adopt)
		if f.Happened() != errors.Is(err, store.ErrBroken) {
			t.Fatalf("statement %d: %v", at, err)
		}
		l.ok(adopt())
		for table, read := range l.decides(db) {
			if err := read(); err != nil {
				t.Errorf("cut off at statement %d, %s: %v", at, table, err)
			}
		}
		if _, err := l.Meta(ctx, "rows"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("cut off at statement %d, the mark: %v", at, err)
		}
		if f.Over() {
			return
		}
	}
}

// The note about the clock is there as long as something is at work, and is
// written again only when the clock has gone another second.
func TestClockNote(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := newTx()
		var said []string
		note := func(ahead, noted time.Duration) {
			idle, err := l.NoteClock(ctx, ahead, noted)
			l.ok(err)
			have, err := l.ClockAhead(ctx)
			l.ok(err)
			said = append(said, fmt.Sprint(idle, " ", have))
		}
		note(time.Hour, 0) // nothing is at work
		l.accept(tx)
		note(0, 0) // the clock is right
		note(-time.Hour, 0)
		note(-time.Hour+999*time.Millisecond, -time.Hour)
		note(-time.Hour+time.Second, -time.Hour)
		note(0, -time.Hour+time.Second)
		note(time.Hour, 0)
		l.finish(done(tx))
		note(time.Hour, time.Hour)
		want := []string{"true 0s", "false 0s", "false -1h0m0s", "false -1h0m0s", "false -59m59s", "false 0s", "false 1h0m0s", "true 0s"}
		if !slices.Equal(said, want) {
			l.Errorf("%q, want %q", said, want)
		}
		l.ok(l.SetMeta(ctx, "clock", []byte{1, 2, 3, 4, 5, 6, 7}))
		_, err := l.ClockAhead(ctx)
		l.wantErr("seven octets", err, store.ErrCorrupt)
	})
}
