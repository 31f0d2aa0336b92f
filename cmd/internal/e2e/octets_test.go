package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/cms"
)

// A card that signs no given hash: of a CMS with signed attributes it hashes the attributes, and what
// is signed is what is shown all the same, with the reference of the service; a text goes whole where
// no attributes are wanted; a bare hash, and a text that is too long for a card of its level, are refused with the reason before any message leaves.
//
// Covers: 3.2-4, 3.5.3-5, 4-5 via simsign sign
func TestHashedOnTheCard(t *testing.T) {
	const attributes, plain, number, iccid = "http://localhost/simsign/attributes", authURI, "+41792000001", "8941000000000000001"
	w := newWorld(t, 1, "")
	w.extend(t, "[[signature_profile]]\nuri = \""+attributes+"\"\nusage = \"authentication\"\nsigned_attributes = true\n")
	must(t, w.dir, "ap", "edit", string(bank), "--octets", authURI, "--octets", attributes)
	w.write(t, "card.csv", "iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n"+iccid+",228010000000001,java,1,AES128:"+kicOfCard+",AES128:"+kidOfCard+",8,,AES128:"+k0OfCard+"\n")
	must(t, w.dir, "card", "import", "card.csv")
	must(t, w.dir, "card", "emulate", "card.csv", "--level", "1", "--strict")
	must(t, w.dir, "user", "add", "--msisdn", number, "--iccid", iccid, "--name", "Anna Example")
	c := w.serve(t)
	p := w.startTerminal(t, number, "card-"+iccid+".journal", "", "--strict")
	p.knows(personalCode, personalCode)
	must(t, w.dir, "user", "register", "--msisdn", number)
	const hash = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"
	for _, tc := range []struct {
		name, profile, shown string
		attributes           bool
		args                 []string
	}{
		{"a text with attributes", attributes, "Bank: Pay 5 EUR to Joe?", true, []string{"--text", "Pay 5 EUR to Joe?"}},
		{"a text without", plain, "Pay 5 EUR to Joe?", false, []string{"--text", "Pay 5 EUR to Joe?"}},
		{"a hash that becomes a CMS", plain, "Contract 12", true, []string{"--hash", hash, "--text", "Contract 12"}},
	} {
		p.knows(personalCode, personalCode)
		r := run(t, w.dir, append([]string{
			"sign", "--url", "http://" + w.api, "--ap", string(bank), "--password", w.passwords[bank], "--msisdn", number, "--profile", tc.profile,
			"--poll", "20ms", "--ca", "ca.pem", "--out", "signed.p7s",
		}, tc.args...)...)
		if r.code != 0 || !strings.Contains(r.stdout+r.stderr, verified) {
			t.Fatalf("%s: exit code %d\n%s%s\nphone:\n%s", tc.name, r.code, r.stdout, r.stderr, p.text())
		}
		reference := referenceCode.FindStringSubmatch(r.stdout + r.stderr)
		if have := p.text(); reference == nil || !strings.Contains(have, tc.shown) || !strings.Contains(have, "Reference: "+reference[1]) {
			t.Errorf("%s: the phone does not show %q and the reference %q:\n%s", tc.name, tc.shown, reference, have)
		}
		b, err := os.ReadFile(w.path("signed.p7s"))
		if err != nil {
			t.Fatal(err)
		}
		sd, _, err := cms.Parse(b)
		if err != nil || len(sd.Attributes) > 0 != tc.attributes {
			t.Errorf("%s: %d octets of signed attributes, %v", tc.name, len(sd.Attributes), err)
		}
	}
	p.knows(personalCode, personalCode)
	for why, args := range map[string][]string{
		"signs no given hash with P-256": {"--hash", hash, "--format", "pkcs1"},
		"shows 160 characters":           {"--text", strings.Repeat("Pay 5 EUR to Joe? ", 9)},
	} {
		r := run(t, w.dir, append([]string{"sign", "--url", "http://" + w.api, "--ap", string(bank), "--password", w.passwords[bank], "--msisdn", number, "--poll", "20ms"}, args...)...)
		if r.code == 0 || !strings.Contains(r.stderr, why) || strings.Contains(p.text(), "Reference") {
			t.Errorf("want %q, exit code %d: %s\nphone:\n%s", why, r.code, r.stderr, p.text())
		}
	}
	c.stop(t)
}
