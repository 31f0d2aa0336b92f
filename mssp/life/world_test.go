package life

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

var bg = context.Background()

// world is one process over a database, with the users of one life.
type world struct {
	*enginetest.Lab
	t        *testing.T
	standing *standing.Standing
	worker   *ra.Worker
	policy   ra.Policy
	ca       fakeCA
	disk     *disk
	users    []*user
	number   int // of users so far
	seq      int64

	life    context.Context // of the process
	kill    context.CancelFunc
	mu      sync.Mutex
	calls   []*call
	signed  []*asked
	fates   map[string]*fate
	marks   int
	years   int
	deaths  int // of the process, in this life
	wrong   []string
	tell    bool
	now     int // counts looks
	turning *call
	logged  int
}

// call is a procedure on its way, as its caller sees it.
type call struct {
	name  string
	ended bool
	err   error
	then  func(error)
}

// bad notes what must not be.
func (w *world) bad(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	if w.tell {
		w.t.Logf("WRONG: "+format, args...)
	}
}

func (w *world) say(format string, args ...any) {
	if w.tell {
		w.t.Logf(format, args...)
	}
}

// newWorld opens a database.
func newWorld(t *testing.T) *world {
	dir := t.TempDir()
	if d, err := os.MkdirTemp("/dev/shm", "life"); err == nil { // no power is cut here: a disk only takes time
		dir = d
		t.Cleanup(func() { os.RemoveAll(d) })
	}
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Lab: enginetest.NewOn(t, store.Options{DSN: filepath.Join(dir, "life.db")}, root), t: t}
	w.CA, err = pki.Load(bg, pki.Options{Store: w.Store, Sealer: w.Vault, Clock: w.Clock.Now, LifetimeYears: 1})
	w.OK(err)
	w.VA = pki.NewVA(pki.VAOptions{CA: w.CA, Clock: w.Clock.Now})
	w.ca.w, w.OnSubmit = w, w.submit
	w.disk = &disk{Store: w.EngineStore()}
	w.Options.Store, w.Lab.Registration.Store = w.disk, w.disk
	w.Lab.Registration.CA, w.Lab.Registration.Quiet = &w.ca, false
	return w
}

// process is the end of one process and the beginning of another.
func (w *world) process() {
	if w.kill != nil {
		w.kill()
		synctest.Wait()
	}
	w.Kill()
	w.life, w.kill = context.WithCancel(bg)
	w.deaths++
	w.standing = standing.New(standing.Options{Store: w.disk, Asker: w, Clock: w.Clock.Now, Logger: w.Options.Logger})
	w.worker = ra.New(ra.Options{
		Store: w.disk, Standing: w.standing, CA: &w.ca, Phone: raPhone{w, w.Engine}, Policy: w.policy, Clock: w.Clock.Now, Logger: w.Options.Logger,
	})
	w.turning = nil
}

// begin begins a procedure; then is told how it ended.
func (w *world) begin(name string, f func(context.Context) error, then func(error)) *call {
	c := &call{name: name, then: then}
	w.calls = append(w.calls, c)
	life := w.life
	go func() {
		err := f(life)
		w.mu.Lock()
		defer w.mu.Unlock()
		c.ended, c.err = true, err
	}()
	return c
}

// look takes note of calls that have ended and of signatures that providers have got.
func (w *world) look() {
	synctest.Wait()
	w.Settle()
	synctest.Wait()
	w.now++
	w.lookAtSignatures()
	w.mu.Lock()
	var open, ended []*call
	for _, c := range w.calls {
		if c.ended {
			ended = append(ended, c)
		} else {
			open = append(open, c)
		}
	}
	w.calls = open
	w.mu.Unlock()
	for _, c := range ended {
		w.say("  %s: %v", c.name, c.err)
		w.judge(c)
		kind, _, _ := strings.Cut(c.name, " ")
		saw.add(kind + " " + outcome(c.err))
		if c.then != nil {
			c.then(c.err)
		}
	}
}

// judge refuses errors that nobody has classified.
func (w *world) judge(c *call) {
	var f *mssp.Fault
	var r *standing.Refusal
	switch {
	case c.err == nil, errors.Is(c.err, context.Canceled), errors.Is(c.err, errCA), errors.Is(c.err, store.ErrNotWritten):
	case errors.As(c.err, &f) && f.Code != mssp.InternalError:
	case errors.As(c.err, &r):
	default:
		w.bad("%s ended with an error that nobody has classified: %v", c.name, c.err)
	}
}

// turn has the RA work, when it does not.
func (w *world) turn() {
	if w.turning != nil {
		return
	}
	worker := w.worker
	w.turning = w.begin("ra", worker.Turn, func(error) { w.turning = nil })
}

// Ask has a user sign whether he leaves, as the program does.
func (w *world) Ask(ctx context.Context, n sms.MSISDN, question string) ([]byte, error) {
	t, err := w.Engine.Target(ctx, n)
	if err != nil {
		return nil, err
	}
	p := enginetest.AuthProfile
	if !t.Registered(p.Usage) {
		p.Usage = mssp.NonRepudiation
	}
	tx, err := w.Signer.Sign(ctx, signature.Request{
		AP: mssp.AP{Name: "Service"}, APTransID: rand.Text(), RequestHash: []byte(rand.Text()), MSISDN: n, Mode: mssp.Synch,
		Profile: p, MimeType: "text/plain", Content: []byte(question),
	})
	if err != nil {
		return nil, err
	}
	if tx, err = w.Signer.Wait(ctx, tx.ID); err != nil {
		return nil, err
	}
	if tx.State != mssp.Done {
		return nil, engine.FaultOf(&tx)
	}
	r, err := signature.ParseResult(&tx)
	return r.Signature, err
}

// raPhone is the RA's way to users and cards, as the program has it.
type raPhone struct {
	w *world
	e *engine.Engine
}

func (p raPhone) Deactivate(ctx context.Context, n sms.MSISDN, card ota.ICCID) error {
	return p.status(ctx, n, card, applet.StatusDeactivate)
}

func (p raPhone) Activate(ctx context.Context, n sms.MSISDN, card ota.ICCID) error {
	return p.status(ctx, n, card, applet.StatusActivate)
}

func (p raPhone) status(ctx context.Context, n sms.MSISDN, card ota.ICCID, to applet.AppletStatus) error {
	t, err := p.w.Engine.TargetAt(ctx, n, card)
	if err == nil {
		_, err = p.w.Care.ChangeStatusOf(ctx, t, to)
	}
	return err
}

func (p raPhone) Delete(ctx context.Context, n sms.MSISDN, card ota.ICCID, slot byte) error {
	_, err := p.w.Registrar.DeleteKey(ctx, n, card, slot)
	return err
}

func (p raPhone) Notice(to sms.MSISDN, language string, k notice.Kind, about string, day time.Time) store.Notice {
	return p.e.Notice(to, language, k, about, day)
}

func (p raPhone) Texts(out []store.Outbound) { p.e.SendTexts(out) }

var errCA = errors.New("the CA does not answer")

// fakeCA is the built-in CA behind a line that fails.
type fakeCA struct {
	w *world
	// lost: it does it, and its answer is lost; no: it does nothing; dies: our process ends
	// before it has answered. All for the next so many calls.
	lost, no int
	dies     bool
}

func (c *fakeCA) through(do func() error) error {
	if c.no > 0 {
		c.no--
		return errCA
	}
	err := do()
	if c.dies {
		c.dies = false
		c.w.kill()
		return context.Canceled
	}
	if c.lost > 0 {
		c.lost--
		return errCA
	}
	return err
}

func (c *fakeCA) Issue(ctx context.Context, csr []byte, sub mssp.Subscriber, u mssp.KeyUsage) (cert *x509.Certificate, err error) {
	err = c.through(func() error { cert, err = c.w.CA.Issue(ctx, csr, sub, u); return err })
	return cert, err
}

func (c *fakeCA) Revoke(ctx context.Context, serial string, reason int) error {
	return c.through(func() error { return c.w.CA.Revoke(ctx, serial, reason) })
}

func (c *fakeCA) Suspend(ctx context.Context, serial string) error {
	return c.through(func() error { return c.w.CA.Suspend(ctx, serial) })
}

func (c *fakeCA) Reactivate(ctx context.Context, serial string) error {
	return c.through(func() error {
		err := c.w.CA.Reactivate(ctx, serial)
		if err == nil {
			c.w.usable(serial)
		}
		return err
	})
}

// usages of a life, and its only algorithm: RSA pairs take long to make.
var usages = []mssp.KeyUsage{mssp.Authentication, mssp.NonRepudiation}

const algorithm = applet.ECDSAP256
