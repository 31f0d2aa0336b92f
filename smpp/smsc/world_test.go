package smsc

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

const (
	alice = sms.MSISDN("41791110001")
	bob   = sms.MSISDN("41791110002")
)

// secured is a command packet in short: UDH 70 00 and some octets.
var secured = unhex("027000AABBCCDD")

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// world is an SMSC in fake time, with applications and handsets on pipes.
type world struct {
	t *testing.T
	*SMSC
	mu     sync.Mutex
	ledger []Entry
}

func testOptions() Options {
	return Options{Accounts: []Account{{SystemID: "esme", Password: "secret", Numbers: []string{"1234", "5678"}}}}
}

// play runs f in fake time with an SMSC.
func play(t *testing.T, o Options, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		o.Ledger = func(e Entry) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ledger = append(w.ledger, e)
		}
		var err error
		if w.SMSC, err = New(o); err != nil {
			t.Fatal(err)
		}
		defer func() { // also when a test gives up
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}()
		f(w)
	})
}

// events lists the kinds of ledger entries so far.
func (w *world) events() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, e := range w.ledger {
		s := string(e.Event)
		if e.Event == Ended {
			s += ":" + e.State.String()
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// app is an application on a session of ours.
type app struct {
	t     *testing.T
	sess  *smpp.Session
	mu    sync.Mutex
	got   []string        // what came, in words
	msgs  []*smpp.Message // deliver_sm and data_sm
	say   func(n int) smpp.Status
	hush  bool            // answers nothing
	open  []*smpp.Request // what it did not answer
	onSeq func(uint32)
}

// dial connects an application without binding it.
func (w *world) dial() *app {
	a := &app{t: w.t}
	a.sess = w.dialWith(a).sess
	return a
}

func (w *world) dialWith(h smpp.Handler) *app {
	a := &app{t: w.t}
	here, there := net.Pipe()
	w.ServeConn(there)
	a.sess = smpp.NewSession(here, smpp.Options{Handler: h, Inline: true, Window: 50, ResponseTimeout: 20 * time.Second, EnquireInterval: time.Hour})
	return a
}

func (w *world) bind(cmd smpp.CommandID) *app {
	w.t.Helper()
	a := w.dial()
	if _, err := a.sess.BindAs(w.t.Context(), cmd, smpp.Bind{SystemID: "esme", Password: "secret", InterfaceVersion: smpp.Version34}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return a
}

// ServeSMPP writes down what the SMSC asks, and answers with say.
func (a *app) ServeSMPP(_ context.Context, r *smpp.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	line := r.Command.String()
	switch m := r.Body.(type) {
	case *smpp.Message:
		line += fmt.Sprintf(" %s>%s esm %02X pid %02X dcs %02X %X", m.Source.Addr, m.Dest.Addr, m.ESMClass, m.ProtocolID, m.DataCoding, m.ShortMessage)
		if m.ESMClass == smpp.ESMClassReceipt {
			line = "receipt " + string(m.ShortMessage)
		}
		a.msgs = append(a.msgs, m)
	case *smpp.Data:
		a.msgs = append(a.msgs, m.Message())
	case *smpp.Alert:
		line += " " + m.Source.Addr
	}
	a.got = append(a.got, line)
	if a.onSeq != nil {
		a.onSeq(r.Seq)
	}
	if a.hush {
		a.open = append(a.open, r)
		return
	}
	st := smpp.ROK
	if a.say != nil {
		st = a.say(len(a.got))
	}
	r.Reply(st, &smpp.MessageResp{}) // alert_notification has no answer
}

func (a *app) take() []string {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.got
	a.got = nil
	return got
}

func (a *app) want(lines ...string) {
	a.t.Helper()
	if got := a.take(); strings.Join(got, "\n") != strings.Join(lines, "\n") {
		a.t.Errorf("application got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

func octets(to sms.MSISDN, ud []byte) *smpp.Message {
	return &smpp.Message{
		Source: smpp.Address{NPI: 1, Addr: "1234"}, Dest: smpp.Address{TON: 1, NPI: 1, Addr: string(to)},
		ESMClass: smpp.ESMClassUDHI, ProtocolID: sms.PIDDownload, DataCoding: sms.DCSClass2Data, ShortMessage: ud,
	}
}

func text(to sms.MSISDN, s string) *smpp.Message {
	m := octets(to, []byte(s))
	m.ESMClass, m.ProtocolID, m.DataCoding = 0, 0, 0
	return m
}

// ask sends a request and wants a status.
func (a *app) ask(cmd smpp.CommandID, body smpp.Body, want smpp.Status) smpp.Outcome {
	a.t.Helper()
	o, err := a.sess.Do(a.t.Context(), cmd, body)
	if !o.Answered() {
		a.t.Fatalf("%s: %v", cmd, err)
	}
	if o.Status != want || (err == nil) != (want == smpp.ROK) {
		a.t.Fatalf("%s: %v, want %v", cmd, o.Status, want)
	}
	return o
}

func (a *app) submit(m *smpp.Message) string {
	a.t.Helper()
	return a.ask(smpp.SubmitSM, m, smpp.ROK).MessageID()
}

// phone is a handset that takes everything unless told otherwise.
type phone struct {
	t    *testing.T
	link *loopback.Link
	mu   sync.Mutex
	got  []sms.Deliver
	say  func(n int) *rp.Message
	acks chan rp.Message
}

func (w *world) phone(n sms.MSISDN) *phone {
	w.t.Helper()
	p := &phone{t: w.t, acks: make(chan rp.Message, 64)}
	var err error
	p.link, err = loopback.Attach(w.t.Context(), func(context.Context) (net.Conn, error) {
		a, b := net.Pipe()
		w.Network().Serve(b)
		return a, nil
	}, n)
	if err != nil {
		w.t.Fatal(err)
	}
	go p.run()
	synctest.Wait()
	return p
}

func (p *phone) run() {
	answers := make(chan *rp.Message, 1000)
	defer close(answers)
	go func() {
		for a := range answers {
			p.link.Queue(a) // the link is gone
			p.link.Flush()  // the link is gone
		}
	}()
	for {
		m, err := p.link.Next()
		if err != nil {
			return
		}
		m.TPDU = append([]byte(nil), m.TPDU...)
		if m.Type != rp.DataMT {
			p.acks <- m
			continue
		}
		d, err := sms.ParseDeliver(m.TPDU)
		if err != nil {
			p.t.Errorf("handset got no SMS-DELIVER: %v", err)
		}
		p.mu.Lock()
		p.got = append(p.got, d)
		a := &rp.Message{Type: rp.AckMO}
		if p.say != nil {
			a = p.say(len(p.got))
		}
		p.mu.Unlock()
		if a != nil {
			a.Ref = m.Ref
			answers <- a
		}
	}
}

func (p *phone) want(texts ...string) {
	p.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var got []string
	for _, d := range p.got {
		if s, err := sms.DecodeText(d.DCS, d.UDH, d.UD, d.Septets); err == nil {
			got = append(got, s)
		} else {
			got = append(got, fmt.Sprintf("%X", append(append([]byte(nil), d.UDH...), d.UD...)))
		}
	}
	p.got = nil
	if strings.Join(got, "|") != strings.Join(texts, "|") {
		p.t.Errorf("handset got %q, want %q", got, texts)
	}
}

// send submits a secured answer and returns what the network says.
func (p *phone) send(to string, udh, ud []byte) rp.Message {
	p.t.Helper()
	s := sms.Submit{Destination: sms.Address{NPI: 1, Number: to}, PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: udh, UD: ud}
	b, err := s.AppendBinary(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.link.Queue(&rp.Message{Type: rp.DataMO, Ref: 9, TPDU: b}) // the answer tells
	p.link.Flush()                                              // the answer tells
	return <-p.acks
}
