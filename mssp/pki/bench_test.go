package pki

import (
	"crypto"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
)

// BenchmarkVA is a verification with everything around it, warm, beside the
// bare verification of the same signature.
func BenchmarkVA(b *testing.B) {
	for _, kind := range []string{"P-256", "RSA"} {
		be := newBench(b, CreateOptions{UnderRoot: true}, Options{})
		va := NewVA(VAOptions{CA: be.ca, Clock: be.clock.Now})
		u := be.enrol(b, kind)
		digest, sig := u.sign(b, crypto.SHA256, "text")
		b.Run(kind+"/bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if cms.VerifyDigest(u.cert.PublicKey, crypto.SHA256, digest, sig) != nil {
					b.Fatal("invalid")
				}
			}
		})
		b.Run(kind+"/va", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if va.Check(b.Context(), u.cert, digest, sig).Code != mssp.ValidSignature {
					b.Fatal("invalid")
				}
			}
		})
		b.Run(kind+"/certificate", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if va.CheckCertificate(b.Context(), u.cert).Code != mssp.ValidSignature {
					b.Fatal("invalid")
				}
			}
		})
	}
}

// BenchmarkIssue is one certificate from an EC CA.
func BenchmarkIssue(b *testing.B) {
	be := newBench(b, CreateOptions{}, Options{})
	csr := request(b, newTestKey(b, "P-256"), crypto.SHA256, "")
	for b.Loop() {
		clear(be.store.certs) // a key has one certificate
		if _, err := be.ca.Issue(b.Context(), csr, testSubscriber, mssp.Authentication); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOCSP is one answer: signed anew, and from memory.
func BenchmarkOCSP(b *testing.B) {
	be := newBench(b, CreateOptions{Key: RSA3072}, Options{})
	u := be.enrol(b, "P-256")
	q := be.question(b, u.cert, crypto.SHA1)
	for _, warm := range []bool{false, true} {
		b.Run(map[bool]string{false: "signed", true: "cached"}[warm], func(b *testing.B) {
			for b.Loop() {
				if !warm {
					be.ca.Changed()
				}
				if _, _, err := be.ca.OCSP(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
