package app

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/store"
)

// clocks are a machine's: time goes on by the one, and somebody sets the other.
type clocks struct{ passed, set atomic.Int64 }

var epoch = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func (c *clocks) wall() time.Time        { return epoch.Add(c.elapsed() + time.Duration(c.set.Load())) }
func (c *clocks) elapsed() time.Duration { return time.Duration(c.passed.Load()) }

// on starts a service on these clocks.
func (c *clocks) on(t *testing.T, cfg *config.Config) *App {
	t.Helper()
	a, err := New(Options{Config: cfg, Clock: c.wall, Elapsed: c.elapsed})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// asked leaves a transaction that nobody answers: the phone is off.
func asked(t *testing.T, a *App) mssp.Transaction {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Admin().Register(ctx, operator.Registration{MSISDN: "+41790000001", Usage: "authentication"})
	}()
	for {
		txs, err := a.core.Store.Transactions(ctx, store.TransactionFilter{Open: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(txs) == 1 {
			cancel()
			<-ended
			return txs[0]
		}
		select {
		case <-ended:
			t.Fatal("nothing was asked")
		default:
		}
	}
}

// A step of the machine's clock, to whatever side, ends nothing that is under way
// and lets nothing live longer; a restart after it goes on in the time of before;
// when nothing is under way any more the service takes the machine's time.
//
// Covers: F14 via simsign serve
func TestClockSteps(t *testing.T) {
	for name, step := range map[string]time.Duration{"three hours ahead": 3 * time.Hour, "three hours back": -3 * time.Hour, "a year ahead": 8760 * time.Hour, "10 s back": -10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := configuration(t, site)
			c := &clocks{}
			c.set.Store(-int64(30 * day)) // the CA is not of today
			a := c.on(t, cfg)
			op := a.Admin()
			if _, err := op.InitCA(t.Context(), operator.CARequest{Name: "Example CA", Test: true}); err != nil {
				t.Fatal(err)
			}
			stop(t, a)
			c.set.Store(0)
			a = c.on(t, cfg)
			op = a.Admin()
			card := "iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n8941000000000000001,228010000000001,int6,1,AES128:00112233445566778899AABBCCDDEEFF,AES128:FFEEDDCCBBAA99887766554433221100,8,\n"
			if _, err := op.ImportCards(t.Context(), operator.CardImport{CSV: card}); err != nil {
				t.Fatal(err)
			}
			if _, err := op.AddUser(t.Context(), operator.UserRequest{MSISDN: "+41790000001", ICCID: "8941000000000000001", Name: "Ada Example"}); err != nil {
				t.Fatal(err)
			}
			tx := asked(t, a)
			life := tx.Deadline.Sub(tx.CreatedAt)
			c.passed.Add(int64(life / 4))
			c.set.Store(int64(step))
			due := func(when string, want int) {
				t.Helper()
				txs, err := a.core.Store.Expired(t.Context(), a.steady.now(), 10)
				if err != nil || len(txs) != want {
					t.Errorf("%s: %d transactions are due, want %d (%v)", when, len(txs), want, err)
				}
			}
			due("before the step is seen", 0)
			a.compareClocks(t.Context())
			due("after it", 0)
			if open := alertsOf(a, alert.Clock); len(open) != 1 {
				t.Errorf("alerts: %v", open)
			}
			stop(t, a)
			a = c.on(t, cfg)
			due("after a restart", 0)
			if got, err := a.core.Store.Transaction(t.Context(), tx.ID); err != nil || got.State.Final() {
				t.Errorf("after a restart: %s %q, %v", got.State, got.Detail, err)
			}
			// Its time is up when its time is up, give and take the twentieth of a second.
			c.passed.Add(int64(life*3/4 + 2*time.Second))
			if reasons := a.Ready(); slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(r, "old") }) {
				t.Errorf("the clock has moved, and the last self-check is old by it: %q", reasons)
			}
			for got := (mssp.Transaction{}); !got.State.Final(); {
				runtime.Gosched() // the sweeper looks around every few seconds
				var err error
				if got, err = a.core.Store.Transaction(t.Context(), tx.ID); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				a.compareClocks(t.Context())
			}
			open := alertsOf(a, alert.Clock)
			if off := a.steady.ahead(); off != 0 || len(open) != 0 {
				t.Errorf("nothing is under way, and the clock is %s off; open alerts: %v", off, open)
			}
			if noted, err := a.core.Store.ClockAhead(t.Context()); err != nil || noted != 0 {
				t.Errorf("%s is still noted, %v", noted, err)
			}
			stop(t, a)
		})
	}
}
