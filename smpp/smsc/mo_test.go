package smsc

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

const moLine = "deliver_sm 41791110001>1234 esm 40 pid 7F dcs F6 027100112233"

// What a handset sends to a short number arrives octet for octet.
func TestMO(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		if got := p.send("1234", unhex("027100"), unhex("112233")); got.Type != rp.AckMT {
			t.Errorf("network says %v", got.Type)
		}
		a.want(moLine)
		if m := a.msgs[0]; m.Source.TON != 1 || m.Dest.TON != 0 {
			t.Errorf("types of number %d and %d", m.Source.TON, m.Dest.TON)
		}
		if got := w.events(); got != "mo-stored mo-sent mo-acknowledged" {
			t.Errorf("ledger: %s", got)
		}
		// Text in the 7-bit alphabet is unpacked.
		ud, n := pack(0, []byte("hello"))
		s := sms.Submit{Destination: sms.Address{Number: "5678"}, UD: ud, Septets: n}
		b, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		p.link.Queue(&rp.Message{Type: rp.DataMO, TPDU: b})
		p.link.Flush()
		<-p.acks
		a.want("deliver_sm 41791110001>5678 esm 00 pid 00 dcs 00 68656C6C6F")
	})
}

// A message that no receiver is there for is kept.
func TestMOWaitsForReceiver(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p := w.phone(alice)
		tx := w.bind(smpp.BindTransmitter)
		p.send("1234", unhex("027100"), unhex("112233"))
		time.Sleep(time.Hour)
		tx.want()
		w.bind(smpp.BindReceiver).want(moLine)
		p.send("1234", nil, []byte("old"))
		p.send("1234", nil, []byte("new"))
		w.Cut("esme")
		p.send("1234", nil, []byte("gone"))
		time.Sleep(25 * time.Hour) // too old
		w.bind(smpp.BindReceiver).want()
		if got := w.events(); !strings.HasSuffix(got, "mo-dropped") {
			t.Errorf("ledger: %s", got)
		}
	})
}

// A message is repeated, octet for octet and with growing pauses, until the
// application has it.
func TestMORedelivered(t *testing.T) {
	for name, tc := range map[string]struct {
		say  smpp.Status
		hush bool
		want string
	}{
		"ESME_RX_T_APPN":  {say: smpp.RxTAppn, want: "[0s 5s 15s 35s]"},
		"ESME_RMSGQFUL":   {say: smpp.RMsgQFul, want: "[0s 5s 15s 35s]"},
		"ESME_RSYSERR":    {say: smpp.RSysErr, want: "[0s 5s 15s 35s]"},
		"no answer":       {hush: true, want: "[0s 15s 35s]"}, // 10 s for an answer each time
		"ESME_RX_P_APPN":  {say: smpp.RxPAppn, want: "[0s]"},
		"ESME_RINVDSTADR": {say: smpp.RInvDstAdr, want: "[0s]"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, testOptions(), func(w *world) {
				p, a := w.phone(alice), w.bind(smpp.BindReceiver)
				start := time.Now()
				var at []time.Duration
				a.hush = tc.hush
				a.say = func(int) smpp.Status {
					return tc.say
				}
				p.send("1234", unhex("027100"), unhex("112233"))
				for range 60 {
					for _, line := range a.take() {
						if line != moLine {
							t.Errorf("application got %q", line)
						}
						at = append(at, time.Since(start).Truncate(time.Second))
					}
					time.Sleep(time.Second)
				}
				// The pauses of "no answer" are seen in steps of a second.
				for i := range at {
					at[i] = at[i].Round(5 * time.Second)
				}
				if got := fmt.Sprint(at); got != tc.want {
					t.Errorf("tries at %s, want %s", got, tc.want)
				}
			})
		})
	}
}

// A late ESME_ROK still ends the repetition.
func TestMOLateAnswer(t *testing.T) {
	o := testOptions()
	o.Faults, _ = ParseScript("deliver_sm#1 lost-ack")
	play(t, o, func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindReceiver)
		p.send("1234", unhex("027100"), unhex("112233"))
		a.want(moLine)
		if _, n := w.Waiting(); n != 1 {
			t.Errorf("%d requests wait, want 1: its answer was lost", n)
		}
		time.Sleep(5 * time.Second)
		a.want(moLine) // the same again
		if got := w.events(); got != "mo-stored mo-sent mo-sent mo-acknowledged" {
			t.Errorf("ledger: %s", got)
		}
	})
}

// Several receivers take turns; when one goes its share goes to the others.
func TestMORoundRobin(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p := w.phone(alice)
		w.bind(smpp.BindTransmitter)
		r := []*app{w.bind(smpp.BindReceiver), w.bind(smpp.BindTransceiver), w.bind(smpp.BindReceiver)}
		for range 9 {
			p.send("1234", nil, []byte("x"))
			synctest.Wait()
		}
		for i, a := range r {
			if got := a.take(); len(got) != 3 {
				t.Errorf("receiver %d got %d of 9", i, len(got))
			}
		}
		r[0].hush = true
		for range 3 {
			p.send("1234", nil, []byte("y"))
			synctest.Wait()
		}
		r[0].sess.Close() // without an answer to its one
		if a, b := len(r[1].take()), len(r[2].take()); a+b != 3 {
			t.Errorf("the others got %d and %d of 3", a, b)
		}
		if _, n := w.Waiting(); n != 0 {
			t.Errorf("%d requests wait", n)
		}
	})
}

// The window of an account bounds what is under way on one bind; order stays.
func TestMOWindow(t *testing.T) {
	o := testOptions()
	o.Accounts[0].Window = 2
	play(t, o, func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindReceiver)
		a.hush = true
		for i := range 5 {
			p.send("1234", nil, []byte{byte(i)})
		}
		if got := a.take(); len(got) != 2 {
			t.Errorf("%d under way, want 2", len(got))
		}
		a.sess.Close()
		synctest.Wait()
		var got []string
		for _, line := range w.bind(smpp.BindReceiver).take() {
			got = append(got, line[len(line)-2:])
		}
		if fmt.Sprint(got) != "[00 01 02 03 04]" {
			t.Errorf("order %v", got)
		}
	})
}
