package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/ota"
)

// order is one request of a provider and what became of it.
type order struct {
	ap    mssp.APID
	user  *user
	mark  string
	text  string
	reply *service.SignatureResp // the service has accepted it
	final *service.StatusResp
	fault *mssp.Fault // or it has ended so
}

// load asks for signatures until it is told that it is enough.
type load struct {
	w      *world
	enough chan struct{}
	wg     sync.WaitGroup
	mu     sync.Mutex
	orders []*order
}

func (w *world) startLoad(ctx context.Context) *load {
	l := &load{w: w, enough: make(chan struct{})}
	for _, u := range w.users {
		for _, ap := range []mssp.APID{bank, portal} { // so two wait for one card
			l.wg.Go(func() {
				c := w.client(ap)
				for n := 0; ctx.Err() == nil; n++ {
					select {
					case <-l.enough:
						return
					default:
						l.one(ctx, c, u, n)
					}
				}
			})
		}
	}
	return l
}

// one is a patient provider: as long as it does not know whether the request
// arrived it asks again with the same AP_TransID.
func (l *load) one(ctx context.Context, c *rest.Client, u *user, n int) {
	o := &order{ap: c.APID, user: u}
	o.mark = fmt.Sprintf("%c-%s-%d", c.APID[len("http://ap.example/")], string(u.number)[8:], n)
	o.text = fmt.Sprintf("Pay %d? [%s]", n, o.mark)
	l.mu.Lock()
	l.orders = append(l.orders, o)
	l.mu.Unlock()
	req := &service.SignatureReq{
		Mode: string(mssp.AsynchClientServer), User: service.MobileUser{MSISDN: u.number.String()}, Profile: authURI,
		Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: o.text},
	}
	req.AP.TransID = "T" + o.mark
	for ctx.Err() == nil && o.reply == nil && o.fault == nil { // with the Instant of the first time
		resp, err := c.Signature(ctx, req)
		if err == nil {
			o.reply = resp
		} else if o.fault = fatal(err); o.fault == nil {
			pause(ctx)
		}
	}
	for ctx.Err() == nil && o.final == nil && o.fault == nil {
		pause(ctx)
		st, err := c.Status(ctx, o.reply)
		switch {
		case err != nil:
			o.fault = fatal(err)
		case st.Status.Code != mssp.OutstandingTransaction:
			o.final = st
		}
	}
}

// fatal is a fault that ends a request; the service that stops says "ask
// again", and one that is dead says nothing.
func fatal(err error) *mssp.Fault {
	var f *mssp.Fault
	if errors.As(err, &f) && f.Code != mssp.InternalError && f.Code != mssp.UnableToProvide {
		return f
	}
	return nil
}

// pause is what a polling provider does between two questions.
func pause(ctx context.Context) {
	t := time.NewTimer(20 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// The service is killed at random moments under load and started again. What
// it accepted comes to one end, which never changes and which only the
// provider that asked can see; no counter is used for two packets; nobody is
// asked twice.
//
// Covers: I1, I2, I3, I4, I5, I7 via POST /rest/service
// Covers: 2-2d, F1, G via simsign serve
func TestKilled(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { killed(t, newWorld(t, 6, ""), 40) })
	t.Run("postgres", func(t *testing.T) { killed(t, newWorld(t, 6, postgres.DSN(t)), 12) })
}

func killed(t *testing.T, w *world, kills int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := w.serve(t)
	w.register(t, "authentication")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	l := w.startLoad(ctx)
	for range kills {
		// The moment of death is counted in steps of short messages, of which a
		// signature has about ten.
		until := w.events.Load() + rnd.Int64N(60)
		eventually(t, "so many steps on the network", func() bool { return w.events.Load() >= until })
		c.kill()
		c = w.serve(t)
	}
	close(l.enough)
	late := time.AfterFunc(patience, cancel) // what has not ended then is lost
	l.wg.Wait()
	late.Stop()
	if ctx.Err() != nil {
		t.Error("not every request came to an end")
	}
	signed := l.check(t)
	packets := w.checkCounters(t)
	w.checkPrompts(t)
	l.checkSight(t)
	c.stop(t)
	w.checkLog(t, nil)
	t.Logf("%d lives, %d requests, %d signed, %d command packets", w.lives, len(l.orders), signed, packets)
	if signed < 2*len(w.users) {
		t.Error("hardly any load")
	}
}

// check: accepted requests have ended, all with a signature, for these users
// answer everything.
func (l *load) check(t *testing.T) (signed int) {
	t.Helper()
	for _, o := range l.orders {
		switch {
		case o.fault != nil:
			t.Errorf("%s ended with %v", o.mark, o.fault)
		case o.final == nil:
			t.Errorf("%s never ended; accepted: %v", o.mark, o.reply != nil)
		case o.final.Status.Code != mssp.Signature || o.final.Signature == nil:
			t.Errorf("%s ended with %d", o.mark, o.final.Status.Code)
		default:
			if err := l.w.verify(o.final.Signature.Value, o.text, o.user.name); err != nil {
				t.Errorf("%s: %v", o.mark, err)
			}
			signed++
		}
	}
	return signed
}

// checkSight: a status is the same when it is asked for again, and another
// provider does not see it.
func (l *load) checkSight(t *testing.T) {
	t.Helper()
	clients := map[mssp.APID]*rest.Client{bank: l.w.client(bank), portal: l.w.client(portal)}
	other := map[mssp.APID]mssp.APID{bank: portal, portal: bank}
	for i, o := range l.orders {
		if o.reply == nil || o.final == nil || i%7 != 0 { // some of them
			continue
		}
		st, err := clients[o.ap].Status(t.Context(), o.reply)
		if err != nil || st.Status.Code != o.final.Status.Code || !bytes.Equal(st.Signature.Value, o.final.Signature.Value) {
			t.Errorf("%s has another end now: %v, %v", o.mark, st, err)
		}
		if st, err := clients[other[o.ap]].Status(t.Context(), o.reply); err == nil {
			t.Errorf("%s is visible to %s: %v", o.mark, other[o.ap], st.Status)
		}
	}
}

// checkCounters opens every packet that reached a card: one counter, one
// sequence of octets.
func (w *world) checkCounters(t *testing.T) (n int) {
	t.Helper()
	for _, u := range w.users {
		u.mu.Lock()
		seen := map[ota.CNTR][]byte{}
		for _, p := range u.packets {
			n++
			cmd := u.command(t, p)
			if old, ok := seen[cmd.CNTR]; ok && !bytes.Equal(old, p) {
				t.Errorf("%s got counter %s with two contents", u.name, cmd.CNTR)
			}
			seen[cmd.CNTR] = p
		}
		u.mu.Unlock()
	}
	return n
}

// checkPrompts: each text was shown once at most, and so was its code prompt.
func (w *world) checkPrompts(t *testing.T) {
	t.Helper()
	for _, u := range w.users {
		u.mu.Lock()
		for _, asked := range []map[string]int{u.texts, u.codes} {
			for mark, n := range asked {
				if mark != "" && n > 1 {
					t.Errorf("%s was asked %d times for %s", u.name, n, mark)
				}
			}
		}
		u.mu.Unlock()
	}
}

// Two services on one database: the second refuses and says who is there, on
// SQLite in the same folder, on PostgreSQL from one of its own. A command of
// the operator works beside the service there.
//
// Covers: F18, F via simsign serve
func TestSecondInstance(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		w := newWorld(t, 1, "")
		w.second(t, w.dir)
	})
	t.Run("postgres", func(t *testing.T) {
		w := newWorld(t, 1, postgres.DSN(t))
		other := t.TempDir()
		if err := os.Mkdir(filepath.Join(other, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"simsign.toml", "data/root.key"} {
			b, err := os.ReadFile(w.path(name))
			if err == nil {
				err = os.WriteFile(filepath.Join(other, name), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		w.second(t, other)
	})
}

// second starts a second service in a folder.
func (w *world) second(t *testing.T, dir string) {
	t.Helper()
	c := w.serve(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, dir, "serve")
	want := fmt.Sprintf("another simsign, box %s (pid %d on %s, since 2", host, c.cmd.Process.Pid, host)
	if r.code != 1 || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "\nhint: ") {
		t.Errorf("second service: exit code %d, %s, want %q in it", r.code, r.stderr, want)
	}
	if _, err := os.Stat(w.path("data/admin.sock")); err != nil {
		t.Errorf("the first lost its socket: %v", err)
	}
	for _, d := range []string{w.dir, dir} {
		if out := must(t, d, "ap", "list"); !strings.Contains(out, string(bank)) {
			t.Errorf("a command in %s: %s", d, out)
		}
	}
	c.stop(t)
}
