package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

const (
	service = sms.MSISDN("9000")
	alice   = sms.MSISDN("41791110001")
	bob     = sms.MSISDN("41791110002")
)

// pipe dials a network through net.Pipe: no socket, so synctest can see it.
func pipe(n *Network) DialFunc {
	return func(context.Context) (net.Conn, error) {
		a, b := net.Pipe()
		n.Serve(b)
		return a, nil
	}
}

// inbox records what a client delivers; answer decides whether it is stored.
type inbox struct {
	mu      sync.Mutex
	mo      []bearer.MO
	reports []bearer.Report
	answer  func(n int) error
	full    error // what Report says
}

func (i *inbox) Deliver(_ context.Context, m bearer.MO) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mo = append(i.mo, m)
	if i.answer != nil {
		return i.answer(len(i.mo))
	}
	return nil
}

func (i *inbox) Report(_ context.Context, r bearer.Report) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reports = append(i.reports, r)
	return i.full
}

func (i *inbox) got() []bearer.Report {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]bearer.Report(nil), i.reports...)
}

func (i *inbox) texts() (out []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, m := range i.mo {
		out = append(out, string(m.UD))
	}
	return out
}

// phone is the bare phone side of a link: it acknowledges everything unless
// told otherwise. It reads and writes in two goroutines: a pipe has no buffer,
// and both ends would wait for each other.
type phone struct {
	t    *testing.T
	link *Link
	mu   sync.Mutex
	got  []string // user data of SMS-DELIVER
	// answer makes the RP message for the n-th delivery; nil acknowledges.
	answer func(n int) *rp.Message
	acks   chan rp.Message
	done   chan struct{}
}

func newPhone(t *testing.T, n *Network, number sms.MSISDN, answer func(n int) *rp.Message) *phone {
	t.Helper()
	link, err := Attach(t.Context(), pipe(n), number)
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, link: link, answer: answer, acks: make(chan rp.Message, 64), done: make(chan struct{})}
	answers := make(chan *rp.Message, 1024)
	go p.run(answers)
	go func() {
		for a := range answers {
			p.link.Queue(a)
			p.link.Flush()
		}
	}()
	return p
}

func (p *phone) run(answers chan<- *rp.Message) {
	defer close(p.done)
	defer close(answers)
	for {
		m, err := p.link.Next()
		if err != nil {
			return
		}
		if m.Type != rp.DataMT {
			m.TPDU = append([]byte(nil), m.TPDU...)
			p.acks <- m
			continue
		}
		d, err := sms.ParseDeliver(m.TPDU)
		if err != nil {
			p.t.Errorf("phone got no SMS-DELIVER: %v", err)
		}
		p.mu.Lock()
		p.got = append(p.got, string(d.UD))
		k := len(p.got)
		p.mu.Unlock()
		a := &rp.Message{Type: rp.AckMO}
		if p.answer != nil {
			if a = p.answer(k); a == nil {
				continue
			}
		}
		a.Ref = m.Ref
		answers <- a
	}
}

func (p *phone) texts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.got...)
}

// send submits a message and returns the network's answer.
func (p *phone) send(to sms.MSISDN, text string) rp.Message {
	p.t.Helper()
	return p.submit(sms.Submit{Destination: addressOf(to), DCS: sms.DCS8Bit, UD: []byte(text)})
}

func (p *phone) submit(s sms.Submit) rp.Message {
	p.t.Helper()
	tpdu, err := s.AppendBinary(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.link.Queue(&rp.Message{Type: rp.DataMO, Ref: 7, TPDU: tpdu})
	p.link.Flush()
	return <-p.acks
}

// world is a network with the service attached.
type world struct {
	net   *Network
	c     *Client
	inbox *inbox
}

func newWorld(t *testing.T, o NetworkOptions) *world {
	t.Helper()
	w := &world{net: NewNetwork(o), inbox: &inbox{}}
	var err error
	w.c, err = NewClient(ClientOptions{Dial: pipe(w.net), Number: service, Inbox: w.inbox})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.close() })
	return w
}

func (w *world) close() {
	w.c.Stop()
	w.net.Close()
}

// stored is what the network has not yet brought to an end.
func (w *world) stored() int {
	w.net.mu.Lock()
	defer w.net.mu.Unlock()
	return w.net.stored
}

func seg(to sms.MSISDN, text string) bearer.Segment {
	return bearer.Segment{Dest: to, PID: sms.PIDDefault, DCS: sms.DCS8Bit, UD: []byte(text)}
}

// bubble runs f with fake time and closes the world inside.
func bubble(t *testing.T, o NetworkOptions, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, o)
		f(t, w)
		w.close()
	})
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// Supports: 3.1-1
func TestBothWays(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, alice, nil)
		r, err := w.c.Submit(t.Context(), seg(alice, "one"))
		if err != nil || r.MessageID == "" {
			t.Fatalf("Submit: %v, receipt %q", err, r.MessageID)
		}
		if a := p.send(service, "two"); a.Type != rp.AckMT {
			t.Fatalf("phone's message: %v, cause %v", a.Type, a.Cause)
		}
		synctest.Wait()
		equal(t, "phone", p.texts(), "one")
		equal(t, "service", w.inbox.texts(), "two")
		if mo := w.inbox.mo[0]; mo.Source != alice || mo.Dest != "9000" || mo.Bearer != "loopback" {
			t.Errorf("MO from %v to %q by %q", mo.Source, mo.Dest, mo.Bearer)
		}
	})
}

// A text is the same again, whatever its last character is.
func TestText(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, alice, nil)
		want := []string{"@", "1234567", "123456@", "12345678", "1234567@", "123456789012345", "12345678901234@", "1234567890123456", "123456789012345@"}
		for _, text := range want {
			parts, err := sms.EncodeText(text, sms.TextOptions{})
			if err != nil || len(parts) != 1 {
				t.Fatalf("%q: %d parts, %v", text, len(parts), err)
			}
			if a := p.submit(sms.Submit{Destination: addressOf(service), DCS: parts[0].DCS, UD: parts[0].UD, Septets: parts[0].Septets}); a.Cause != 0 {
				t.Fatalf("%q: cause %d", text, a.Cause)
			}
			synctest.Wait() // the next could overtake it
		}
		w.inbox.mu.Lock()
		defer w.inbox.mu.Unlock()
		for i, mo := range w.inbox.mo {
			if got, err := sms.DecodeText(mo.DCS, mo.UDH, mo.UD, mo.Septets); got != want[i] || err != nil {
				t.Errorf("%q became %q, %v", want[i], got, err)
			}
		}
		if len(w.inbox.mo) != len(want) {
			t.Errorf("%d texts, want %d", len(w.inbox.mo), len(want))
		}
	})
}

// More segments than there are references wait for one, and all arrive.
func TestManyAtOnce(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, alice, nil)
		var wg sync.WaitGroup
		var want []string
		for i := range 600 {
			want = append(want, fmt.Sprint(i))
			wg.Go(func() {
				if _, err := w.c.Submit(t.Context(), seg(alice, fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		got := p.texts()
		slices.Sort(got)
		slices.Sort(want)
		equal(t, "phone", got, want...)
	})
}

func TestClassification(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault Fault
		want  error
	}{
		{"temporary", Fault{Action: Refuse}, bearer.ErrBusy},
		{"congestion", Fault{Action: Refuse, Cause: rp.Congestion}, bearer.ErrBusy},
		{"barred", Fault{Action: Refuse, Cause: rp.CallBarred}, bearer.ErrRefused},
		{"no answer", Fault{Action: Unanswered}, bearer.ErrUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
				w.net.SetFaults(service, FromEndpoint, c.fault)
				if _, err := w.c.Submit(t.Context(), seg(alice, "x")); !errors.Is(err, c.want) {
					t.Errorf("Submit: %v, want %v", err, c.want)
				}
			})
		})
	}
	t.Run("unassigned", func(t *testing.T) {
		bubble(t, NetworkOptions{Known: func(n sms.MSISDN) bool { return n == service }}, func(t *testing.T, w *world) {
			if _, err := w.c.Submit(t.Context(), seg(alice, "x")); !errors.Is(err, bearer.ErrRefused) {
				t.Errorf("Submit: %v, want %v", err, bearer.ErrRefused)
			}
			if _, err := Attach(t.Context(), pipe(w.net), bob); !errors.Is(err, ErrAttach) {
				t.Errorf("Attach under an unknown number: %v", err)
			}
		})
	})
	t.Run("impatient", func(t *testing.T) {
		bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
			w.net.SetFaults(service, FromEndpoint, Fault{Action: Unanswered})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := w.c.Submit(ctx, seg(alice, "x")); !errors.Is(err, bearer.ErrUnknown) {
				t.Errorf("Submit: %v, want %v", err, bearer.ErrUnknown)
			}
		})
	})
	t.Run("too long", func(t *testing.T) {
		bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
			s := seg(alice, "")
			s.UD = make([]byte, 141)
			if _, err := w.c.Submit(t.Context(), s); !errors.Is(err, bearer.ErrRefused) {
				t.Errorf("Submit: %v, want %v", err, bearer.ErrRefused)
			}
		})
	})
}
