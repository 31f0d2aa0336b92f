package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/cms"
)

// made is what "card emulate --json" prints of a card.
type made struct {
	ICCID, File string
	Pairs       []struct {
		Slot             int
		Usage, Algorithm string
		PublicKey        []byte
	}
}

// emulates makes emulated cards of a profile with the flags, and a user of the issuer north for
// each; number n is +4179300000n.
func (w *world) emulates(t *testing.T, profile string, from, n int, flags ...string) []made {
	t.Helper()
	csv := cardHeader
	for i := from; i < from+n; i++ {
		key := make([]byte, 48)
		rand.Read(key) // never fails
		csv += fmt.Sprintf("89410100000000009%02d,2289900000000%02d,%s,1,AES128:%X,AES128:%X,8,,AES128:%X\n", i, i, profile, key[:16], key[16:32], key[32:])
	}
	w.write(t, "made.csv", csv)
	must(t, w.dir, "card", "import", "made.csv")
	var out []made
	if err := json.Unmarshal([]byte(must(t, w.dir, append([]string{"card", "emulate", "made.csv", "--json"}, flags...)...)), &out); err != nil || len(out) != n {
		t.Fatalf("%+v, %v", out, err)
	}
	for i := range out {
		must(t, w.dir, "user", "add", "--msisdn", madeNumber(from+i), "--iccid", out[i].ICCID, "--name", fmt.Sprintf("Made %d", from+i))
	}
	return out
}

func madeNumber(n int) string { return fmt.Sprintf("+417930000%02d", n) }

// does runs a command about a number and wants an exit code and a text.
func (w *world) does(t *testing.T, number string, code int, says string, args ...string) {
	t.Helper()
	r := run(t, w.dir, append(args, "--msisdn", number)...)
	if r.code != code || !strings.Contains(r.stdout+r.stderr, says) {
		t.Errorf("simsign %s: exit code %d, want %d and %q\n%s%s", strings.Join(args, " "), r.code, code, says, r.stdout, r.stderr)
	}
}

// signer is the public key of the certificate with which a number signs.
func (w *world) signer(t *testing.T, number, profile string) []byte {
	t.Helper()
	must(t, w.dir, "sign", "--url", "http://"+w.api, "--ap", string(bank), "--password", w.passwords[bank], "--msisdn", number, "--profile", profile,
		"--text", "Pay?", "--poll", "20ms", "--ca", "ca.pem", "--out", "made.p7s")
	b, err := os.ReadFile(w.path("made.p7s"))
	if err != nil {
		t.Fatal(err)
	}
	sd, _, err := cms.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(sd.Certificates[0])
	if err != nil {
		t.Fatal(err)
	}
	return cert.RawSubjectPublicKeyInfo
}

// Cards that come with a pair that was made at their personalisation: the registration of its
// usage takes that pair, by command and by JSON, and certifies its public key; another usage
// makes its own; where the registration is refused the pair is deleted.
//
// Covers: W-5 via simsign user register
// Covers: W-5, 5.1-5 via POST /int3c/register_init
func TestPersonalisedPair(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	d := newDesk(t, w)
	cards := w.emulates(t, "java", 0, 2, "--pair", "authentication")
	for i, m := range cards {
		if len(m.Pairs) != 1 || m.Pairs[0].Slot != 1 || m.Pairs[0].Usage != "authentication" || len(m.Pairs[0].PublicKey) == 0 {
			t.Fatalf("card %d: %+v", i, m)
		}
		must(t, w.dir, "issuer", "assign", "north", m.ICCID)
	}
	c := w.serve(t)
	first, second := madeNumber(0), madeNumber(1)
	p := w.startTerminal(t, first, cards[0].File, "")
	p.knows(personalCode, personalCode)
	w.does(t, first, 0, "slot 1, authentication", "user", "register")
	if !bytes.Equal(w.signer(t, first, authURI), cards[0].Pairs[0].PublicKey) {
		t.Error("the certificate is of another key")
	}
	p.knows(signCode, signCode)
	w.does(t, first, 0, "slot 2, non-repudiation", "user", "register", "--usage", "non-repudiation")
	w.does(t, first, 0, "slot    1: registered", "user", "applet")
	if bytes.Equal(w.signer(t, first, signURI), cards[0].Pairs[0].PublicKey) {
		t.Error("one key for both usages")
	}

	q := w.startTerminal(t, second, cards[1].File, "")
	q.knows(personalCode, personalCode)
	m := map[string]any{"msisdn": second, "profile": authURI, "usage": "authentication"}
	for range 2 {
		a := d.ask(t, "crm", "/int3c/register_init", map[string]any{"msisdn": second, "profile": authURI})
		d.wants(t, "init", a, 200, "ok", "")
		if !bytes.Equal(a.octets(t, "publicKey"), cards[1].Pairs[0].PublicKey) {
			t.Error("register_init answers with another key")
		}
	}
	d.wants(t, "complete", d.ask(t, "crm", "/int3c/register_complete", m), 200, "ok", "")
	d.wants(t, "refused", d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": second, "status": "refused"}), 200, "ok", "")
	eventually(t, "an empty slot", func() bool {
		return strings.Contains(must(t, w.dir, "user", "applet", "--msisdn", second), "slot    1: empty")
	})
	a := d.ask(t, "crm", "/int3c/register_init", map[string]any{"msisdn": second, "profile": authURI})
	d.wants(t, "init again", a, 200, "ok", "")
	if bytes.Equal(a.octets(t, "publicKey"), cards[1].Pairs[0].PublicKey) {
		t.Error("the pair of a registration that was refused is still there")
	}
	p.quit()
	q.quit()
	c.stop(t)
	w.checkLog(t, d.passwords)
}
