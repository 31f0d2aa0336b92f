package pki

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// The repository gives a certificate in force by its serial number or its key, in either
// case and with zeros in front, and nothing else: no list, no other name, none that is
// suspended, revoked, expired or unknown.
//
// Supports: 5.1-15
func TestPublished(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{Publish: true})
	u, other := b.enrol(t, "P-256"), b.enrol(t, "P-256")
	serial := hex.EncodeToString(u.cert.SerialNumber.Bytes())
	key := keyHash(u.cert.RawSubjectPublicKeyInfo)
	get := func(path string, status int) {
		t.Helper()
		w := httptest.NewRecorder()
		b.ca.Handler("", nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != status || (status == http.StatusOK) != bytes.Equal(w.Body.Bytes(), u.cert.Raw) {
			t.Errorf("%s: %d, %d octets, want %d", path, w.Code, w.Body.Len(), status)
		}
	}
	good := []string{"/certificates/" + serial + ".cer", "/certificates/00" + strings.ToUpper(serial) + ".cer", "/certificates?key=" + key, "/certificates?key=" + strings.ToUpper(key)}
	for _, path := range good {
		get(path, http.StatusOK)
	}
	bad := []string{
		"/certificates", "/certificates/", "/certificates?key=", "/certificates/.cer", "/certificates/" + serial, "/certificates/0g.cer",
		"/certificates/" + serial[:2] + ".cer", "/certificates/00.cer", "/certificates?key=" + key[:62], "/certificates?name=Anna",
	}
	for _, path := range bad {
		get(path, http.StatusNotFound)
	}
	must(t, b.ca.Suspend(t.Context(), serial))
	for _, path := range good {
		get(path, http.StatusNotFound)
	}
	must(t, b.ca.Reactivate(t.Context(), serial))
	get(good[0], http.StatusOK)
	must(t, b.ca.Revoke(t.Context(), hex.EncodeToString(other.cert.SerialNumber.Bytes()), 0))
	get("/certificates?key="+keyHash(other.cert.RawSubjectPublicKeyInfo), http.StatusNotFound)

	b.store.down = errors.New("down")
	get(good[0], http.StatusServiceUnavailable)
	get(good[2], http.StatusServiceUnavailable)
	get("/certificates?key=", http.StatusNotFound) // nothing is asked for, so the database is not asked
	get("/certificates/0g.cer", http.StatusNotFound)
	b.store.down = nil
	b.clock.now = u.cert.NotAfter
	get(good[0], http.StatusOK)
	b.clock.now = u.cert.NotAfter.Add(time.Second)
	get(good[0], http.StatusNotFound)
}

// An answer that breaks off is none, also when what has come so far is a whole certificate.
//
// Supports: 5.1-15
func TestRepositoryBreaksOff(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	u := b.enrol(t, "P-256")
	must(t, b.ca.Suspend(t.Context(), hex.EncodeToString(u.cert.SerialNumber.Bytes())))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(u.cert.Raw)+1))
		_, _ = w.Write(u.cert.Raw)
	}))
	defer srv.Close()
	r := &Repositories{CA: b.ca, URLs: []string{srv.URL + "/{key}"}, Client: srv.Client(), Logger: slog.New(slog.DiscardHandler)}
	if der, err := r.Find(t.Context(), u.cert.RawSubjectPublicKeyInfo); err != nil || der != nil {
		t.Errorf("%d octets, %v", len(der), err)
	}
	if _, err := b.ca.o.Store.CertificateOfKey(t.Context(), keyHash(u.cert.RawSubjectPublicKeyInfo)); errors.Is(err, mssp.ErrNotFound) {
		t.Error("the CA does not know its own certificate")
	}
}
