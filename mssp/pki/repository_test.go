package pki

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// The certificate of a key is that of the built-in CA while it is in force, else that of the
// first repository that has one of this key; whoever fails or gives something else has none.
//
// Supports: 5.1-8, 5.1-15
func TestFindsCertificate(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{Publish: true})
	csr, err := x509.CreateCertificateRequest(b.ca.o.Rand, &x509.CertificateRequest{}, newTestKey(t, "P-256"))
	must(t, err)
	cert, err := b.ca.Issue(t.Context(), csr, testSubscriber, mssp.Authentication)
	must(t, err)
	bits, err := keyBits(cert.RawSubjectPublicKeyInfo)
	must(t, err)
	id := sha1.Sum(bits)
	id = sha1.Sum(id[:])
	gives := map[string][]byte{"/right": cert.Raw, "/other": b.ca.cert.Raw, "/junk": []byte("junk")}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		skid := r.URL.Query().Get("sKIDHash")
		if skid != "" && skid != base64.StdEncoding.EncodeToString(id[:]) {
			t.Errorf("asked for %q", skid)
		}
		switch b := gives[r.URL.Path]; {
		case r.URL.Path == "/down":
			http.Error(w, "down", http.StatusServiceUnavailable)
		case b == nil:
			http.NotFound(w, r)
		default:
			_, _ = w.Write(b)
		}
	}))
	defer srv.Close()
	r := &Repositories{CA: b.ca, Client: srv.Client(), Logger: slog.New(slog.DiscardHandler)}
	find := func(what string, want []byte) {
		t.Helper()
		if der, err := r.Find(t.Context(), cert.RawSubjectPublicKeyInfo); err != nil || !bytes.Equal(der, want) {
			t.Errorf("%s: %d octets, %v", what, len(der), err)
		}
	}
	find("its own", cert.Raw)
	must(t, b.ca.Suspend(t.Context(), serialOf(cert)))
	find("suspended", nil)
	for _, place := range []string{"/other?{key}", "/junk?{key}", "/down?{key}", "/none?{key}"} {
		r.URLs = append(r.URLs, srv.URL+place)
		find(place, nil)
	}
	r.URLs = append(r.URLs, srv.URL+"/right?sKIDHash={skid}")
	find("right", cert.Raw)
	b.store.down = errors.New("down")
	if _, err := r.Find(t.Context(), cert.RawSubjectPublicKeyInfo); !errors.Is(err, b.store.down) {
		t.Errorf("%v", err)
	}
	w := httptest.NewRecorder()
	b.ca.Handler("", nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/certificates/01.cer", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("without a database: %d", w.Code)
	}
}
