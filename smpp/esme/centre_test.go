package esme

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// centre is the SMSC of a test. Each connection is a session of ours that
// answers as the test says.
type centre struct {
	t  *testing.T
	mu sync.Mutex
	// answer gives the status of a submit_sm; -1: no answer so far, -2: none ever.
	answer func(n int, m *smpp.Message) (st int, id string)
	// bind gives the status of a bind.
	bind     func(n int, b *smpp.Bind) smpp.Status
	refuse   bool // dialling fails
	mute     bool // connections are taken, and that is all
	sessions []*smpp.Session
	conns    []net.Conn
	dialled  int
	binds    []string
	boundOn  []*smpp.Session // of each of them
	got      []*smpp.Message
	asked    []*smpp.Request // submit_sm without an answer so far
	at       []time.Time
	perConn  map[*smpp.Session]int
}

func (c *centre) dial(context.Context) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialled++
	if c.refuse {
		return nil, errors.New("connection refused")
	}
	a, b := net.Pipe()
	if c.mute {
		c.t.Cleanup(func() { b.Close() })
		return a, nil
	}
	s := smpp.NewSession(b, smpp.Options{Handler: smpp.HandlerFunc(c.serve), EnquireInterval: time.Hour, Window: 100})
	c.sessions, c.conns = append(c.sessions, s), append(c.conns, b)
	return a, nil
}

func (c *centre) serve(_ context.Context, r *smpp.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch b := r.Body.(type) {
	case *smpp.Bind:
		c.binds, c.boundOn = append(c.binds, r.Command.String()), append(c.boundOn, r.Session())
		st := smpp.ROK
		if c.bind != nil {
			st = c.bind(len(c.binds), b)
		}
		r.Reply(st, &smpp.BindResp{SystemID: "centre", Bare: st != smpp.ROK}) // may be closed
	case *smpp.Message:
		c.got = append(c.got, b)
		c.at = append(c.at, time.Now())
		c.perConn[r.Session()]++
		st, id := 0, fmt.Sprint(len(c.got))
		if c.answer != nil {
			st, id = c.answer(len(c.got), b)
		}
		if st < 0 {
			if st == -1 {
				c.asked = append(c.asked, r)
			}
			return
		}
		r.Reply(smpp.Status(st), &smpp.MessageResp{MessageID: id, Bare: st != 0}) // may be closed
	}
}

func (c *centre) last() *smpp.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[len(c.sessions)-1]
}

func (c *centre) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

// deliver sends a message of a phone and gives the status of the answer.
func (c *centre) deliver(cmd smpp.CommandID, body smpp.Body) smpp.Status {
	c.t.Helper()
	o, err := c.last().Do(context.Background(), cmd, body)
	if !o.Answered() {
		c.t.Errorf("%s: %v", cmd, err)
	}
	return o.Status
}

// inbox notes what it gets.
type inbox struct {
	mu       sync.Mutex
	mos      []bearer.MO
	reports  []bearer.Report
	resolved []resolution
	alerts   []sms.MSISDN
	err      error
	block    chan struct{}
	most, in int
}

type resolution struct {
	id      int64
	receipt bearer.Receipt
	err     error
}

func (i *inbox) Deliver(ctx context.Context, mo bearer.MO) error {
	i.mu.Lock()
	i.in++
	i.most = max(i.most, i.in)
	block := i.block
	i.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.in--
	if i.err == nil {
		i.mos = append(i.mos, mo)
	}
	return i.err
}

func (i *inbox) Report(_ context.Context, r bearer.Report) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.reports = append(i.reports, r)
	}
	return i.err
}

func (i *inbox) Resolve(_ context.Context, id int64, r bearer.Receipt, err error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.resolved = append(i.resolved, resolution{id, r, err})
	return nil
}

func (i *inbox) Alert(_ context.Context, n sms.MSISDN) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.alerts = append(i.alerts, n)
	return nil
}

// lab is a Client with the centre that it speaks to, in fake time.
type lab struct {
	*testing.T
	*Client
	c      *centre
	in     *inbox
	counts *counts
	told   *told
}

const service = "+41790000000"

// bubble runs a test in fake time.
func bubble(t *testing.T, o Options, prepare func(*centre), f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{T: t, c: &centre{t: t, perConn: map[*smpp.Session]int{}}, in: &inbox{}, counts: &counts{n: map[string]int{}}, told: &told{}}
		if prepare != nil {
			prepare(l.c)
		}
		o.Name, o.Dial, o.Inbox, o.Metrics, o.Changed = "north", l.c.dial, l.in, l.counts, l.told.hear
		o.Bind.SystemID = "simsign"
		if o.Source == nil {
			o.Source = SourceRules{{Address: ParseAddress(service)}}
		}
		var err error
		if l.Client, err = New(o); err != nil {
			t.Fatal(err)
		}
		if err := l.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f(l)
		l.Stop(context.Background()) // some tests leave things unanswered
		l.c.mu.Lock()
		for _, s := range l.c.sessions {
			s.Close()
		}
		l.c.mu.Unlock()
		synctest.Wait()
	})
}

// packet is a segment with a secured packet.
func packet(id int64) bearer.Segment {
	return bearer.Segment{ID: id, Dest: "41790000001", PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x70, 0}, UD: []byte{0, byte(id), 0xAA, 0x1B}, Validity: 90 * time.Second, Ref: "h1"}
}

// submit submits in the background.
func (l *lab) submit(ctx context.Context, id int64) chan result {
	ch := make(chan result, 1)
	go func() {
		r, err := l.Submit(ctx, packet(id))
		ch <- result{r, err}
	}()
	synctest.Wait()
	return ch
}

func (l *lab) want(ch chan result, id string, err error) {
	l.Helper()
	r := <-ch
	if !errors.Is(r.err, err) || r.receipt.MessageID != id || r.receipt.Bearer != "north" && r.err == nil {
		l.Errorf("outcome %+v, want id %q and error %v", r, id, err)
	}
}

// counts is Metrics by name.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[name]++
}

func (c *counts) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

func (c *counts) Response(st smpp.Status, _ time.Duration) { c.add(st.String()) }
func (c *counts) Unanswered()                              { c.add("unanswered") }
func (c *counts) Late()                                    { c.add("late") }
func (c *counts) Inbound(i Inbound)                        { c.add(string(i)) }
func (c *counts) BindFailed()                              { c.add("bind failed") }

// told is what Options.Changed was told.
type told struct {
	mu     sync.Mutex
	states []Status
}

func (t *told) hear(s Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.states = append(t.states, s)
}

// since gives the states that came after the first n.
func (t *told) since(n int) []Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Status(nil), t.states[n:]...)
}
