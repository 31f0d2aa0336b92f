package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/smsc"
)

// between stands before a message centre. It passes on what the service and the
// centre say, and around each part of a user's answer it slips in messages that
// anybody could have sent in the user's name.
type between struct {
	t       testing.TB
	centre  string // address of the real one
	attacks atomic.Bool
	forged  atomic.Int64
}

// hire puts an SMPP centre with a liar before it in the place of the emulated network.
func (w *world) hire(t testing.TB) *between {
	t.Helper()
	s, err := smsc.New(smsc.Options{
		Accounts: []smsc.Account{{SystemID: "simsign", Password: "secret12", Numbers: []string{serviceNumber}}}, Network: w.network,
		Limits: smsc.Limits{RetryFirst: 20 * time.Millisecond, RetryMost: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) // the test is over
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &between{t: t, centre: addr.String()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // the test is over
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			b.serve(t.Context(), conn)
		}
	}()
	text, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "[[bearer]]")
	_, after, _ := strings.Cut(rest, "[[signature_profile]]")
	w.write(t, "smsc.password", "secret12\n")
	w.write(t, "simsign.toml", fmt.Sprintf(`%s[[bearer]]
name = "smsc"
kind = "smpp"
address = %q
number = "+%s"
system_id = "simsign"
password_file = "smsc.password"
[[signature_profile]]%s`, before, l.Addr(), serviceNumber, after))
	return b
}

// serve is one connection of the service: it binds at the centre in its name.
func (b *between) serve(ctx context.Context, conn net.Conn) {
	var out atomic.Pointer[smpp.Session]
	pass := func(to *smpp.Session, r *smpp.Request) {
		o, _ := to.Do(ctx, r.Command, r.Body) // its error is in it
		if !o.Answered() {
			return // the test is over
		}
		r.Reply(o.Status, o.Body) // the peer may be gone
	}
	in := smpp.NewSession(conn, smpp.Options{Handler: smpp.HandlerFunc(func(ctx context.Context, r *smpp.Request) {
		bind, ok := r.Body.(*smpp.Bind)
		if !ok {
			pass(out.Load(), r)
			return
		}
		session := r.Session()
		s, resp, err := smpp.Dial(ctx, b.centre, r.Command, *bind, smpp.Options{Inbound: 1, Handler: smpp.HandlerFunc(func(_ context.Context, r *smpp.Request) {
			m, ok := r.Body.(*smpp.Message)
			if !ok || r.Command != smpp.DeliverSM || !b.attacks.Load() {
				pass(session, r)
				return
			}
			b.lie(session, m, 1)
			pass(session, r)
			b.lie(session, m, 2)
		})})
		if err != nil {
			b.t.Error(err)
			return
		}
		out.Store(s)
		r.Reply(smpp.ROK, resp) // the service may be gone
	})})
	go func() {
		<-in.Done()
		if s := out.Load(); s != nil {
			s.Close()
		}
	}()
}

// lie sends forged parts that go with a part of the card's answer; round makes
// their octets differ from others. Each is acknowledged: else a centre would keep
// it before the card's own.
func (b *between) lie(to *smpp.Session, m *smpp.Message, round byte) {
	if m.ESMClass&smpp.ESMClassUDHI == 0 {
		return // a receipt
	}
	n := int(m.ShortMessage[0]) + 1
	c, _, err := sms.ParseConcat(m.ShortMessage[:n])
	if err != nil || c.Total < 2 {
		return // no part of several
	}
	ref, total := byte(c.Ref), c.Total
	for _, p := range forgeries(ref, total, round) {
		x := m.Clone()
		x.ShortMessage = slices.Concat(p.udh, p.ud)
		if _, err := to.Do(b.t.Context(), smpp.DeliverSM, x); err != nil {
			if b.t.Context().Err() == nil {
				b.t.Errorf("the forged part with the header %X: %v", p.udh, err)
			}
			return
		}
		b.forged.Add(1)
	}
}

// forgeries are parts under the reference of an answer, and of others beside it.
func forgeries(ref, total, round byte) (out []part) {
	const whole, middle, last = 124, 64, 58 // octets of the parts: ciphered in whole blocks
	start := func(of byte) []byte {         // as a response packet begins
		size := whole + int(of-2)*middle + last - 2
		return append([]byte{byte(size >> 8), byte(size), 0x12, 0xB0, 0, 1, 0, 0, 0, 0, round}, make([]byte, whole-11)...)
	}
	first := func(ref, of byte, ud []byte) part { return part{[]byte{7, 0, 3, ref, of, 1, 0x71, 0}, ud} }
	other := func(ref, of, n byte, ud []byte) part { return part{[]byte{5, 0, 3, ref, of, n}, ud} }
	junk := func(n byte, size int) []byte { return slices.Repeat([]byte{n, round}, size/2) }
	out = append(out, first(ref, total, start(total)), first(ref, total, start(total)[:whole-1])) // under the card's own reference; one is too short
	for n := byte(2); n < total; n++ {
		out = append(out, other(ref, total, n, junk(n, middle)))
	}
	out = append(out, other(ref, total, total, junk(0, last)), other(ref, total, total, junk(1, last)))
	out = append(out, first(ref, total, nil), other(ref, total, 2, nil)) // nothing in it
	for of := total + 1; of < total+3; of++ {                            // of more parts
		out = append(out, first(ref, of, start(of)), other(ref, of, 2, nil), other(ref, of, of, junk(of, last)))
	}
	// The same reference in 16 bits, whole.
	out = append(out, part{[]byte{8, 8, 4, 0, ref, 2, 1, 0x71, 0}, start(2)}, part{[]byte{6, 8, 4, 0, ref, 2, 2}, junk(1, last)})
	for i := range byte(12) { // beginnings and ends of others, more than may be open
		out = append(out, first(ref+1+i, total, start(total)), other(ref+20+i, total, 2, junk(i, last)), part{[]byte{6, 8, 4, round, i, 3, 3}, nil})
	}
	return out
}

// Parts that strangers send in the name of a user, before the card's answer,
// between its parts and after it, take nothing from it: each request is signed,
// with one prompt.
//
// Covers: I6, F11 via simsign serve
func TestPartsOfStrangers(t *testing.T) {
	w := newWorld(t, 3, "")
	w.users = w.users[2:] // the one with the answers of several parts
	b := w.hire(t)
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	b.attacks.Store(true)
	var before int64
	for i := range 3 {
		text := fmt.Sprintf("Pay [%d]?", i)
		begin := time.Now()
		w.asks(t, u, 0, verified, "--text", text)
		t.Logf("signed after %s and %d forged parts", time.Since(begin).Round(time.Millisecond), b.forged.Load()-before)
		if before == b.forged.Load() {
			t.Error("nobody has lied about this answer")
		}
		before = b.forged.Load()
		if n := u.shown(fmt.Sprint(i)); n != 1 {
			t.Errorf("%s was shown %d times", text, n)
		}
	}
	for _, result := range []string{"conflict", "forged", "refused"} {
		if w.metric(t, fmt.Sprintf("simsign_mo_total{result=%q}", result)) == 0 {
			t.Errorf("no forged part was counted as %s", result)
		}
	}
	c.stop(t)
	w.checkLog(t, nil)
}
