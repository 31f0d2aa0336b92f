package cms

import (
	"crypto"
	"testing"
)

// BenchmarkAssemble is the second phase: what a finished transaction pays.
func BenchmarkAssemble(b *testing.B) {
	for _, kind := range []string{"P-256", "RSA"} {
		b.Run(kind, func(b *testing.B) {
			prep, sig, _ := benchMessage(b, kind)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := prep.Assemble(sig); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPrepare is the first phase: what an accepted request pays.
func BenchmarkPrepare(b *testing.B) {
	for _, attrs := range []bool{false, true} {
		b.Run(map[bool]string{false: "content", true: "attributes"}[attrs], func(b *testing.B) {
			p := newParty(b, "P-256", nil)
			o := Options{Content: []byte(testText), Hash: crypto.SHA256, SignedAttrs: attrs, SigningTime: testTime, Certificate: p.cert.Raw, Chain: p.chain}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Prepare(o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify is what `simsign sign` pays, with the path to the root.
func BenchmarkVerify(b *testing.B) {
	for _, kind := range []string{"P-256", "RSA"} {
		b.Run(kind, func(b *testing.B) {
			_, _, p := benchMessage(b, kind)
			der := p.message(b, Options{Content: []byte(testText), Hash: crypto.SHA256})
			o := VerifyOptions{Roots: p.roots(), Time: testTime, Content: []byte(testText)}
			b.ReportAllocs()
			for b.Loop() {
				s, _, err := Parse(der)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Verify(o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchMessage(b *testing.B, kind string) (*Prepared, []byte, party) {
	b.Helper()
	p := newParty(b, kind, nil)
	prep, err := Prepare(Options{Content: []byte(testText), Hash: crypto.SHA256, SignedAttrs: true, SigningTime: testTime, Certificate: p.cert.Raw, Chain: p.chain})
	if err != nil {
		b.Fatal(err)
	}
	return prep, p.sign(b, prep), p
}
