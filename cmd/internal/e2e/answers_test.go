package e2e

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// forger makes what is not the answer of a card of carriage packet or own to a command.
type forger struct {
	t   testing.TB
	u   *user
	cmd ota.Command
}

// answer says that the user cancelled.
func (f *forger) answer() applet.Answer {
	m, err := applet.Parse(f.cmd.Data)
	if err != nil {
		f.t.Fatal(err)
	}
	return applet.Answer{
		Transaction: m.Transaction, Version: applet.Version2, Request: applet.RequestHash(f.cmd.Data),
		Results: []applet.Result{{Tag: m.Commands[len(m.Commands)-1].Tag().Result(), Status: applet.StatusCancelled}},
	}
}

// sealed is an answer as an applet with that key sends it.
func (f *forger) sealed(k0 carriage.CardKey, set byte, cntr ota.CNTR, a applet.Answer) []byte {
	b, err := a.MarshalBinary()
	if err != nil {
		f.t.Fatal(err)
	}
	ks, err := k0.Answer(set)
	if err != nil {
		f.t.Fatal(err)
	}
	packet, err := carriage.SealAnswer(nil, ks, kinds[f.u.way].tar, cntr, b)
	if err != nil {
		f.t.Fatal(err)
	}
	return packet
}

// bare is the answer in a packet without security, by anybody.
func (f *forger) bare() []byte {
	b, err := f.answer().MarshalBinary()
	if err != nil {
		f.t.Fatal(err)
	}
	ks, err := ota.NewKeySet(0, ota.Key{}, ota.Key{}, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	packet, err := ks.Seal(nil, &ota.Command{TAR: kinds[f.u.way].tar, Data: b})
	if err != nil {
		f.t.Fatal(err)
	}
	return packet
}

// response is the answer in a response packet under a key set of the domain.
func (f *forger) response(spi ota.SPI) []byte {
	key := func(k int) ota.Key { return ota.Key{Alg: ota.AES128, Octets: f.u.keys[k][:]} }
	ks, err := ota.NewKeySet(1, key(0), key(1), 8)
	if err != nil {
		f.t.Fatal(err)
	}
	b, err := f.answer().MarshalBinary()
	if err != nil {
		f.t.Fatal(err)
	}
	packet, err := ks.SealResponse(nil, spi, &ota.Response{TAR: kinds[f.u.way].tar, CNTR: f.cmd.CNTR, Status: ota.StatusOK, Data: b})
	if err != nil {
		f.t.Fatal(err)
	}
	return packet
}

// What somebody sends in the name of a card that seals its own answers changes nothing: who has
// the keys of its security domain, who sends the request back, who has another card, who
// has seen old answers. Each is counted by its kind, and the answer of the card ends the
// request all the same; afterwards not even that one does anything.
//
// Covers: I6 via simsign serve
func TestBadAnswers(t *testing.T) {
	w := newWorld(t, 2, "")
	c := w.serve(t)
	w.register(t, "authentication")
	w.each(t, func(t *testing.T, u *user) {
		u.set.Stop()
		v := &villain{got: map[byte][]byte{}}
		var err error
		if v.link, err = loopback.NewClient(loopback.ClientOptions{Dial: loopback.TCP(w.networkAddr), Number: u.number, Inbox: v}); err != nil {
			t.Fatal(err)
		}
		if err := v.link.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer v.link.Stop()
		asked, err := w.client(bank).Signature(t.Context(), &service.SignatureReq{
			Mode: string(mssp.AsynchClientServer), User: service.MobileUser{MSISDN: u.number.String()}, Profile: authURI,
			Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Pay?"},
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the command packet", func() bool { return v.packet() != nil })
		f := &forger{t: t, u: u, cmd: u.command(t, v.packet())}
		const next = 1 << 20 // above the counters of the card
		good := f.sealed(u.k0, 1, next, f.answer())
		with := func(change func(a *applet.Answer)) []byte {
			a := f.answer()
			change(&a)
			return f.sealed(u.k0, 1, next, a)
		}
		flipped := func(at int) []byte {
			b := f.sealed(u.k0, 1, next, f.answer())
			b[at] ^= 1
			return b
		}
		request := v.packet()
		if u.way == "own" {
			outer, err := u.keySet(t).Open(nil, request)
			if err != nil {
				t.Fatal(err)
			}
			request = outer.Data
		}
		brings := func(as []attempt) {
			t.Helper()
			for _, a := range as {
				if have := w.brings(t, v, a); have != a.result {
					t.Errorf("%s is counted as %s, want %s", a.name, have, a.result)
				}
			}
		}
		brings([]attempt{
			{"the request, sent back", 0x70, request, "forged"},
			{"a wrong checksum", 0x70, flipped(len(good) - 1), "forged"},
			{"another key set", 0x70, f.sealed(u.k0, 2, next, f.answer()), "unexpected"},
			{"KIc other than KID", 0x70, flipped(6), "unexpected"},
			{"another card's key", 0x70, f.sealed(carriage.NewCardKey(), 1, next, f.answer()), "forged"},
			{"without security", 0x70, f.bare(), "unexpected"},
			{"cut off", 0x70, good[:len(good)-8], "malformed"},
			{"an octet more", 0x70, append(f.sealed(u.k0, 1, next, f.answer()), 0), "malformed"},
			{"a response packet of the domain", 0x71, f.response(ota.SPI{0x16, 0x39}), "unexpected"},
			{"a response packet in clear", 0x71, f.response(ota.SPI{}), "unexpected"},
			{"to another request", 0x70, with(func(a *applet.Answer) { a.Request = make([]byte, 16) }), "late"},
			{"to another transaction", 0x70, with(func(a *applet.Answer) { a.Transaction ^= 1 }), "mismatch"},
		})
		if st, err := w.client(bank).Status(t.Context(), asked); err != nil || st.Status.Code != mssp.OutstandingTransaction {
			t.Errorf("after all that the transaction is %v, %v", st, err)
		}
		brings([]attempt{{"the answer", 0x70, good, "answer"}})
		ended := func() {
			t.Helper()
			st, err := w.client(bank).Wait(t.Context(), asked)
			var fault *mssp.Fault
			if !errors.As(err, &fault) || fault.Code != mssp.UserCancel {
				t.Errorf("it ended with %v, %v", st, err)
			}
		}
		ended()
		brings([]attempt{
			{"the answer once more", 0x70, good, "late"},
			{"another under its counter", 0x70, with(func(a *applet.Answer) { a.Results[0].Status = applet.StatusNoAnswer }), "late"},
		})
		ended()
	})
	for kind, want := range map[string]float64{"twin": 2, "unasked": 2} { // one of each card
		if have := w.metric(t, fmt.Sprintf("simsign_security_errors_total{kind=%q}", kind)); have != want {
			t.Errorf("%.0f security events of kind %s, want %.0f", have, kind, want)
		}
	}
	c.stop(t)
	w.checkLog(t, nil)
}

// attempt is a packet in the name of a card, and as what it is to be counted.
type attempt struct {
	name   string
	mark   byte
	packet []byte
	result string
}

// brings sends a packet and says as what it was counted.
func (w *world) brings(t testing.TB, v *villain, a attempt) (became string) {
	t.Helper()
	before := w.heard(t)
	for _, p := range parts(a.mark, a.packet) {
		v.send(t, p.udh, p.ud)
	}
	eventually(t, a.name+" is counted", func() bool {
		for result, n := range w.heard(t) {
			if result != "part" && n > before[result] {
				became = result
			}
		}
		return became != ""
	})
	return became
}

var heard = regexp.MustCompile(`(?m)^simsign_mo_total\{result="(\w+)"\} (\d+)`)

// heard are the messages from phones so far, by what became of them.
func (w *world) heard(t testing.TB) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, m := range heard.FindAllStringSubmatch(get(t, "http://"+w.metrics+"/metrics"), -1) {
		out[m[1]], _ = strconv.Atoi(m[2])
	}
	return out
}
