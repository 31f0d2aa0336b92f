package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/operator"
)

// selfSigned makes a key and a certificate for 127.0.0.1.
func selfSigned(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// save writes a certificate and its key as the configuration names them.
func save(t *testing.T, dir string, c tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"api.crt": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, "api.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A provider without a password is known by its pinned certificate, and by
// no other that it may show.
//
// Covers: W-1 via POST /rest/service
func TestPinnedClientCertificate(t *testing.T) {
	cfg := configuration(t, site)
	server := selfSigned(t, "server")
	dir := t.TempDir()
	save(t, dir, server)
	cfg.API.TLSCert, cfg.API.TLSKey = filepath.Join(dir, "api.crt"), filepath.Join(dir, "api.key")
	a := start(t, cfg)

	bank, stranger := selfSigned(t, "bank"), selfSigned(t, "bank")
	pin := sha256.Sum256(bank.Certificate[0])
	ap, err := a.Admin().AddAP(t.Context(), operator.APRequest{Name: "Bank", NoPass: true, Certs: []string{hex.EncodeToString(pin[:])}})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if leaf, err := x509.ParseCertificate(server.Certificate[0]); err != nil {
		t.Fatal(err)
	} else {
		roots.AddCert(leaf)
	}
	// The transaction that is asked for does not exist: who is let in hears of
	// that, who is not hears 104.
	body := fmt.Sprintf(`{"MSS_StatusReq":{"MajorVersion":"1","MinorVersion":"1","MSSP_TransID":"hnone",`+
		`"AP_Info":{"AP_ID":%q,"AP_TransID":"T1","AP_PWD":"","Instant":%q},"MSSP_Info":{"MSSP_ID":{}}}}`, ap.ID, time.Now().Format(time.RFC3339))
	for name, tc := range map[string]struct {
		certs []tls.Certificate
		in    bool
	}{"pinned": {[]tls.Certificate{bank}, true}, "foreign": {[]tls.Certificate{stranger}, false}, "none": {nil, false}} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: tc.certs}}}
		resp, err := client.Post("https://"+a.APIAddr()+"/rest/service", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		reply, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		client.CloseIdleConnections()
		if resp.StatusCode != http.StatusInternalServerError || strings.Contains(string(reply), `"_104"`) == tc.in {
			t.Errorf("%s certificate: %s %s", name, resp.Status, reply)
		}
	}

	// Old TLS and plain HTTP are not spoken here.
	if _, err := tls.Dial("tcp", a.APIAddr(), &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	if code, body := get(t, "http://"+a.APIAddr()+"/rest/service"); code != http.StatusBadRequest {
		t.Errorf("plain HTTP: %d %s", code, body)
	}
}
