package walk

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

var ctx = context.Background()

// kind is what a step is.
type kind string

const (
	sending   kind = "message" // leaves for the card
	screen    kind = "screen"  // is shown to the user
	answering kind = "answer"  // leaves the card
	asking    kind = "CA"      // is asked
	calling   kind = "RA"      // has called, and may call again or not
	telling   kind = "text"    // to the user, which ends a duty
)

// site is a step of a procedure.
type site struct {
	kind   kind
	what   string // the operation, the call
	screen string // what the user is asked for; of a message: the command that matters
}

func (s site) String() string {
	if s.screen != "" {
		return fmt.Sprintf("%s %s of %s", s.kind, s.screen, s.what)
	}
	return fmt.Sprintf("%s %s", s.kind, s.what)
}

// world is a server with its CA and RA, and a user after the other.
type world struct {
	*testing.T
	*enginetest.Lab
	standing *standing.Standing
	worker   *ra.Worker
	policy   ra.Policy
	p        *procedure
	users    int
	cards    int
	back     time.Duration // by which the clock of the CA is slow

	lock  sync.Mutex
	seen  []site // of the present walk
	shot  int    // the step at which the reason happens; -1: none
	why   *reason
	fired bool
	late  bool         // time goes by without an answer
	tx    mssp.TransID // that was at the card when it happened
}

func newWorld(t *testing.T) *world {
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, Lab: enginetest.NewOn(t, store.Options{DSN: filepath.Join(memory(t), "walk.db")}, root), shot: -1}
	w.Registration.CA, w.Registration.Sums, w.Registration.Quiet = (*shyCA)(w), w.Vault, false
	w.Clock.Add(2 * 365 * 24 * time.Hour) // so that the clock of the CA may be slow
	w.CA, err = pki.Load(ctx, pki.Options{Store: w.Store, Sealer: w.Vault, LifetimeYears: 1, Clock: func() time.Time { return w.Clock.Now().Add(-w.back) }})
	w.ok(err)
	w.VA = pki.NewVA(pki.VAOptions{CA: w.CA, Clock: w.Clock.Now})
	return w
}

// memory is a folder that costs no disk where the system has one: what a power cut leaves
// is not asked here.
func memory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "walk")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (w *world) ok(err error) {
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
}

// restart leaves everything as a crash does. What the cards have sent is not lost with it:
// the network brings it again.
func (w *world) restart() {
	mos := w.Drop()
	w.Kill()
	w.standing = standing.New(standing.Options{Store: w.Store, Asker: asker{w}, Clock: w.Clock.Now, Logger: w.Options.Logger})
	w.worker = ra.New(ra.Options{
		Store: w.Store, Standing: w.standing, CA: (*shyCA)(w), Phone: hands{w}, Policy: w.policy, Clock: w.Clock.Now, Logger: w.Options.Logger,
	})
	w.Bring(mos...)
}

// step notes a step, and says what happens there.
func (w *world) step(s site, tx mssp.TransID) string {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.seen = append(w.seen, s)
	if w.why == nil || w.fired || len(w.seen)-1 != w.shot {
		return ""
	}
	w.fired, w.tx = true, tx
	return w.why.does
}

// user is a person with a card.
type user struct {
	*phone
	number sms.MSISDN
	iccid  ota.ICCID
	pop    string            // that the RA has given him
	was    bool              // he has been registered before
	codes  map[bool]string   // that he has chosen; true: the signature code
	last   string            // code that he entered
	keeps  map[string]string // mistakes that he goes on to make
	lose   string            // the operation whose answer is lost
	n      int               // of his requests
	next   *phone            // his new card
	left   ota.ICCID         // the card that he has had
	old    string            // the certificate that another one takes the place of
}

func (w *world) newUser() *user {
	w.users++
	u := &user{number: sms.MSISDN(fmt.Sprintf("4179%07d", w.users)), keeps: map[string]string{}, codes: map[bool]string{}}
	u.iccid, u.phone = w.newCard(u)
	w.ok(w.Store.AddSubscriber(ctx, mssp.Subscriber{
		MSISDN: u.number, ICCID: u.iccid, Name: "Test Person", Serial: "MIDCHE" + string(u.number), Language: "en", State: mssp.SubscriberActive, CreatedAt: w.Clock.Now(),
	}))
	w.Phones[u.number] = u.phone
	return u
}

func aes(n int, which byte) ota.Key {
	return ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(n), byte(n >> 8), which, 7}, 4)}
}

// errDied is what a caller meets whose service was killed.
var errDied = errors.New("the service has died")

// drive runs f while the network delivers, and does what the reason wants of the world
// around when it has happened.
func (w *world) drive(f func(ctx context.Context) error) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	done := make(chan error, 1)
	go func() {
		err := errDied
		defer func() { done <- err }()
		err = f(ctx)
	}()
	acted := w.happened()
	for {
		select {
		case err := <-done:
			w.quiet()
			if !acted && w.happened() { // also in what follows from its end
				w.around()
				w.quiet()
			}
			return err
		default:
		}
		if !acted && w.happened() { // nothing here waits for the engine: f gives it work
			if acted = true; w.why.dies { // what is dead goes on with nothing
				leave()
				err := <-done
				w.around()
				w.quiet()
				return err
			}
			w.around()
		}
		if w.isLate() {
			acted = true
			timeOut(w)
		}
		if acted { // what the first look found under way still
			w.Engine.Sweep(ctx)
		}
		if !w.Deliver() {
			runtime.Gosched()
		}
	}
}

func (w *world) around() {
	if w.why.around != nil {
		w.why.around(w)
	}
}

// happened reads what the goroutines of the engine have written.
func (w *world) happened() bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.fired
}

// isLate is true once when an answer was lost outside of the walk.
func (w *world) isLate() bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	late := w.late
	w.late = false
	return late
}

// quiet waits until nothing is under way any more.
func (w *world) quiet() {
	w.Settle()
	for w.Deliver() {
		w.Settle()
	}
}

// shyCA is the CA, which may fail.
type shyCA world

var errCA = errors.New("the CA refuses")

func (c *shyCA) asked(what string, do func() error) error {
	w := (*world)(c)
	switch w.step(site{kind: asking, what: what}, "") {
	case "refuses":
		return errCA
	case "is silent":
		return context.DeadlineExceeded
	case "has done it, and nobody hears":
		w.ok(do())
		return context.DeadlineExceeded
	case "dies after it":
		_ = do()
		runtime.Goexit()
	case "dies before it":
		runtime.Goexit()
	}
	return do()
}

// of says for which procedure the CA is asked about a certificate.
func (c *shyCA) of(what, serial string) string {
	ds, err := c.Store.OpenDuties(ctx, c.Clock.Now().Add(time.Hour), 100)
	(*world)(c).ok(err)
	for i := range ds {
		if ds[i].Step == mssp.DutyCA && slices.Contains(ds[i].Serials, serial) {
			return what + " of " + string(ds[i].Procedure)
		}
	}
	return what
}

func (c *shyCA) Issue(ctx context.Context, csr []byte, sub mssp.Subscriber, usage mssp.KeyUsage) (cert *x509.Certificate, err error) {
	err = c.asked("issue", func() (err error) { cert, err = c.CA.Issue(ctx, csr, sub, usage); return err })
	return cert, err
}

func (c *shyCA) Revoke(ctx context.Context, serial string, reason int) error {
	return c.asked(c.of("revoke", serial), func() error { return c.CA.Revoke(ctx, serial, reason) })
}

func (c *shyCA) Suspend(ctx context.Context, serial string) error {
	return c.asked(c.of("suspend", serial), func() error { return c.CA.Suspend(ctx, serial) })
}

func (c *shyCA) Reactivate(ctx context.Context, serial string) error {
	return c.asked(c.of("reactivate", serial), func() error { return c.CA.Reactivate(ctx, serial) })
}

// hands are the RA's way to card and user.
type hands struct{ *world }

func (h hands) Deactivate(ctx context.Context, n sms.MSISDN, card ota.ICCID) error {
	return h.status(ctx, n, card, applet.StatusDeactivate)
}

func (h hands) Activate(ctx context.Context, n sms.MSISDN, card ota.ICCID) error {
	return h.status(ctx, n, card, applet.StatusActivate)
}

func (h hands) status(ctx context.Context, n sms.MSISDN, card ota.ICCID, to applet.AppletStatus) error {
	t, err := h.Engine.TargetAt(ctx, n, card)
	if err == nil {
		_, err = h.Care.ChangeStatusOf(ctx, t, to)
	}
	return err
}

func (h hands) Delete(ctx context.Context, n sms.MSISDN, card ota.ICCID, slot byte) error {
	_, err := h.Registrar.DeleteKey(ctx, n, card, slot)
	return err
}

func (h hands) Notice(to sms.MSISDN, language string, k notice.Kind, about string, day time.Time) store.Notice {
	return h.Engine.Notice(to, language, k, about, day)
}

// Texts comes after the commit: what dies before it has said nothing.
func (h hands) Texts(out []store.Outbound) {
	if h.step(site{kind: telling, what: "the end"}, "") == "dies before it" {
		runtime.Goexit()
	}
	h.Engine.SendTexts(out)
}

// asker has a user sign that he leaves.
type asker struct{ w *world }

func (a asker) Ask(ctx context.Context, n sms.MSISDN, question string) ([]byte, error) {
	r := enginetest.Request(fmt.Sprint("leave ", n, a.w.Clock.Now().UnixNano()), question)
	r.MSISDN, r.AP = n, mssp.AP{Name: "the operator"}
	tx, err := a.w.Signer.Sign(ctx, r)
	if err == nil {
		tx, err = a.w.Signer.Wait(ctx, tx.ID)
	}
	if err == nil && tx.State != mssp.Done {
		err = engine.FaultOf(&tx)
	}
	if err != nil {
		return nil, err
	}
	res, err := signature.ParseResult(&tx)
	return res.Signature, err
}

// signs asks for a signature.
func (u *user) signs(ctx context.Context) error {
	u.n++
	r := enginetest.Request(fmt.Sprint("T ", u.number, u.n), "hello")
	r.MSISDN = u.number
	tx, err := u.w.Signer.Sign(ctx, r)
	if err == nil {
		tx, err = u.w.Signer.Wait(ctx, tx.ID)
	}
	if err == nil && tx.State != mssp.Done {
		err = engine.FaultOf(&tx)
	}
	return err
}

// rows are the pairs that the server has.
func (u *user) rows() []mssp.KeyPair {
	ks, err := u.w.Store.KeyPairs(ctx, u.iccid)
	u.w.ok(err)
	return slices.DeleteFunc(ks, func(k mssp.KeyPair) bool { return k.State == mssp.KeyDeleted })
}

// enrol is a whole registration, as the RA with its CA does it.
func (u *user) enrol(ctx context.Context, r registration.EnrolRequest) error {
	r.MSISDN = u.number
	if r.PoPMade {
		u.give()
	}
	work := registration.Work{Request: r}
	for _, s := range registration.Stages {
		err := s.Do(ctx, u.w.Registrar, &work)
		if err != nil {
			return err
		}
		if u.w.step(site{kind: calling, what: s.Name}, "") == "gives up" {
			return errDied
		}
	}
	return nil
}

// give has the RA give the user a code.
func (u *user) give() {
	c, p, err := registration.MakePoP(u.w.Vault, u.number, 8, 3, u.w.Clock.Now(), time.Hour)
	u.w.ok(err)
	p.Channel = mssp.PoPByScreen
	u.w.ok(u.w.Store.GivePoP(ctx, p))
	u.pop = c
}
