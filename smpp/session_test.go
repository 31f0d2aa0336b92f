package smpp

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// peer is the other end of a session, driven by the test octet by octet.
type peer struct {
	t *testing.T
	net.Conn
	r *Reader
}

func bubble(t *testing.T, opts Options, f func(t *testing.T, s *Session, p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		s := NewSession(a, opts)
		f(t, s, &peer{t, b, NewReader(b, 0)})
		s.Close()
		b.Close()
		synctest.Wait()
	})
}

// next reads one PDU; the copy stays valid.
func (p *peer) next() Frame {
	p.t.Helper()
	f, err := p.r.Next()
	if err != nil {
		p.t.Fatalf("peer reads: %v", err)
	}
	f.Body = append([]byte(nil), f.Body...)
	return f
}

func (p *peer) send(cmd CommandID, st Status, seq uint32, body Body) {
	p.t.Helper()
	b, err := Append(nil, Header{cmd, st, seq}, body)
	if err != nil {
		p.t.Error(err)
	}
	if _, err := p.Write(b); err != nil {
		p.t.Errorf("peer writes: %v", err)
	}
}

func submit(t *testing.T, s *Session) chan Outcome {
	t.Helper()
	ch := make(chan Outcome, 2)
	if err := s.Go(context.Background(), SubmitSM, otaSubmit(), func(o Outcome) { ch <- o }); err != nil {
		t.Fatal(err)
	}
	return ch
}

// TestSequenceCollision: the SMSC numbers its own requests as it likes; a
// deliver_sm with the number of our submit_sm is a request, not its response.
func TestSequenceCollision(t *testing.T) {
	var handled atomic.Int32
	h := HandlerFunc(func(_ context.Context, r *Request) {
		handled.Add(1)
		r.Reply(ROK, &MessageResp{})
	})
	bubble(t, Options{Handler: h}, func(t *testing.T, s *Session, p *peer) {
		out := submit(t, s)
		f := p.next()
		for _, seq := range []uint32{f.Seq, 0, 0xFFFFFFFF} {
			p.send(DeliverSM, ROK, seq, otaSubmit())
			if r := p.next(); r.Command != DeliverSMResp || r.Seq != seq || r.Status != ROK {
				t.Errorf("answer to deliver_sm %d: %+v", seq, r.Header)
			}
		}
		select {
		case o := <-out:
			t.Fatalf("submit_sm ended with %+v before its response", o)
		default:
		}
		p.send(SubmitSMResp, ROK, f.Seq, &MessageResp{MessageID: "77"})
		if o := <-out; o.Err != nil || o.MessageID() != "77" {
			t.Errorf("outcome %+v", o)
		}
		if handled.Load() != 3 {
			t.Errorf("handler saw %d of 3 requests", handled.Load())
		}
	})
}

// TestLateResponse: a time-out is "unknown", and the response that comes
// after it still resolves the request, once.
func TestLateResponse(t *testing.T) {
	bubble(t, Options{ResponseTimeout: 5 * time.Second}, func(t *testing.T, s *Session, p *peer) {
		out := submit(t, s)
		f := p.next()
		o := <-out
		if !errors.Is(o.Err, ErrUnknown) || o.Late {
			t.Fatalf("first outcome %+v", o)
		}
		if s.InFlight() != 0 {
			t.Error("the window still holds the request that timed out")
		}
		p.send(SubmitSMResp, ROK, f.Seq, &MessageResp{MessageID: "late"})
		if o := <-out; !o.Late || o.MessageID() != "late" || o.Err != nil {
			t.Errorf("late outcome %+v", o)
		}
		p.send(SubmitSMResp, ROK, f.Seq, &MessageResp{MessageID: "again"})
		synctest.Wait()
		if len(out) != 0 {
			t.Error("a second late response was reported")
		}
	})
}

// TestWindowWaits: a full window makes senders wait; a response lets one go on.
func TestWindowWaits(t *testing.T) {
	bubble(t, Options{Window: 2}, func(t *testing.T, s *Session, p *peer) {
		submit(t, s)
		submit(t, s)
		f1, _ := p.next(), p.next()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Go(ctx, SubmitSM, otaSubmit(), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("third request: %v, want to wait until the deadline", err)
		}
		go p.send(SubmitSMResp, ROK, f1.Seq, &MessageResp{MessageID: "1"})
		submit(t, s)
		if f := p.next(); f.Command != SubmitSM {
			t.Errorf("got %s", f.Command)
		}
	})
}

// TestLinkBreaks: what had left is unknown, what had not is not sent.
func TestLinkBreaks(t *testing.T) {
	bubble(t, Options{Window: 5, WriteTimeout: time.Minute}, func(t *testing.T, s *Session, p *peer) {
		sent := submit(t, s)
		p.next()
		stuck := submit(t, s) // the peer reads nothing more: this one hangs in Write
		synctest.Wait()
		unsent := submit(t, s) // and this one waits behind it
		synctest.Wait()
		s.Close()
		for name, c := range map[string]struct {
			ch   chan Outcome
			want error
		}{"answered nothing": {sent, ErrUnknown}, "in the write": {stuck, ErrUnknown}, "behind it": {unsent, ErrNotSent}} {
			if o := <-c.ch; !errors.Is(o.Err, c.want) {
				t.Errorf("%s: %v, want %v", name, o.Err, c.want)
			}
		}
		if err := s.Go(t.Context(), SubmitSM, otaSubmit(), nil); err == nil {
			t.Error("a closed session took a request")
		}
	})
}

// TestGenericNack: its status reaches the request that it names.
func TestGenericNack(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Session, p *peer) {
		out := submit(t, s)
		p.send(GenericNack, RInvCmdID, p.next().Seq, nil)
		if o := <-out; !o.Nack || o.Status != RInvCmdID || !errors.Is(o.Err, RInvCmdID) {
			t.Errorf("outcome %+v", o)
		}
	})
}

// TestUnknownAndBroken: the bind outlives an unknown command, a truncated
// body and harmless requests; it ends where the stream is out of step.
func TestUnknownAndBroken(t *testing.T) {
	bubble(t, Options{Handler: HandlerFunc(func(context.Context, *Request) {})}, func(t *testing.T, s *Session, p *peer) {
		p.send(0x00010203, ROK, 9, nil)
		if f := p.next(); f.Command != GenericNack || f.Status != RInvCmdID || f.Seq != 9 {
			t.Errorf("unknown command answered with %+v", f.Header)
		}
		if _, err := p.Write(AppendFrame(nil, Header{DeliverSM, 0, 10}, []byte{0, 1})); err != nil {
			t.Fatal(err)
		}
		if f := p.next(); f.Command != DeliverSMResp || f.Status != RInvCmdLen || f.Seq != 10 {
			t.Errorf("truncated deliver_sm answered with %+v", f.Header)
		}
		p.send(AlertNotification, ROK, 11, bodies()[AlertNotification])
		p.send(SubmitSMResp, ROK, 4711, &MessageResp{MessageID: "nobody asked"})
		p.send(EnquireLink, ROK, 12, nil)
		if f := p.next(); f.Command != EnquireLinkResp || f.Seq != 12 {
			t.Errorf("enquire_link answered with %+v", f.Header)
		}
		go p.Write(make([]byte, 16)) // the session closes
		if f := p.next(); f.Command != GenericNack || f.Status != RInvCmdLen {
			t.Errorf("length 0 answered with %+v", f.Header)
		}
		<-s.Done()
		if !errors.Is(s.Err(), ErrFrame) {
			t.Errorf("session ended with %v", s.Err())
		}
	})
}

// TestEnquireLink: asked only in silence; an answer keeps the bind, silence ends it.
func TestEnquireLink(t *testing.T) {
	bubble(t, Options{EnquireInterval: 10 * time.Second, EnquireTimeout: 4 * time.Second}, func(t *testing.T, s *Session, p *peer) {
		began := time.Now()
		for range 20 { // traffic: no enquire_link
			time.Sleep(time.Second)
			p.send(SubmitSMResp, ROK, 1, &MessageResp{})
		}
		f := p.next()
		if f.Command != EnquireLink {
			t.Fatalf("got %s", f.Command)
		}
		if quiet := time.Since(began) - 20*time.Second; quiet < 9*time.Second || quiet > 15*time.Second {
			t.Errorf("asked after %v of silence, want about 10 s", quiet)
		}
		p.send(EnquireLinkResp, ROK, f.Seq, nil)
		if f = p.next(); f.Command != EnquireLink {
			t.Fatalf("got %s", f.Command)
		}
		<-s.Done()
		if !strings.Contains(s.Err().Error(), "silent") {
			t.Errorf("session ended with %v", s.Err())
		}
	})
}

// TestSlowHandler: a handler that hangs delays nobody else; requests beyond
// the limit are refused so that the peer sends them again.
func TestSlowHandler(t *testing.T) {
	var release atomic.Pointer[chan struct{}] // made inside the bubble
	h := HandlerFunc(func(_ context.Context, r *Request) {
		<-*release.Load()
		r.Reply(ROK, &MessageResp{})
	})
	bubble(t, Options{Handler: h, Inbound: 2}, func(t *testing.T, s *Session, p *peer) {
		gate := make(chan struct{})
		release.Store(&gate)
		for seq := range uint32(4) { // two handled, two queued
			p.send(DeliverSM, ROK, seq, otaSubmit())
			synctest.Wait()
		}
		p.send(DeliverSM, ROK, 4, otaSubmit())
		if f := p.next(); f.Seq != 4 || f.Status != RMsgQFul {
			t.Errorf("fifth request answered with %+v", f.Header)
		}
		out := submit(t, s)
		f := p.next()
		p.send(SubmitSMResp, ROK, f.Seq, &MessageResp{MessageID: "1"})
		if o := <-out; o.Err != nil {
			t.Errorf("submit_sm behind a slow handler: %+v", o)
		}
		close(gate)
		for range 4 {
			if f := p.next(); f.Command != DeliverSMResp || f.Status != ROK {
				t.Errorf("got %+v", f.Header)
			}
		}
	})
}

// TestUnbind drains the window before it unbinds.
func TestUnbind(t *testing.T) {
	bubble(t, Options{Window: 3}, func(t *testing.T, s *Session, p *peer) {
		out := submit(t, s)
		f := p.next()
		ended := make(chan error, 1)
		go func() { ended <- s.Unbind(t.Context()) }()
		synctest.Wait()
		if err := s.Go(t.Context(), SubmitSM, otaSubmit(), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("a draining session took a request: %v", err)
		}
		p.send(SubmitSMResp, ROK, f.Seq, &MessageResp{MessageID: "1"})
		if o := <-out; o.Err != nil {
			t.Errorf("outcome while draining %+v", o)
		}
		f = p.next()
		if f.Command != Unbind {
			t.Fatalf("got %s, want unbind", f.Command)
		}
		p.send(UnbindResp, ROK, f.Seq, nil)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestPeerUnbinds in the middle of a window: answered, and the rest is unknown.
func TestPeerUnbinds(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Session, p *peer) {
		began := time.Now()
		out := submit(t, s)
		p.next()
		go p.send(Unbind, ROK, 1, nil)
		if f := p.next(); f.Command != UnbindResp {
			t.Errorf("got %s", f.Command)
		}
		if o := <-out; !errors.Is(o.Err, ErrUnknown) {
			t.Errorf("outcome %+v", o)
		}
		<-s.Done()
		if d := time.Since(began); d > 0 {
			t.Errorf("the session ended %v after its answer had left", d)
		}
	})
}

// TestStuckPeers: one that reads nothing, one that sends an octet a second.
func TestStuckPeers(t *testing.T) {
	bubble(t, Options{WriteTimeout: 3 * time.Second}, func(t *testing.T, s *Session, p *peer) {
		submit(t, s)
		began := time.Now()
		<-s.Done()
		if d := time.Since(began); d > 4*time.Second {
			t.Errorf("a peer that reads nothing held the session for %v", d)
		}
	})
	bubble(t, Options{ReadPDUTimeout: 5 * time.Second, EnquireInterval: time.Hour}, func(t *testing.T, s *Session, p *peer) {
		began, gone := time.Now(), make(chan struct{})
		go func() {
			defer close(gone)
			for _, b := range AppendFrame(nil, Header{Command: DeliverSM}, make([]byte, 100)) {
				if _, err := p.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		<-s.Done()
		if d := time.Since(began); d > 8*time.Second {
			t.Errorf("one octet a second held the session for %v", d)
		}
		if !strings.Contains(s.Err().Error(), "did not end in time") {
			t.Errorf("ended with %v", s.Err())
		}
		<-gone
	})
}
