package service

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
)

func statusRequest(id mssp.TransID) *StatusReq {
	return &StatusReq{Header: bankHeader("S1"), TransID: string(id)}
}

// TestAsynch is the client-server flow: accepted, outstanding, signed; the
// result never changes.
func TestAsynch(t *testing.T) {
	s, e := testService(t)
	resp, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
	if f != nil {
		t.Fatal(f)
	}
	if resp.Profile != profileAuth || resp.AP.ID != "http://bank" || resp.AP.TransID != "T1" || resp.AP.Password != "" ||
		resp.MSSP.ID.URI != "http://mssp.example/" || resp.MSSP.Instant != "2026-11-22T18:00:00.000Z" || resp.MinorVersion != "2" {
		t.Errorf("reply %+v", resp)
	}
	st, f := s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest(resp.TransID))
	if f != nil || st.Status.Code != mssp.OutstandingTransaction || st.Signature != nil {
		t.Fatalf("before the end: %+v, %v", st, f)
	}
	e.end(t, resp.TransID, mssp.Done, mssp.ValidSignature, "", []byte("CMS"))
	for range 2 {
		st, f = s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest(resp.TransID))
		if f != nil || st.Status.Code != mssp.ValidSignature || string(st.Signature.Value) != "CMS" || st.Signature.Format != signature.CMS || string(st.Signature.Certificate) != "certificate" || st.User.MSISDN != "+41791234567" {
			t.Fatalf("after the end: %+v, %v", st, f)
		}
	}
}

// TestEnds translates every kind of end.
//
// Supports: 3.5.6-1, 3.5.4-1, 5.2-2
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		state  mssp.State
		code   mssp.Code
		detail string
		sig    []byte
		status mssp.Code // 0: a fault of that code
		want   string
	}{
		"signed":            {mssp.Done, mssp.Signature, "", []byte("x"), mssp.Signature, ""},
		"signed, no code":   {mssp.Done, 0, "", []byte("x"), mssp.Signature, ""},
		"revoked":           {mssp.Failed, mssp.RevokedCertificate, "", nil, mssp.RevokedCertificate, ""},
		"invalid signature": {mssp.Failed, mssp.InvalidSignature, "", []byte("x"), mssp.InvalidSignature, ""},
		"cancelled":         {mssp.Failed, mssp.UserCancel, "cancelled at the text", nil, 0, "cancelled at the text"},
		"blocked":           {mssp.Failed, mssp.PINBlocked, "", nil, 0, "the user has to unblock it"},
		"expired":           {mssp.Failed, mssp.ExpiredTransaction, "", nil, 0, "the time given to the user is over"},
		"no signature":      {mssp.Done, mssp.Signature, "", nil, 0, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			s, e := testService(t)
			resp, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
			if f != nil {
				t.Fatal(f)
			}
			e.end(t, resp.TransID, c.state, c.code, c.detail, c.sig)
			st, f := s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest(resp.TransID))
			if c.status == 0 {
				if f == nil || !strings.Contains(f.Detail, c.want) || c.state == mssp.Failed && f.Code != c.code {
					t.Fatalf("got %v, %v", st, f)
				}
				return
			}
			if f != nil || st.Status.Code != c.status || (st.Signature != nil) != (c.state == mssp.Done) {
				t.Errorf("got %+v, %v", st, f)
			}
		})
	}
}

// TestOnlyTheAsker is I2: a transaction of another provider and one that
// does not exist cannot be told apart, even when the engine fails to check.
func TestOnlyTheAsker(t *testing.T) {
	s, e := testService(t)
	resp, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
	if f != nil {
		t.Fatal(f)
	}
	e.end(t, resp.TransID, mssp.Done, mssp.Signature, "", []byte("CMS"))
	ask := func(id mssp.TransID) *mssp.Fault {
		req := statusRequest(id)
		req.AP.ID, req.AP.Password = "http://shop", "secret"
		st, f := s.StatusQuery(t.Context(), plain(), Peer{}, req)
		if f == nil {
			t.Fatalf("answered: %+v", st)
		}
		return f
	}
	nothing := ask("hzz")
	if nothing.Code != mssp.WrongParam {
		t.Errorf("unknown transaction: %v", nothing)
	}
	if got := ask(resp.TransID); *got != *nothing {
		t.Errorf("another provider's transaction: %v, unknown: %v", got, nothing)
	}
	e.leak = true
	if got := ask(resp.TransID); *got != *nothing {
		t.Errorf("engine leaks: %v", got)
	}
}

// The same holds for what the engine gives to a request for a signature: nothing of
// another provider, and nothing that is no signature, leaves here.
//
// Supports: I2
func TestOnlyTheAskerWaits(t *testing.T) {
	for name, change := range map[string]func(*mssp.Transaction){
		"another provider": func(tx *mssp.Transaction) { tx.AP = "http://shop" },
		"another kind":     func(tx *mssp.Transaction) { tx.Kind = mssp.KindRegister },
		"as it is":         func(*mssp.Transaction) {},
	} {
		for _, mode := range []string{"synch", "asynch"} {
			s, e := testService(t)
			e.atWait = func(id mssp.TransID) { e.end(t, id, mssp.Done, mssp.Signature, "", []byte("CMS")) }
			s.o.Engine = mixedUp{e, change}
			req := bankRequest("T1")
			req.Mode = mode
			resp, f := s.Signature(t.Context(), plain(), Peer{}, req)
			if name == "as it is" && f != nil || name != "as it is" && (f == nil || *f != *unknownTransaction()) {
				t.Errorf("%s, %s: %+v, %v", name, mode, resp, f)
			}
		}
	}
}

// mixedUp is an engine that takes one transaction for another.
type mixedUp struct {
	*fakeEngine
	change func(*mssp.Transaction)
}

func (e mixedUp) Sign(ctx context.Context, r signature.Request) (mssp.Transaction, error) {
	tx, err := e.fakeEngine.Sign(ctx, r)
	if r.Mode != mssp.Synch {
		e.change(&tx)
	}
	return tx, err
}

func (e mixedUp) Wait(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	tx, err := e.fakeEngine.Wait(ctx, id)
	e.change(&tx)
	return tx, err
}

// TestSynch waits for the user and gives the signature, or the fault.
func TestSynch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := testService(t)
		type answer struct {
			resp *SignatureResp
			f    *mssp.Fault
		}
		ask := func(txn string) chan answer {
			c := make(chan answer, 1)
			go func() {
				req := bankRequest(txn)
				req.Mode = "synch"
				resp, f := s.Signature(t.Context(), plain(), Peer{}, req)
				c <- answer{resp, f}
			}()
			synctest.Wait()
			return c
		}
		a, b := ask("T1"), ask("T2")
		e.end(t, "hb", mssp.Failed, mssp.UserCancel, "the user said no", nil)
		if got := <-b; got.f == nil || got.f.Code != mssp.UserCancel {
			t.Errorf("cancelled: %+v", got)
		}
		e.end(t, "ha", mssp.Done, mssp.Signature, "", []byte("CMS"))
		if got := <-a; got.f != nil || got.resp.Status.Code != mssp.Signature || string(got.resp.Signature.Value) != "CMS" || got.resp.TransID != "ha" {
			t.Errorf("signed: %+v, %v", got.resp, got.f)
		}
	})
}

// TestClientLeaves: the transaction goes on and can be asked for.
func TestClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := testService(t)
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan *SignatureResp, 1)
		go func() {
			req := bankRequest("T1")
			req.Mode = "synch"
			resp, _ := s.Signature(ctx, plain(), Peer{}, req)
			done <- resp
		}()
		synctest.Wait()
		leave()
		resp := <-done
		if resp == nil || resp.Status.Code != mssp.OutstandingTransaction || resp.TransID == "" {
			t.Fatalf("got %+v", resp)
		}
		if n := len(s.rates.waits); n != 0 || s.rates.free != s.o.MaxWaits {
			t.Errorf("%d providers still have places, %d are free", n, s.rates.free)
		}
		e.end(t, resp.TransID, mssp.Done, mssp.Signature, "", []byte("CMS"))
		if st, f := s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest(resp.TransID)); f != nil || st.Status.Code != mssp.Signature {
			t.Errorf("afterwards: %+v, %v", st, f)
		}
	})
}

// TestLimits: requests per second of a provider, and synch requests that wait.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := now
		s, _ := testService(t, func(o *Options) {
			o.RequestsPerSecond, o.Burst, o.MaxWaits = 1, 3, 1
			o.Clock = func() time.Time { return clock }
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		synch := func(txn string) *SignatureReq {
			r := bankRequest(txn)
			r.Mode = "synch"
			return r
		}
		go func() { _, _ = s.Signature(ctx, plain(), Peer{}, synch("T1")) }()
		synctest.Wait()
		if _, f := s.Signature(t.Context(), plain(), Peer{}, synch("T2")); f == nil || f.Code != mssp.UnableToProvide || !strings.Contains(f.Detail, "use MessagingMode asynchClientServer") {
			t.Errorf("second synch: %v", f)
		}
		if _, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T3")); f != nil {
			t.Errorf("asynch beside it: %v", f)
		}
		if _, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T4")); f == nil || f.Code != mssp.UnableToProvide || !strings.Contains(f.Detail, "more than 1 requests per second") {
			t.Errorf("fourth request: %v", f)
		}
		clock = clock.Add(time.Second)
		if _, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T4")); f != nil {
			t.Errorf("a second later: %v", f)
		}
	})
}
