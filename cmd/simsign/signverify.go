package main

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/cms"
)

// httpClient trusts and shows the certificates of the flags.
func (k *SignCmd) httpClient() (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if k.TLSCA != "" {
		certs, err := config.PEMCertificates(k.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("--tls-ca: %w", err)
		}
		conf.RootCAs = poolOf(certs)
	}
	if (k.Cert == "") != (k.Key == "") {
		return nil, usage("--cert and --key belong together")
	}
	if k.Cert != "" {
		pair, err := tls.LoadX509KeyPair(k.Cert, k.Key)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %s with %s: %w", k.Cert, k.Key, err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: conf, Proxy: http.ProxyFromEnvironment, IdleConnTimeout: time.Minute}}, nil
}

// trust is what an answer is checked against.
type trust struct {
	roots  *x509.CertPool    // nil: the chain is not checked
	signer *x509.Certificate // of a bare signature; nil: nothing to verify it with
	now    time.Time
}

func (k *SignCmd) trust() (trust, error) {
	t := trust{now: time.Now()}
	if k.CA != "" {
		certs, err := config.PEMCertificates(k.CA)
		if err != nil {
			return t, fmt.Errorf("--ca: %w", err)
		}
		t.roots = poolOf(certs)
	}
	if k.Signer != "" {
		certs, err := config.PEMCertificates(k.Signer)
		if err != nil {
			return t, fmt.Errorf("--signer: %w", err)
		}
		t.signer = certs[0]
	}
	return t, nil
}

// verify holds the signature against what was asked for and says who signed.
func (t trust) verify(say io.Writer, format string, sig []byte, want signed) error {
	if format == "pkcs1" {
		return t.verifyBare(say, sig, want)
	}
	data, rest, err := cms.Parse(sig)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d octets follow the CMS message", len(rest))
	}
	o := cms.VerifyOptions{Roots: t.roots, Time: t.now, Content: want.content, Digest: want.digest}
	if want.digest == nil && data.Detached {
		return errors.New("the text is not in the CMS message")
	}
	if o.Roots == nil {
		// Taking the certificates of the message for granted leaves content
		// and signature to be checked.
		o.Roots = x509.NewCertPool()
		for _, der := range data.Certificates {
			if c, err := x509.ParseCertificate(der); err == nil {
				o.Roots.AddCert(c)
			}
		}
	}
	who, err := data.Verify(o)
	if err != nil {
		return err
	}
	said := "the time of signing is not in it"
	if !who.SigningTime.IsZero() {
		said = "at " + who.SigningTime.UTC().Format(time.RFC3339)
	}
	t.report(say, who.Certificate, said)
	return nil
}

// verifyBare checks a bare signature value: RSA PKCS#1 v1.5, or ECDSA in DER.
func (t trust) verifyBare(say io.Writer, sig []byte, want signed) error {
	if t.signer == nil {
		fmt.Fprintln(say, "signed    NOT VERIFIED: a bare signature brings no certificate; give --signer FILE")
		return nil
	}
	if t.roots != nil {
		if _, err := t.signer.Verify(x509.VerifyOptions{Roots: t.roots, CurrentTime: t.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			return fmt.Errorf("signer certificate: %w", err)
		}
	}
	err := errors.New("signature does not verify")
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		digest := want.digest
		if digest == nil {
			w := h.New()
			w.Write(want.content)
			digest = w.Sum(nil)
		}
		if len(digest) != h.Size() {
			continue
		}
		if err = cms.VerifyDigest(t.signer.PublicKey, h, digest, sig); err == nil {
			t.report(say, t.signer, "the time of signing is not in it")
			return nil
		}
	}
	return err
}

func (t trust) report(say io.Writer, cert *x509.Certificate, when string) {
	fmt.Fprintf(say, "signed    by %s, %s\n", cert.Subject, when)
	if t.roots == nil {
		fmt.Fprintln(say, "chain     NOT CHECKED: anybody could have made this certificate; give --ca FILE")
		return
	}
	fmt.Fprintf(say, "chain     leads to the given CA, certificate %x of %s, valid until %s\n",
		cert.SerialNumber, cert.Issuer, cert.NotAfter.UTC().Format(time.DateOnly))
}

func poolOf(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}
