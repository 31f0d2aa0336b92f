package e2e

import (
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// Whoever has the card's keys for short messages but not its signature key
// answers in its place: the provider hears that the signature is wrong, and
// never that it was signed.
//
// Covers: 5.2-2 via POST /rest/service
func TestForgedSignature(t *testing.T) {
	w := newWorld(t, 3, "")
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
		cmd := u.command(t, v.packet())
		m, err := applet.Parse(cmd.Data)
		if err != nil {
			t.Fatal(err)
		}
		signature := make([]byte, 64)
		rand.Read(signature[8:]) // small enough to be a signature by its form
		said := applet.Answer{Transaction: m.Transaction, Version: m.Version}
		for _, x := range m.Commands {
			r := applet.Result{Tag: x.Tag().Result(), Status: applet.StatusOK}
			if x.Tag() == applet.TagSignTransaction {
				r.Signature = signature
			}
			said.Results = append(said.Results, r)
		}
		u.answers(t, v, cmd, said)
		st, err := w.client(bank).Wait(t.Context(), asked)
		var fault *mssp.Fault
		if err == nil && st.Status.Code != mssp.InvalidSignature || err != nil && (!errors.As(err, &fault) || fault.Code != mssp.InvalidSignature) {
			t.Errorf("a forged signature ends with %+v, %v", st, err)
		}
	})
	c.stop(t)
}

// answers sends an answer to a command as the card does, with its keys for short messages.
func (u *user) answers(t testing.TB, v *villain, cmd ota.Command, said applet.Answer) {
	t.Helper()
	if u.way != "response" {
		said.Request = applet.RequestHash(cmd.Data)
	}
	data, err := said.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if u.way == "response" {
		answer, err := u.keySet(t).SealResponse(nil, cmd.SPI, &ota.Response{TAR: cmd.TAR, CNTR: cmd.CNTR, Status: ota.StatusOK, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		v.send(t, []byte{2, 0x71, 0}, answer)
		return
	}
	ks, err := u.k0.Answer(1)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := carriage.SealAnswer(nil, ks, kinds[u.way].tar, 1<<20, data) // far above those of the card
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts(0x70, answer) {
		v.send(t, p.udh, p.ud)
	}
}

// parts are the short messages of a packet.
func parts(mark byte, packet []byte) (out []part) {
	if len(packet) <= 140-3 {
		return []part{{[]byte{2, mark, 0}, packet}}
	}
	const first, other = 140 - 8, 140 - 6
	total := byte(1 + (len(packet)-first+other-1)/other)
	out = append(out, part{[]byte{7, 0, 3, 77, total, 1, mark, 0}, packet[:first]})
	for packet = packet[first:]; len(packet) > 0; packet = packet[len(out[len(out)-1].ud):] {
		out = append(out, part{[]byte{5, 0, 3, 77, total, byte(len(out) + 1)}, packet[:min(len(packet), other)]})
	}
	return out
}

// Messages of strangers to a card: in clear, secured with other keys, and a
// packet of the service once more. None makes a prompt; the next request of
// the service does.
//
// Covers: 3.5.3-6 via simsign serve
func TestForeignMessages(t *testing.T) {
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	w.each(t, func(t *testing.T, u *user) {
		w.asks(t, u, 0, verified, "--text", "Pay?")
		u.mu.Lock()
		old := u.packets[len(u.packets)-1]
		u.mu.Unlock()
		cmd := u.command(t, old)
		key := ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}
		other, err := ota.NewKeySet(1, key, key, 8)
		if err != nil {
			t.Fatal(err)
		}
		otherApplet, err := carriage.CardKey{}.Request(1)
		if err != nil {
			t.Fatal(err)
		}
		way, err := carriage.Of(u.way)
		if err != nil {
			t.Fatal(err)
		}
		spi, err := ota.ParseSPI(kinds[u.way].spi)
		if err != nil {
			t.Fatal(err)
		}
		cmd.CNTR += 1 << 20
		foreign, err := way.Seal(nil, &carriage.Command{
			TAR: kinds[u.way].tar, SPI: spi, Message: cmd.Data, Domain: other, DomainCNTR: cmd.CNTR, Applet: otherApplet, AppletCNTR: cmd.CNTR,
		})
		if err != nil {
			t.Fatal(err)
		}
		stranger, err := loopback.Dial(t.Context(), w.networkAddr, "41790009999", &villain{got: map[byte][]byte{}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Stop()
		u.acts(nil)
		seen := w.events.Load()
		for _, packet := range [][]byte{foreign, old, cmd.Data} {
			for _, p := range parts(0x70, packet) {
				if _, err := stranger.Submit(t.Context(), bearer.Segment{Dest: u.number, PID: 0x7F, DCS: 0xF6, UDH: p.udh, UD: p.ud}); err != nil {
					t.Error(err)
				}
			}
		}
		eventually(t, "the messages are delivered", func() bool { return w.events.Load() >= seen+6 && w.network.Waiting(u.number) == 0 })
		if u.seen() != "" {
			t.Errorf("a stranger has made a prompt:\n%s", u.seen())
		}
		w.asks(t, u, 0, verified, "--text", "Pay?")
		if n := strings.Count(u.seen(), "Pay?"); n != 1 {
			t.Errorf("the user was asked %d times:\n%s", n, u.seen())
		}
	})
	c.stop(t)
}

// A card whose profile says so gets a copy of its certificates, whole; other
// cards get none.
//
// Covers: 3.3-6, 3.3-8 via simsign user register
func TestCertificateInTheCard(t *testing.T) {
	w := newWorld(t, 3, "")
	text, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	copies := func(usage string, stored bool) {
		t.Helper()
		if stored {
			w.write(t, "simsign.toml", strings.ReplaceAll(string(text), "tar = ", "stores_cert = true\ntar = "))
		}
		c := w.serve(t)
		for _, u := range w.users {
			w.about(t, u, 0, "registered", "user", "register", "--usage", usage, "--algorithm", u.alg.String())
			var got []byte
			for _, m := range u.opened(t) {
				for _, x := range m.Commands {
					if s, ok := x.(applet.SetAuthenticationHandlerData); ok && s.Operation == applet.HandlerImportCertificate {
						got = append(got, s.Certificate...)
					}
				}
			}
			if !stored && len(got) > 0 {
				t.Errorf("a card got a certificate of %d octets that it does not want", len(got))
			}
			profile := map[string]string{"authentication": authURI, "non-repudiation": signURI}[usage]
			if who := w.signed(t, u, "--profile", profile); stored && string(got) != string(who.Raw) {
				t.Errorf("the card got %d octets, want the certificate\n%s", len(got), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: who.Raw}))
			}
		}
		c.stop(t)
	}
	copies("authentication", false)
	copies("non-repudiation", true)
}
