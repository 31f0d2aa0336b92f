package smsc

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/smpp"
)

func TestBindRules(t *testing.T) {
	o := testOptions()
	o.Accounts = append(o.Accounts, Account{SystemID: "rx", Password: "p", Binds: Receiver, MaxBinds: 1})
	play(t, o, func(w *world) {
		for _, tc := range []struct {
			id, password string
			cmd          smpp.CommandID
			want         error
		}{
			{"nobody", "secret", smpp.BindTransceiver, smpp.RInvSysID},
			{"", "", smpp.BindTransceiver, smpp.RInvSysID},
			{"esme", "wrong", smpp.BindTransceiver, smpp.RInvPaswd},
			{"esme", "", smpp.BindReceiver, smpp.RInvPaswd},
			{"esme", "secret", smpp.BindTransmitter, nil},
			{"rx", "p", smpp.BindTransceiver, smpp.RBindFail},
			{"rx", "p", smpp.BindTransmitter, smpp.RBindFail},
			{"rx", "p", smpp.BindReceiver, nil},
			{"rx", "p", smpp.BindReceiver, smpp.RAlyBnd}, // one is the most
		} {
			a := w.dial()
			resp, err := a.sess.BindAs(w.t.Context(), tc.cmd, smpp.Bind{SystemID: tc.id, Password: tc.password})
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				w.t.Errorf("%s as %q: %v, want %v", tc.cmd, tc.id, err, tc.want)
			}
			if err == nil {
				if v, ok := resp.TLVs.Uint8(smpp.TagSCInterfaceVersion); resp.SystemID != "simsign" || !ok || v != smpp.Version34 {
					w.t.Errorf("bind response %+v", resp)
				}
			}
		}
		synctest.Wait()
		if got := w.Binds(); got["esme"] != 1 || got["rx"] != 1 || len(got) != 2 {
			w.t.Errorf("binds %v", got)
		}
	})
}

// A bind is counted before its response leaves: whoever hears of it may be cut
// off, and the next one may be one too many.
func TestCountedWhenTold(t *testing.T) {
	o := testOptions()
	o.Accounts[0].MaxBinds = 1
	var w *world
	counted := -1
	o.Trace = func(_ uint64, out bool, pdu []byte) {
		if f, err := smpp.NewReader(bytes.NewReader(pdu), 0).Next(); err == nil && out && f.Command == smpp.BindReceiverResp {
			counted = w.Binds()["esme"]
		}
	}
	play(t, o, func(playing *world) {
		w = playing
		w.bind(smpp.BindReceiver)
		if counted != 1 {
			t.Errorf("%d binds while the response is written", counted)
		}
	})
}

// Requests in the wrong state are refused and the bind stays.
func TestBindState(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		a := w.dial()
		a.ask(smpp.SubmitSM, octets(alice, secured), smpp.RInvBndSts)
		a.ask(smpp.QuerySM, &smpp.Query{}, smpp.RInvBndSts)
		rx := w.bind(smpp.BindReceiver)
		rx.ask(smpp.SubmitSM, octets(alice, secured), smpp.RInvBndSts)
		rx.ask(smpp.DataSM, &smpp.Data{}, smpp.RInvBndSts)
		rx.ask(smpp.BindReceiver, &smpp.Bind{SystemID: "esme", Password: "secret"}, smpp.RAlyBnd)
		rx.ask(smpp.EnquireLink, nil, smpp.ROK)
		tx := w.bind(smpp.BindTransmitter)
		tx.ask(smpp.DeliverSM, octets(alice, secured), smpp.RInvBndSts)
		tx.submit(octets(alice, secured))
		if err := tx.sess.Unbind(w.t.Context()); err != nil {
			w.t.Errorf("unbind: %v", err)
		}
		synctest.Wait()
		if got := w.Binds(); got["esme"] != 1 {
			w.t.Errorf("binds after one has left: %v", got)
		}
	})
}

// Who does not bind, or only guesses, is sent away.
func TestBindPatience(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		silent, guesser := w.dial(), w.dial()
		for range maxRefused {
			_, err := guesser.sess.BindAs(w.t.Context(), smpp.BindTransceiver, smpp.Bind{SystemID: "esme", Password: "guess"})
			if !errors.Is(err, smpp.RInvPaswd) {
				w.t.Errorf("%v, want ESME_RINVPASWD", err)
			}
		}
		<-guesser.sess.Done()
		select {
		case <-silent.sess.Done():
			w.t.Error("the silent one is gone too early")
		default:
		}
		time.Sleep(w.o.Limits.BindTimeout)
		<-silent.sess.Done()
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	o := testOptions()
	o.Limits.Conns = 2
	play(t, o, func(w *world) {
		w.bind(smpp.BindReceiver)
		w.bind(smpp.BindReceiver)
		<-w.dial().sess.Done()
	})
}

// Connections on which nobody binds keep nobody out: the oldest gives way.
func TestStrangersGiveWay(t *testing.T) {
	o := testOptions()
	o.Limits.Conns = 3
	play(t, o, func(w *world) {
		bound := w.bind(smpp.BindReceiver)
		first, second := w.dial(), w.dial()
		again := w.bind(smpp.BindReceiver)
		<-first.sess.Done()
		for _, c := range []*app{bound, second, again} {
			select {
			case <-c.sess.Done():
				w.t.Error("another one has gone")
			default:
			}
		}
	})
}

// Close and Unbind say goodbye; Cut does not.
func TestGoodbye(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		w.Unbind("esme")
		<-a.sess.Done()
		if err := a.sess.Err(); err == nil || err.Error() != "peer has unbound" {
			w.t.Errorf("session ended with %v, want an unbind", err)
		}
		a = w.bind(smpp.BindTransceiver)
		w.Cut("esme")
		<-a.sess.Done()
		if err := a.sess.Err(); err == nil || err.Error() == "peer has unbound" {
			w.t.Errorf("session ended with %v, want a cut", err)
		}
		a = w.bind(smpp.BindTransceiver)
		if err := w.Close(); err != nil {
			w.t.Fatal(err)
		}
		<-a.sess.Done()
		if err := a.sess.Err(); err == nil || err.Error() != "peer has unbound" {
			w.t.Errorf("session ended with %v, want an unbind", err)
		}
		<-w.dial().sess.Done() // closed: nobody is let in
	})
}

func TestAccounts(t *testing.T) {
	for _, tc := range []struct {
		text string
		ok   bool
	}{
		{"esme:secret:1234", true},
		{"esme:secret:1234,+41791234567", true},
		{"esme:secret", true},
		{"esme::1234", true},
		{"esme", false},
		{":secret:1234", false},
		{"sixteencharacter:x:1234", false},
		{"esme:ninechars:1234", false},
		{"esme:secret:12", false},
		{"esme:secret:012345", false},
		{"esme:secret:bank", false},
	} {
		if _, err := ParseAccount(tc.text); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrAccount) {
			t.Errorf("%q: %v", tc.text, err)
		}
	}
	for _, accounts := range [][]Account{
		{{SystemID: "a"}, {SystemID: "a"}},
		{{SystemID: "a", Numbers: []string{"1234"}}, {SystemID: "b", Numbers: []string{"1234"}}},
		{{SystemID: ""}},
	} {
		if _, err := New(Options{Accounts: accounts}); !errors.Is(err, ErrAccount) {
			t.Errorf("%+v: %v, want ErrAccount", accounts, err)
		}
	}
}
