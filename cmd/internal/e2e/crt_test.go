package e2e

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/cms"
)

// A pair of RSA that the card makes is kept in CRT form, and is the one of the user's certificate.
//
// Covers: 3.3-7 via simsign card emulate
// Covers: 3.2-3 via simsign user register
func TestRSAInCRTForm(t *testing.T) {
	const number, iccid = "+41792000001", "8941000000000000001"
	w := newWorld(t, 1, "")
	w.extend(t, "[[card_profile]]\nname = \"rsa\"\ntar = \"4D5353\"\nspi = \"1600\"\nalgorithms = [\"RSA-2048\"]\n")
	w.write(t, "card.csv", "iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n"+iccid+",228010000000001,rsa,1,AES128:"+kicOfCard+",AES128:"+kidOfCard+",8,,AES128:"+k0OfCard+"\n")
	must(t, w.dir, "card", "import", "card.csv")
	must(t, w.dir, "card", "emulate", "card.csv", "--level", "2", "--strict")
	must(t, w.dir, "user", "add", "--msisdn", number, "--iccid", iccid, "--name", "Anna Example")
	c := w.serve(t)
	const file = "card-" + iccid + ".journal"
	p := w.startTerminal(t, number, file, "", "--strict")
	p.knows(personalCode, personalCode)
	must(t, w.dir, "user", "register", "--msisdn", number, "--algorithm", "RSA-2048")
	if r := run(t, w.dir, "sign", "--url", "http://"+w.api, "--ap", string(bank), "--password", w.passwords[bank], "--msisdn", number, "--text", "Pay?", "--poll", "20ms", "--ca", "ca.pem", "--out", "signed.p7s"); r.code != 0 || !strings.Contains(r.stdout+r.stderr, verified) {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	p.quit()
	c.stop(t)
	journal, err := os.ReadFile(w.path(file))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(journal, []byte("\x02\x01\x00\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00\x04"))
	if at < 4 {
		t.Fatal("the card has no RSA key")
	}
	var pkcs8 struct {
		Version   int
		Algorithm asn1.RawValue
		Key       []byte
	}
	if _, err := asn1.Unmarshal(journal[at-4:], &pkcs8); err != nil {
		t.Fatal(err)
	}
	var k struct {
		Version                   int
		N, E, D, P, Q, Dp, Dq, Qi *big.Int
	}
	if _, err := asn1.Unmarshal(pkcs8.Key, &k); err != nil {
		t.Fatal(err)
	}
	less := func(a *big.Int) *big.Int { return new(big.Int).Sub(a, big.NewInt(1)) }
	mod := func(a, m *big.Int) *big.Int { return new(big.Int).Mod(a, m) }
	if new(big.Int).Mul(k.P, k.Q).Cmp(k.N) != 0 || k.Dp.Cmp(mod(k.D, less(k.P))) != 0 || k.Dq.Cmp(mod(k.D, less(k.Q))) != 0 || mod(new(big.Int).Mul(k.Qi, k.Q), k.P).Cmp(big.NewInt(1)) != 0 {
		t.Error("the key of the card is not in CRT form")
	}
	signed, err := os.ReadFile(w.path("signed.p7s"))
	if err != nil {
		t.Fatal(err)
	}
	sd, _, err := cms.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(sd.Certificates[0])
	if err != nil {
		t.Fatal(err)
	}
	if pub, ok := cert.PublicKey.(*rsa.PublicKey); !ok || pub.N.Cmp(k.N) != 0 {
		t.Error("the user's certificate is about another key")
	}
}
