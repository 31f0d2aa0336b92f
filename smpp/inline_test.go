package smpp

import (
	"context"
	"errors"
	"testing"
)

// Requests handled on the reader keep their order, however many there are.
func TestInline(t *testing.T) {
	var got []uint32
	h := HandlerFunc(func(_ context.Context, r *Request) {
		got = append(got, r.Seq) // no lock: the reader alone is here
		if err := r.Reply(ROK, &MessageResp{MessageID: "1"}); err != nil {
			t.Error(err)
		}
	})
	bubble(t, Options{Handler: h, Inline: true, Inbound: 1}, func(t *testing.T, _ *Session, p *peer) {
		const n = 200
		go func() {
			for i := range uint32(n) {
				p.send(SubmitSM, ROK, i, otaSubmit())
			}
		}()
		for i := range uint32(n) {
			if f := p.next(); f.Command != SubmitSMResp || f.Seq != i || f.Status != ROK {
				t.Fatalf("response %d: %+v", i, f.Header)
			}
		}
		for i, seq := range got {
			if seq != uint32(i) {
				t.Fatalf("request %d was handled as number %d", seq, i)
			}
		}
	})
}

func TestNotify(t *testing.T) {
	bubble(t, Options{Window: 1}, func(t *testing.T, s *Session, p *peer) {
		if err := s.Notify(DeliverSM, otaSubmit()); !errors.Is(err, ErrCommand) {
			t.Errorf("a command with an answer: %v, want ErrCommand", err)
		}
		for range 3 { // more than the window
			if err := s.Notify(AlertNotification, &Alert{Source: Address{1, 1, "41791110001"}}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range uint32(3) {
			if f := p.next(); f.Command != AlertNotification || f.Seq != i+1 {
				t.Errorf("%+v", f.Header)
			}
		}
		s.Close()
		if err := s.Notify(AlertNotification, &Alert{}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v, want ErrClosed", err)
		}
	})
}
