package smpp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLateWhileTelling: a response that arrives in the moment of its time-out
// is told after the time-out, never in the middle of it or before it: whoever
// hears "unknown" last would send again what is accepted.
func TestLateWhileTelling(t *testing.T) {
	bubble(t, Options{ResponseTimeout: 5 * time.Second, Window: 2}, func(t *testing.T, s *Session, p *peer) {
		telling, told := false, make(chan bool, 2)
		err := s.Go(t.Context(), SubmitSM, otaSubmit(), func(o Outcome) {
			if telling {
				t.Error("the late response was told while the time-out was")
			}
			telling = true
			if !o.Late {
				time.Sleep(time.Second) // the response comes now
			}
			telling = false
			told <- o.Late
		})
		if err != nil {
			t.Fatal(err)
		}
		f := p.next()
		time.Sleep(5*time.Second + 500*time.Millisecond)
		p.send(SubmitSMResp, ROK, f.Seq, &MessageResp{MessageID: "1"})
		if first, second := <-told, <-told; first || !second {
			t.Errorf("late first: %v, then late: %v", first, second)
		}
		if s.InFlight() != 0 {
			t.Errorf("%d places are still held", s.InFlight())
		}
	})
}

// TestUnbindTwice: several reasons to unbind at once are one unbind, not
// several that keep each other from the last place in the window.
func TestUnbindTwice(t *testing.T) {
	bubble(t, Options{Window: 4}, func(t *testing.T, s *Session, p *peer) {
		first, second := submit(t, s), submit(t, s)
		one, two := p.next(), p.next()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended := make(chan error, 3)
		for range cap(ended) {
			go func() { ended <- s.Unbind(ctx) }()
		}
		synctest.Wait()
		p.send(SubmitSMResp, ROK, one.Seq, &MessageResp{MessageID: "1"})
		<-first
		synctest.Wait()
		p.send(SubmitSMResp, ROK, two.Seq, &MessageResp{MessageID: "2"})
		<-second
		f := p.next()
		if f.Command != Unbind {
			t.Fatalf("got %s, want unbind", f.Command)
		}
		p.send(UnbindResp, ROK, f.Seq, nil)
		for range cap(ended) {
			if err := <-ended; err != nil {
				t.Errorf("unbind: %v", err)
			}
		}
	})
}

// Reading a frame allocates nothing.
func TestReaderAllocations(t *testing.T) {
	pdu, err := Append(nil, Header{Command: SubmitSM, Seq: 1}, otaSubmit())
	if err != nil {
		t.Fatal(err)
	}
	src := bytes.NewReader(pdu)
	r := NewReader(src, 0)
	if n := testing.AllocsPerRun(1000, func() {
		src.Seek(0, io.SeekStart) // cannot fail
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// TestSequenceWraps: behind 7FFFFFFF comes 1, and a number that is still
// waited for is passed over.
func TestSequenceWraps(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Session, p *peer) {
		submit(t, s)
		p.next() // 1, without an answer
		s.mu.Lock()
		s.seq = 0x7FFFFFFE
		s.mu.Unlock()
		for _, want := range []uint32{0x7FFFFFFF, 2} {
			out := submit(t, s)
			f := p.next()
			if f.Seq != want {
				t.Errorf("sequence number %08X, want %08X", f.Seq, want)
			}
			p.send(SubmitSMResp, ROK, f.Seq, &MessageResp{MessageID: "x"})
			if o := <-out; o.Err != nil || o.Seq != want {
				t.Errorf("%+v", o)
			}
		}
	})
}

// TestFloodOfRubbish: the peer cannot fill the log, whatever it sends.
func TestFloodOfRubbish(t *testing.T) {
	var log bytes.Buffer
	bubble(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Handler: HandlerFunc(func(context.Context, *Request) {})}, func(t *testing.T, s *Session, p *peer) {
		go io.Copy(io.Discard, p) // ends with the session
		submit(t, s)
		for i := range uint32(500) {
			p.send(0x00010203, ROK, i, nil)
			for _, cmd := range []CommandID{DeliverSM, SubmitSMResp} {
				if _, err := p.Write(AppendFrame(nil, Header{cmd, 0, i + 1}, []byte{1})); err != nil {
					t.Fatal(err)
				}
			}
		}
		synctest.Wait()
		if n := strings.Count(log.String(), "\n"); n < 1 || n > 10 {
			t.Errorf("%d lines in the log:\n%.500s", n, &log)
		}
	})
}

// TestUnbindWithAQueue: of a peer that unbinds, the requests that had not left
// do not leave any more: they are not sent, and no doubles. Answers to its own
// requests still go.
func TestUnbindWithAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		h := HandlerFunc(func(_ context.Context, r *Request) { r.Reply(ROK, &MessageResp{}) }) // the peer is there
		s, p := NewSession(a, Options{Handler: h}), &peer{t, b, NewReader(b, 0)}
		outs := []chan Outcome{submit(t, s)}
		synctest.Wait() // the first is with the connection, and the peer does not read yet
		outs = append(outs, submit(t, s), submit(t, s))
		p.send(DeliverSM, ROK, 7, otaSubmit())
		synctest.Wait()
		p.send(Unbind, ROK, 8, nil)
		synctest.Wait()
		for _, want := range []CommandID{SubmitSM, DeliverSMResp, UnbindResp} {
			if f := p.next(); f.Command != want {
				t.Errorf("got %s, want %s", f.Command, want)
			}
		}
		b.Close()
		for i, want := range []error{ErrUnknown, ErrNotSent, ErrNotSent} {
			if o := <-outs[i]; !errors.Is(o.Err, want) {
				t.Errorf("submission %d: %v, want %v", i, o.Err, want)
			}
		}
	})
}
