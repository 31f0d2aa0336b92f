package config

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// The certificates that the file names: of the API, of those who may sign
// certificates of providers, and of each connection to a centre. check, a start
// and a reload read them in the same way, so that what one refuses the others do.

// Certificate is a file with certificates and the time at which it is of no
// more use: the first end in a chain that we show, the last one among issuers
// that we trust, where each counts for itself.
type Certificate struct {
	Key   string // as in "api.tls_cert", "bearer.north.tls_ca"
	Path  string
	Until time.Time
}

// privateMode: nobody but the owner and his group reads, nobody else writes.
func privateMode(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder", path)
	}
	if m := info.Mode().Perm(); m&0o037 != 0 {
		return fmt.Errorf("%s has mode %04o: others can read or change it (chmod 0600 %s)", path, m, path)
	}
	return nil
}

// readChain reads a certificate that we show, with those above it, and its key.
func readChain(cert, key string, now time.Time) (tls.Certificate, time.Time, error) {
	shown, err := os.ReadFile(cert)
	if err != nil {
		return tls.Certificate{}, time.Time{}, err
	}
	certs, err := parseCertificates(cert, shown)
	if err != nil {
		return tls.Certificate{}, time.Time{}, err
	}
	if err := privateMode(key); err != nil {
		return tls.Certificate{}, time.Time{}, err
	}
	secret, err := os.ReadFile(key)
	if err != nil {
		return tls.Certificate{}, time.Time{}, err
	}
	pair, err := tls.X509KeyPair(shown, secret)
	if err != nil {
		return tls.Certificate{}, time.Time{}, fmt.Errorf("%s with %s: %w: the certificate of the key stands first in its file, those above it follow", cert, key, err)
	}
	var until time.Time
	for _, c := range certs {
		if err := inTime(cert, c, now); err != nil {
			return tls.Certificate{}, time.Time{}, err
		}
		if until.IsZero() || c.NotAfter.Before(until) {
			until = c.NotAfter
		}
	}
	return pair, until, nil
}

// inTime: a certificate that has ended, or has not begun, is worth nothing.
func inTime(path string, c *x509.Certificate, now time.Time) error {
	const day = time.DateOnly + " 15:04 MST"
	switch {
	case now.After(c.NotAfter):
		return fmt.Errorf("%s: the certificate of %q has expired (%s): put a new one there", path, c.Subject.CommonName, c.NotAfter.UTC().Format(day))
	case now.Before(c.NotBefore):
		return fmt.Errorf("%s: the certificate of %q is not valid yet (from %s): is the clock right?", path, c.Subject.CommonName, c.NotBefore.UTC().Format(day))
	}
	return nil
}

// readIssuers reads certificates that are trusted; those out of their time are
// left out, and one at least must be left.
func readIssuers(path string, now time.Time) (*x509.CertPool, time.Time, error) {
	certs, err := PEMCertificates(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	var until time.Time
	var late error
	pool := x509.NewCertPool()
	for _, c := range certs {
		if err := inTime(path, c, now); err != nil {
			late = errors.Join(late, err)
			continue
		}
		pool.AddCert(c)
		if c.NotAfter.After(until) {
			until = c.NotAfter
		}
	}
	if until.IsZero() {
		return nil, time.Time{}, late
	}
	return pool, until, nil
}

// TLSConfig reads the certificates of the API; nil for plain HTTP. A client may
// show a certificate: which provider it belongs to is pinned, so without a
// client_ca any certificate is taken and only the pin counts.
func (a *API) TLSConfig(now time.Time) (*tls.Config, []Certificate, error) {
	return listenerTLS("api", a.TLSCert, a.TLSKey, a.ClientCA, now)
}

// TLSConfig is the same for the interface of RA and operator.
func (r *RA) TLSConfig(now time.Time) (*tls.Config, []Certificate, error) {
	return listenerTLS("ra", r.TLSCert, r.TLSKey, r.ClientCA, now)
}

func listenerTLS(section, cert, key, clientCA string, now time.Time) (*tls.Config, []Certificate, error) {
	if cert == "" {
		return nil, nil, nil
	}
	pair, until, err := readChain(cert, key, now)
	if err != nil {
		return nil, nil, fmt.Errorf("%s.tls_cert: %w", section, err)
	}
	t := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, ClientAuth: tls.RequestClientCert}
	list := []Certificate{{section + ".tls_cert", cert, until}}
	if clientCA != "" {
		if t.ClientCAs, until, err = readIssuers(clientCA, now); err != nil {
			return nil, nil, fmt.Errorf("%s.client_ca: %w", section, err)
		}
		t.ClientAuth = tls.VerifyClientCertIfGiven
		list = append(list, Certificate{section + ".client_ca", clientCA, until})
	}
	return t, list, nil
}

// TLSConfig reads the certificates of a connection to a centre; nil without TLS.
func (b *Bearer) TLSConfig(now time.Time) (*tls.Config, []Certificate, error) {
	if !b.TLS {
		return nil, nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: b.TLSServerName}
	var list []Certificate
	key := "bearer." + b.Name
	if b.TLSCA != "" {
		pool, until, err := readIssuers(b.TLSCA, now)
		if err != nil {
			return nil, nil, fmt.Errorf("%s.tls_ca: %w", key, err)
		}
		t.RootCAs = pool
		list = append(list, Certificate{key + ".tls_ca", b.TLSCA, until})
	}
	if b.TLSCert != "" {
		pair, until, err := readChain(b.TLSCert, b.TLSKey, now)
		if err != nil {
			return nil, nil, fmt.Errorf("%s.tls_cert: %w", key, err)
		}
		t.Certificates = []tls.Certificate{pair}
		list = append(list, Certificate{key + ".tls_cert", b.TLSCert, until})
	}
	return t, list, nil
}

// Certificates are all that the file names.
func (c *Config) Certificates(now time.Time) ([]Certificate, error) {
	_, all, err := c.API.TLSConfig(now)
	if err != nil {
		return nil, err
	}
	_, list, err := c.RA.TLSConfig(now)
	if err != nil {
		return nil, err
	}
	all = append(all, list...)
	for i := range c.Bearers {
		_, list, err := c.Bearers[i].TLSConfig(now)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// Print is a fingerprint of what the files hold: another one when any of them
// has changed.
func Print(paths ...string) [sha256.Size]byte {
	var all bytes.Buffer
	for _, p := range paths {
		if p == "" {
			continue
		}
		b, err := os.ReadFile(p)
		fmt.Fprintln(&all, p, err != nil, len(b))
		all.Write(b)
	}
	return sha256.Sum256(all.Bytes())
}
