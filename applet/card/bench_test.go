package card_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"path/filepath"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
)

// BenchmarkSignature is one transaction as the card sees it, with its journal
// in a file: ENVELOPE, one prompt, signature, SEND SHORT MESSAGE. The part of
// the server and of the terminal in this test is in it; the bare signature
// stands beside.
func BenchmarkSignature(b *testing.B) {
	for _, a := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		b.Run(a.String(), func(b *testing.B) {
			o := card.Options{Profile: profile()}
			o.Active = true
			c, err := card.Create(filepath.Join(b.TempDir(), "card"), o)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			p := newPhone(b, c)
			p.enrol(1, a, testCode)
			cmd := signHash(digest([]byte("x")))
			cmd.Journey = applet.JourneyOneStep
			b.ReportAllocs()
			for b.Loop() {
				p.script, p.screens, p.sent, p.tried = script(enter(testCode)), nil, nil, nil
				p.deliver(p.seal(p.message(cmd)))
				if len(p.sent) == 0 {
					b.Fatal("no answer")
				}
			}
		})
	}
	b.Run("bare P-256", func(b *testing.B) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		d := digest([]byte("x"))
		for b.Loop() {
			if _, err := ecdsa.SignASN1(rand.Reader, k, d); err != nil {
				b.Fatal(err)
			}
		}
	})
}
