package e2e

import (
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// keySet is the one of the user's card.
func (u *user) keySet(t testing.TB) *ota.KeySet {
	t.Helper()
	ks, err := ota.NewKeySet(1, ota.Key{Alg: ota.AES128, Octets: u.keys[0][:]}, ota.Key{Alg: ota.AES128, Octets: u.keys[1][:]}, 8)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// Whoever has the card's keys for short messages but not its signature key
// answers in its place: the provider hears that the signature is wrong, and
// never that it was signed.
//
// Covers: 5.2-2 via POST /rest/service
func TestForgedSignature(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
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
	cmd, err := u.keySet(t).Open(nil, v.packet())
	if err != nil {
		t.Fatal(err)
	}
	m, err := applet.Parse(cmd.Data)
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	rand.Read(signature[8:]) // small enough to be a signature by its form
	said := applet.Answer{Transaction: m.Transaction}
	for _, x := range m.Commands {
		r := applet.Result{Tag: x.Tag().Result(), Status: applet.StatusOK}
		if x.Tag() == applet.TagSignTransaction {
			r.Signature = signature
		}
		said.Results = append(said.Results, r)
	}
	data, err := said.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := u.keySet(t).SealResponse(nil, cmd.SPI, &ota.Response{TAR: cmd.TAR, CNTR: cmd.CNTR, Status: ota.StatusOK, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	v.send(t, []byte{2, 0x71, 0}, answer)
	st, err := w.client(bank).Wait(t.Context(), asked)
	var fault *mssp.Fault
	if err == nil && st.Status.Code != mssp.InvalidSignature || err != nil && (!errors.As(err, &fault) || fault.Code != mssp.InvalidSignature) {
		t.Errorf("a forged signature ends with %+v, %v", st, err)
	}
	c.stop(t)
}

// Messages of strangers to a card: in clear, secured with other keys, and a
// packet of the service once more. None makes a prompt; the next request of
// the service does.
//
// Covers: 3.5.3-6 via simsign serve
func TestForeignMessages(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	w.asks(t, u, 0, verified, "--text", "Pay?")
	u.mu.Lock()
	old := u.packets[len(u.packets)-1]
	u.mu.Unlock()
	cmd, err := u.keySet(t).Open(nil, old)
	if err != nil {
		t.Fatal(err)
	}
	key := ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}
	other, err := ota.NewKeySet(1, key, key, 8)
	if err != nil {
		t.Fatal(err)
	}
	cmd.CNTR += 1 << 20
	foreign, err := other.Seal(nil, &cmd)
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
		ud := packet[:min(len(packet), 137)]
		if _, err := stranger.Submit(t.Context(), bearer.Segment{Dest: u.number, PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x70, 0}, UD: ud}); err != nil {
			t.Error(err)
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
	c.stop(t)
}

// A card whose profile says so gets a copy of its certificates, whole; other
// cards get none.
//
// Covers: 3.3-6, 3.3-8 via simsign user register
func TestCertificateInTheCard(t *testing.T) {
	w := newWorld(t, 1, "")
	u := w.users[0]
	text, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	copies := func(usage string, stored bool) {
		t.Helper()
		if stored {
			w.write(t, "simsign.toml", strings.Replace(string(text), `tar = "B00001"`, "tar = \"B00001\"\nstores_cert = true", 1))
		}
		c := w.serve(t)
		w.about(t, u, 0, "registered", "user", "register", "--usage", usage)
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
		c.stop(t)
	}
	copies("authentication", false)
	copies("non-repudiation", true)
}
