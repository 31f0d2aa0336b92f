package smpp

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Who looks only at the error never takes a refusal for a success, whichever
// way the peer says no.
func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		resp   CommandID
		status Status
		says   string // of the error; "" for none
	}{
		"accepted":                    {SubmitSMResp, ROK, ""},
		"refused":                     {SubmitSMResp, RThrottled, "submit_sm refused: ESME_RTHROTTLED (0x58)"},
		"status that nobody knows":    {SubmitSMResp, 0x40B, "submit_sm refused: status 0000040B"},
		"generic_nack":                {GenericNack, RInvCmdID, "submit_sm refused with generic_nack: ESME_RINVCMDID"},
		"generic_nack with ESME_ROK":  {GenericNack, ROK, "submit_sm refused with generic_nack: ESME_ROK"},
		"status of the vendor, large": {SubmitSMResp, 0xFFFFFFFF, "submit_sm refused: status FFFFFFFF"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{ResponseTimeout: time.Second}, func(t *testing.T, s *Session, p *peer) {
				check := func(o Outcome, err error) {
					t.Helper()
					var refused *RefusedError
					switch {
					case tc.says == "":
						if err != nil {
							t.Errorf("%+v, %v", o, err)
						}
					case !errors.As(err, &refused) || *refused != RefusedError{SubmitSM, tc.status, tc.resp == GenericNack}:
						t.Errorf("%+v, %v", o, err)
					case !errors.Is(err, tc.status) || !strings.HasPrefix(err.Error(), tc.says):
						t.Errorf("error %v, want %s", err, tc.says)
					}
					if !o.Answered() || o.Status != tc.status {
						t.Errorf("outcome %+v", o)
					}
				}
				done := make(chan error, 1)
				var got Outcome
				go func() {
					var err error
					got, err = s.Do(t.Context(), SubmitSM, otaSubmit())
					done <- err
				}()
				p.send(tc.resp, tc.status, p.next().Seq, nil)
				check(got, <-done)
				out := submit(t, s)
				f := p.next()
				if o := <-out; o.Answered() || !errors.Is(o.Err, ErrUnknown) {
					t.Errorf("no response yet: %+v", o)
				}
				p.send(tc.resp, tc.status, f.Seq, nil) // late
				o := <-out
				check(o, o.Err)
			})
		})
	}
}

// TestConnect: one call binds, and leaves nothing open when it cannot.
func TestConnect(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(p *peer, f Frame)
		want   error
	}{
		"bound":   {func(p *peer, f Frame) { p.send(BindTransceiverResp, ROK, f.Seq, &BindResp{SystemID: "centre"}) }, nil},
		"bare":    {func(p *peer, f Frame) { p.send(BindTransceiverResp, ROK, f.Seq, &BindResp{Bare: true}) }, nil},
		"refused": {func(p *peer, f Frame) { p.send(BindTransceiverResp, RInvPaswd, f.Seq, &BindResp{Bare: true}) }, RInvPaswd},
		"nack":    {func(p *peer, f Frame) { p.send(GenericNack, ROK, f.Seq, nil) }, ROK},
		"closed":  {func(p *peer, _ Frame) { p.Close() }, ErrUnknown},
		"silent":  {func(*peer, Frame) {}, ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				p := &peer{t, b, NewReader(b, 0)}
				over := make(chan struct{})
				go func() {
					defer close(over)
					if f := p.next(); f.Command != BindTransceiver {
						t.Errorf("first came %s", f.Command)
					} else {
						tc.answer(p, f)
					}
				}()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				s, resp, err := Connect(ctx, a, BindTransceiver, Bind{SystemID: "x"}, Options{})
				<-over
				if tc.want != nil {
					if !errors.Is(err, tc.want) || s != nil || resp != nil {
						t.Errorf("%v, %v, %v", s, resp, err)
					}
					if _, err := a.Write([]byte{0}); err == nil {
						t.Error("the connection is still open")
					}
				} else {
					if err != nil || resp.Bare != (name == "bare") {
						t.Fatalf("%+v, %v", resp, err)
					}
					s.Close()
				}
				b.Close()
			})
		})
	}
}

// TestDial: a TCP connection and a bind in one call, while ctx lasts.
func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		NewSession(conn, Options{Handler: HandlerFunc(func(_ context.Context, r *Request) { r.Reply(ROK, &BindResp{SystemID: "centre"}) })})
	}()
	s, resp, err := Dial(t.Context(), l.Addr().String(), BindReceiver, Bind{SystemID: "x"}, Options{})
	if err != nil || resp.SystemID != "centre" {
		t.Fatalf("%+v, %v", resp, err)
	}
	defer s.Close()
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Dial(ctx, l.Addr().String(), BindReceiver, Bind{SystemID: "x"}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("dialled after the end: %v", err)
	}
}
