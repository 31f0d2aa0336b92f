package smpp

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What nobody handles is refused with the response of its command, octet by
// octet; bodies that may be left out are, and others have an empty message_id.
func TestRefusesAll(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *Session, p *peer) {
		for c, want := range map[CommandID]string{
			SubmitSM: "80000004" + "00", DeliverSM: "80000005" + "00", DataSM: "80000103" + "00", SubmitMulti: "80000021",
			BindReceiver: "80000001", BindTransmitter: "80000002", BindTransceiver: "80000009",
			QuerySM: "80000003", CancelSM: "80000008", ReplaceSM: "80000007",
			Outbind: "", AlertNotification: "", // these have no answer: the next one is to enquire_link
		} {
			p.send(c, ROK, 0x0A0B, bodies()[c])
			seq := "00000a0b"
			if want == "" {
				p.send(EnquireLink, ROK, 0x0C, nil)
				want, seq = "80000015", "0000000c"
			}
			f := p.next()
			status := "00000004" // ESME_RINVBNDSTS
			if f.Command == EnquireLinkResp {
				status = "00000000"
			}
			if have := hex.EncodeToString(AppendFrame(nil, f.Header, f.Body))[8:]; have != want[:8]+status+seq+want[8:] {
				t.Errorf("%s is answered with %s", c, have)
			}
		}
	})
	// The same for what the gate closes, and a body that cannot be read; of
	// unknown commands only the number is looked at.
	gate := func(c CommandID) Status {
		if c == SubmitSM {
			return RInvSysID
		}
		return ROK
	}
	bubble(t, Options{Gate: gate, Handler: HandlerFunc(func(_ context.Context, r *Request) { t.Errorf("%s reached the handler", r.Command) })}, func(t *testing.T, _ *Session, p *peer) {
		for _, tc := range []struct {
			in   Frame
			want Header
			body string
		}{
			{Frame{Header{SubmitSM, 0, 1}, []byte{0xFF}}, Header{SubmitSMResp, RInvSysID, 1}, "00"},
			{Frame{Header{QuerySM, 0, 2}, []byte{0xFF}}, Header{QuerySMResp, RInvCmdLen, 2}, ""},
			{Frame{Header{DataSM, 0, 3}, nil}, Header{DataSMResp, RInvCmdLen, 3}, "00"},
			{Frame{Header{0x0A, 0, 4}, nil}, Header{GenericNack, RInvCmdID, 4}, ""},
		} {
			if _, err := p.Write(AppendFrame(nil, tc.in.Header, tc.in.Body)); err != nil {
				t.Fatal(err)
			}
			if f := p.next(); f.Header != tc.want || hex.EncodeToString(f.Body) != tc.body {
				t.Errorf("%+v is answered with %+v", tc.in, f)
			}
		}
	})
}

// The times of SMPP 3.4 7.2 when nobody sets them: 30 s for a response, 30 s of
// silence before enquire_link and 10 s for its answer, 30 s for a PDU to end, 10 s
// for a write. The session looks at its clock every 2.5 s.
func TestDefaultTimes(t *testing.T) {
	const look = 2500 * time.Millisecond
	about := func(t *testing.T, what string, have, want time.Duration) {
		t.Helper()
		if have < want || have > want+look {
			t.Errorf("%s after %v, want %v", what, have, want)
		}
	}
	bubble(t, Options{}, func(t *testing.T, s *Session, p *peer) {
		began := time.Now()
		out := submit(t, s)
		p.next()
		f := p.next()
		about(t, f.Command.String(), time.Since(began), 30*time.Second)
		if o := <-out; !errors.Is(o.Err, ErrUnknown) || o.RTT < 30*time.Second {
			t.Errorf("%+v", o)
		}
		about(t, "time-out", time.Since(began), 30*time.Second)
		asked := time.Now()
		<-s.Done()
		about(t, s.Err().Error(), time.Since(asked), 10*time.Second)
		if !strings.Contains(s.Err().Error(), "no answer to enquire_link") {
			t.Error(s.Err())
		}
	})
	bubble(t, Options{}, func(t *testing.T, s *Session, _ *peer) {
		began := time.Now()
		submit(t, s) // and the peer does not read
		<-s.Done()
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("a write ended after %v", d)
		}
	})
	bubble(t, Options{EnquireInterval: time.Hour}, func(t *testing.T, s *Session, p *peer) {
		began := time.Now()
		if _, err := p.Write([]byte{0, 0, 0, 16}); err != nil {
			t.Fatal(err)
		}
		<-s.Done()
		about(t, s.Err().Error(), time.Since(began), 30*time.Second)
	})
}

// Ten requests on their way, 64 handled and as many more that wait.
func TestDefaultCounts(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Session, p *peer) {
		for range 10 {
			submit(t, s)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Go(ctx, SubmitSM, otaSubmit(), nil); !errors.Is(err, context.Canceled) || s.InFlight() != 10 {
			t.Errorf("the eleventh: %v, %d on their way", err, s.InFlight())
		}
	})
	for _, c := range []CommandID{SubmitSM, SubmitMulti, DataSM, DeliverSM, QuerySM, CancelSM} {
		full := RMsgQFul
		if c == SubmitSM || c == SubmitMulti || c == DataSM {
			full = RThrottled
		}
		var in atomic.Int32
		h := HandlerFunc(func(ctx context.Context, _ *Request) { in.Add(1); <-ctx.Done() })
		bubble(t, Options{Handler: h}, func(t *testing.T, _ *Session, p *peer) {
			for seq := range uint32(128) {
				p.send(c, ROK, seq, bodies()[c])
				synctest.Wait()
			}
			if in.Load() != 64 {
				t.Errorf("%d handled at once", in.Load())
			}
			p.send(c, ROK, 128, bodies()[c])
			if f := p.next(); f.Seq != 128 || f.Status != full {
				t.Errorf("%s number 129 is answered with %+v", c, f.Header)
			}
		})
	}
}

// A peer that reads nothing is cut off when more than 1 MiB waits for it.
func TestBacklog(t *testing.T) {
	const octets = 64 << 10
	alert := &Alert{TLVs: TLVs{{0x1400, make([]byte, octets-HeaderLen-6-4)}}}
	bubble(t, Options{WriteTimeout: time.Hour}, func(t *testing.T, s *Session, _ *peer) {
		if err := s.Notify(AlertNotification, alert); err != nil { // this one is being written
			t.Fatal(err)
		}
		synctest.Wait()
		for n := range 17 { // 16 of them are 1 MiB, and not more
			if err := s.Notify(AlertNotification, alert); err != nil || s.Err() != nil {
				t.Fatalf("number %d: %v", n+1, err)
			}
		}
		err := s.Go(t.Context(), SubmitSM, otaSubmit(), func(Outcome) { t.Error("there is an outcome") })
		if !errors.Is(err, ErrNotSent) || !errors.Is(err, errBacklog) || s.InFlight() != 0 {
			t.Errorf("%v, %d on their way", err, s.InFlight())
		}
		<-s.Done()
		if !errors.Is(s.Err(), errBacklog) {
			t.Error(s.Err())
		}
		if err := s.Notify(AlertNotification, alert); !errors.Is(err, errBacklog) {
			t.Errorf("after the end: %v", err)
		}
	})
	bubble(t, Options{WriteTimeout: time.Hour}, func(t *testing.T, s *Session, _ *peer) {
		for s.Err() == nil {
			if err := s.Notify(AlertNotification, alert); err != nil && !errors.Is(err, errBacklog) {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if !errors.Is(s.Err(), errBacklog) {
			t.Error(s.Err())
		}
	})
}

// A request that cannot be written takes no place, and its done is never called.
func TestCannotBeWritten(t *testing.T) {
	bubble(t, Options{Window: 1}, func(t *testing.T, s *Session, p *peer) {
		for _, c := range []struct {
			cmd  CommandID
			body Body
			want error
		}{
			{SubmitSM, &Message{ServiceType: "too long"}, ErrTooLong},
			{QuerySM, otaSubmit(), ErrCommand},
		} {
			if err := s.Go(t.Context(), c.cmd, c.body, func(o Outcome) { t.Errorf("%+v", o) }); !errors.Is(err, c.want) || s.InFlight() != 0 {
				t.Errorf("%v, %d on their way", err, s.InFlight())
			}
		}
		for c := range commandNames {
			if err := s.Notify(c, &Outcast{}); c != AlertNotification && c != Outbind && !errors.Is(err, ErrCommand) {
				t.Errorf("%s without an answer: %v", c, err)
			}
		}
		out := submit(t, s)
		p.send(SubmitSMResp, ROK, p.next().Seq, &MessageResp{MessageID: "1"})
		if o := <-out; o.Err != nil {
			t.Errorf("%+v", o)
		}
	})
}

// Outcast is the body of no command.
type Outcast struct{}

func (*Outcast) appendBody([]byte, CommandID) ([]byte, error) { return nil, ErrCommand }

// While the last words wait for a peer that does not read, no request is taken;
// they wait no longer than a write may.
func TestLastWordsWait(t *testing.T) {
	bubble(t, Options{WriteTimeout: 5 * time.Second}, func(t *testing.T, s *Session, p *peer) {
		began := time.Now()
		p.send(Unbind, ROK, 3, nil)
		synctest.Wait()
		if !s.Draining() || s.Err() != nil {
			t.Errorf("draining: %v, %v", s.Draining(), s.Err())
		}
		if err := s.Go(t.Context(), SubmitSM, otaSubmit(), nil); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if err := s.Notify(AlertNotification, &Alert{}); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		<-s.Done()
		if d := time.Since(began); d != 5*time.Second || !strings.Contains(s.Err().Error(), "peer has unbound") {
			t.Errorf("ended after %v: %v", d, s.Err())
		}
	})
	// Responses that wait go before them; requests that wait are left out.
	bubble(t, Options{Handler: HandlerFunc(func(_ context.Context, r *Request) { r.Reply(ROK, &MessageResp{MessageID: "7"}) })}, func(t *testing.T, s *Session, p *peer) {
		submit(t, s) // is being written
		synctest.Wait()
		second := submit(t, s)
		p.send(SubmitSM, ROK, 21, otaSubmit())
		synctest.Wait()
		p.send(Unbind, ROK, 22, nil)
		synctest.Wait()
		for _, want := range []Header{{SubmitSM, ROK, 1}, {SubmitSMResp, ROK, 21}, {UnbindResp, ROK, 22}} {
			if f := p.next(); f.Header != want {
				t.Errorf("%+v, want %+v", f.Header, want)
			}
		}
		if o := <-second; !errors.Is(o.Err, ErrNotSent) {
			t.Errorf("%+v", o)
		}
	})
}

// Only the response of its own command ends a request.
func TestAnotherResponse(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Session, p *peer) {
		out := submit(t, s)
		f := p.next()
		p.send(QuerySMResp, ROK, f.Seq, &QueryResp{MessageID: "9"})
		p.send(SubmitSMResp, ROK, f.Seq+1, &MessageResp{MessageID: "8"})
		synctest.Wait()
		if len(out) != 0 {
			t.Errorf("ended by another response: %+v", <-out)
		}
		p.send(SubmitSMResp, ROK, f.Seq, &MessageResp{MessageID: "7", TLVs: TLVs{{1, []byte{1}}}})
		o := <-out
		p.send(SubmitSMResp, ROK, 77, &MessageResp{MessageID: "6", TLVs: TLVs{{1, []byte{2}}}}) // into the same buffer
		synctest.Wait()
		if m, _ := o.Body.(*MessageResp); o.MessageID() != "7" || o.Seq != f.Seq || m.TLVs[0].Value[0] != 1 {
			t.Errorf("%+v", o)
		}
	})
}

// A request is answered once, and what has no answer has none.
func TestReplyOnce(t *testing.T) {
	errs := make(chan error, 4)
	h := HandlerFunc(func(_ context.Context, r *Request) {
		errs <- r.Reply(ROK, bare(r.Command))
		errs <- r.Reply(RSysErr, bare(r.Command))
	})
	bubble(t, Options{Handler: h, Inline: true}, func(t *testing.T, _ *Session, p *peer) {
		p.send(DeliverSM, ROK, 5, otaSubmit())
		if f := p.next(); f.Status != ROK {
			t.Errorf("%+v", f.Header)
		}
		if err := <-errs; err != nil {
			t.Error(err)
		}
		if err := <-errs; err == nil || !strings.Contains(err.Error(), "answered already") {
			t.Error(err)
		}
		p.send(AlertNotification, ROK, 6, bodies()[AlertNotification])
		for range 2 {
			if err := <-errs; !errors.Is(err, ErrCommand) {
				t.Error(err)
			}
		}
	})
}

// The trace sees every PDU whole: ours before it leaves, theirs when it has come.
func TestTraced(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	trace := func(out bool, pdu []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, map[bool]string{true: "> ", false: "< "}[out]+hex.EncodeToString(pdu))
	}
	bubble(t, Options{Trace: trace}, func(t *testing.T, s *Session, p *peer) {
		out := make(chan Outcome, 1)
		if err := s.Go(t.Context(), QuerySM, &Query{"i", Address{1, 1, "4"}}, func(o Outcome) { out <- o }); err != nil {
			t.Fatal(err)
		}
		p.next()
		p.send(QuerySMResp, RThrottled, 1, &QueryResp{Bare: true})
		<-out
		p.send(EnquireLink, ROK, 9, nil)
		p.next()
	})
	want := []string{
		"> " + "00000016" + "00000003" + "00000000" + "00000001" + "6900" + "01013400",
		"< " + "00000010" + "80000003" + "00000058" + "00000001",
		"< " + "00000010" + "00000015" + "00000000" + "00000009",
		"> " + "00000010" + "80000015" + "00000000" + "00000009",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
}

// A number whose late response may still come is not given to another request.
func TestLateNumberIsTaken(t *testing.T) {
	bubble(t, Options{ResponseTimeout: 5 * time.Second}, func(t *testing.T, s *Session, p *peer) {
		out := submit(t, s)
		first := p.next().Seq
		<-out
		s.mu.Lock()
		s.seq = first - 1
		s.mu.Unlock()
		submit(t, s)
		if f := p.next(); f.Seq != first+1 {
			t.Errorf("number %d, after %d", f.Seq, first)
		}
	})
}

// A centre that says yes in words that cannot be read has said yes.
func TestBoundWithoutWords(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Session, p *peer) {
		go func() { p.Write(AppendFrame(nil, Header{BindReceiverResp, ROK, p.next().Seq}, []byte("no end"))) }()
		if resp, err := s.BindAs(t.Context(), BindReceiver, Bind{SystemID: "x"}); err != nil || resp == nil || !resp.Bare || resp.SystemID != "" {
			t.Errorf("%+v, %v", resp, err)
		}
	})
}
