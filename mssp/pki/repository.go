package pki

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/simsign/simsign/mssp"
)

// The repository (5.1 A 24) has the certificates of users that are in force, for whoever
// knows a serial number or a public key:
//
//	GET /certificates/SERIAL.cer   the serial number, hexadecimal
//	GET /certificates?key=HASH     SHA-256 of the SubjectPublicKeyInfo, hexadecimal
//
// A certificate names a person. So there is no list and no search by name or number, serial
// numbers are random, and one that is suspended, revoked or expired is not given: the numbers
// on a revocation list, which anybody reads, lead to nobody's name.
const pathCertificates = "/certificates"

// serveRepository answers with a certificate, DER (RFC 4387 2: application/pkix-cert).
func (c *CA) serveRepository(w http.ResponseWriter, r *http.Request, rest string) {
	if !readOnly(w, r) {
		return
	}
	row, err := c.published(r, rest)
	now := c.o.Clock()
	switch {
	case errors.Is(err, mssp.ErrNotFound) || err == nil && (row.Status != mssp.CertValid || len(row.DER) == 0 || now.After(row.NotAfter)):
		http.Error(w, "no certificate in force has this serial number or key", http.StatusNotFound)
		return
	case err != nil:
		c.o.Logger.ErrorContext(r.Context(), "no certificate", "error", err)
		http.Error(w, "no certificates at present", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/pkix-cert")
	w.Header().Set("Cache-Control", "no-store") // it may be revoked at any time, and its owner erased
	http.ServeContent(w, r, "", row.NotBefore, bytes.NewReader(row.DER))
}

// published is the row that a request asks for.
func (c *CA) published(r *http.Request, rest string) (mssp.Certificate, error) {
	name, ok := strings.CutSuffix(strings.TrimPrefix(rest, "/"), ".cer")
	if rest == "" {
		if name = strings.ToLower(r.URL.Query().Get("key")); name == "" {
			return mssp.Certificate{}, mssp.ErrNotFound
		}
		return c.o.Store.CertificateOfKey(r.Context(), name)
	}
	serial, err := hex.DecodeString(strings.ToLower(name))
	if !ok || err != nil || len(serial) == 0 {
		return mssp.Certificate{}, mssp.ErrNotFound
	}
	return c.o.Store.PublishedCertificate(r.Context(), hex.EncodeToString(bytes.TrimLeft(serial, "\x00")))
}

// Repositories are where the certificate of a key is looked for: that of the built-in CA, and
// those of others.
type Repositories struct {
	CA *CA // may be nil
	// URLs of repositories by HTTP. {key} stands for the SHA-256 of the SubjectPublicKeyInfo,
	// hexadecimal, {skid} for sKIDHash of RFC 4387, where the CA makes key identifiers by
	// method 1 of RFC 5280 4.2.1.2.
	URLs   []string
	Client *http.Client
	Logger *slog.Logger
}

// KeyPlaces are what an URL of Repositories must have one of.
var KeyPlaces = []string{"{key}", "{skid}"}

// maxCertificate is how many octets of an answer are read.
const maxCertificate = 16 << 10

// Find is the certificate (DER) of a key, nil where nobody has one. Whoever does not answer
// is logged and has none.
func (r *Repositories) Find(ctx context.Context, spki []byte) ([]byte, error) {
	if r.CA != nil {
		row, err := r.CA.o.Store.CertificateOfKey(ctx, keyHash(spki))
		if err == nil && row.Status == mssp.CertValid {
			return row.DER, nil
		}
		if err != nil && !errors.Is(err, mssp.ErrNotFound) {
			return nil, err
		}
	}
	for _, u := range r.URLs {
		der, err := r.fetch(ctx, u, spki)
		if err != nil {
			r.Logger.WarnContext(ctx, "a repository of certificates does not answer", "url", u, "error", err)
		} else if der != nil {
			return der, nil
		}
	}
	return nil, nil
}

func (r *Repositories) fetch(ctx context.Context, at string, spki []byte) ([]byte, error) {
	bits, err := keyBits(spki)
	if err != nil {
		return nil, err
	}
	id := sha1.Sum(bits)
	skid := sha1.Sum(id[:])
	at = strings.NewReplacer(KeyPlaces[0], keyHash(spki), KeyPlaces[1], url.QueryEscape(base64.StdEncoding.EncodeToString(skid[:]))).Replace(at)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil
	default:
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxCertificate))
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(b); block != nil {
		b = block.Bytes
	}
	cert, err := x509.ParseCertificate(b)
	if err != nil || !bytes.Equal(cert.RawSubjectPublicKeyInfo, spki) {
		return nil, errors.New("what it gives is no certificate of the key that was asked for")
	}
	return cert.Raw, nil
}
