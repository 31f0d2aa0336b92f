package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
)

// lasts is a certificate of 127.0.0.1 that ends after so long.
func lasts(t *testing.T, name string, d time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-100 * 24 * time.Hour), NotAfter: time.Now().Add(d),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// shown is whom the API says it is, to a new connection.
func shown(t *testing.T, a *App) string {
	t.Helper()
	conn, err := tls.Dial("tcp", a.APIAddr(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

const day = 24 * time.Hour

// A certificate that is put in the place of another is shown to the next
// connection; one that is no good is an alert, and the one before stays.
//
// Covers: I14 via simsign serve
func TestCertificateChanges(t *testing.T) {
	cfg := configuration(t, site)
	dir := t.TempDir()
	save(t, dir, lasts(t, "first", 100*day))
	cfg.API.TLSCert, cfg.API.TLSKey = filepath.Join(dir, "api.crt"), filepath.Join(dir, "api.key")
	a := start(t, cfg)
	a.certs.look()
	if got := shown(t, a); got != "first" || len(alertsOf(a, alert.Certificate)) != 0 {
		t.Errorf("%s, %v", got, alertsOf(a, alert.Certificate))
	}
	ends := lasts(t, "second", 29*day+time.Hour)
	save(t, dir, ends)
	a.certs.look()
	open := alertsOf(a, alert.Certificate)
	if got := shown(t, a); got != "second" || len(open) != 1 || open[0].Kind != alert.Certificate || open[0].Name != "api.tls_cert" || !strings.Contains(open[0].Text, "in 29 days") {
		t.Errorf("%s, %v", got, open)
	}
	leaf, err := x509.ParseCertificate(ends.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	_, body := get(t, "http://"+a.Addr("metrics")+"/metrics")
	if want := fmt.Sprintf("simsign_certificate_expiry_timestamp_seconds{certificate=\"api.tls_cert\"} %v\n", float64(leaf.NotAfter.Unix())); !strings.Contains(body, want) {
		t.Errorf("no %q", want)
	}
	for name, bad := range map[string]func(){
		"no certificate": func() { os.WriteFile(cfg.API.TLSCert, []byte("junk"), 0o600) },
		"expired":        func() { save(t, dir, lasts(t, "third", -time.Hour)) },
		"other key": func() {
			k, _ := os.ReadFile(cfg.API.TLSKey)
			save(t, dir, lasts(t, "third", day))
			os.WriteFile(cfg.API.TLSKey, k, 0o600)
		},
		"open to others": func() { save(t, dir, lasts(t, "third", day)); os.Chmod(cfg.API.TLSKey, 0o644) },
		"gone":           func() { os.Remove(cfg.API.TLSCert) },
	} {
		bad()
		a.certs.look()
		open := alertsOf(a, alert.Certificate)
		if got := shown(t, a); got != "second" || len(open) != 2 || open[0].Name != "api" && open[1].Name != "api" {
			t.Errorf("%s: %s, %v", name, got, open)
		}
		if _, _, err := a.Reload(cfg); err == nil {
			t.Errorf("%s: passes a reload", name)
		}
		os.Chmod(cfg.API.TLSKey, 0o600)
	}
	save(t, dir, lasts(t, "fourth", 100*day))
	a.certs.look()
	if got := shown(t, a); got != "fourth" || len(alertsOf(a, alert.Certificate)) != 0 {
		t.Errorf("%s, %v", got, alertsOf(a, alert.Certificate))
	}
}

// A reload may name other files; what it cannot take over it says.
func TestReloadNamesOtherFiles(t *testing.T) {
	cfg := configuration(t, site)
	one, two := t.TempDir(), t.TempDir()
	save(t, one, lasts(t, "first", 100*day))
	save(t, two, lasts(t, "second", 100*day))
	cfg.API.TLSCert, cfg.API.TLSKey = filepath.Join(one, "api.crt"), filepath.Join(one, "api.key")
	a := start(t, cfg)
	next := *cfg
	next.API.TLSCert, next.API.TLSKey = filepath.Join(two, "api.crt"), filepath.Join(two, "api.key")
	next.Limits.Queue++
	next.Bearers = append([]config.Bearer(nil), cfg.Bearers...)
	next.Bearers[0].Priority = 7
	for i, want := range []string{"api.tls_cert api.tls_key", ""} { // the second time it is nothing new
		now, restart, err := a.Reload(&next)
		if err != nil || strings.Join(now, " ") != want || strings.Join(restart, " ") != "limits.queue bearer[0].priority" {
			t.Errorf("reload %d: %v, %v, %v", i, now, restart, err)
		}
	}
	if got := shown(t, a); got != "second" {
		t.Error(got)
	}
	// The files of before do not count any more, whatever becomes of them.
	os.RemoveAll(one)
	a.certs.look()
	if got := shown(t, a); got != "second" || len(alertsOf(a, alert.Certificate)) != 0 {
		t.Errorf("%s, %v", got, alertsOf(a, alert.Certificate))
	}
	next.API.TLSCert, next.API.TLSKey = "", ""
	if now, restart, err := a.Reload(&next); err != nil || len(now) != 0 || !strings.HasPrefix(strings.Join(restart, " "), "api.tls_cert api.tls_key") {
		t.Errorf("without TLS: %v, %v, %v", now, restart, err)
	}
}

// A reload says in the log which certificates are others now, although no key has changed.
func TestReloadTellsCertificates(t *testing.T) {
	cfg := configuration(t, site)
	dir := t.TempDir()
	save(t, dir, lasts(t, "first", 100*day))
	cfg.API.TLSCert, cfg.API.TLSKey = filepath.Join(dir, "api.crt"), filepath.Join(dir, "api.key")
	var log bytes.Buffer
	a, err := New(Options{Config: cfg, Logger: slog.New(slog.NewTextHandler(&log, nil))}) // not started: nothing else writes
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.certs.listener(); err != nil {
		t.Fatal(err)
	}
	for i, cn := range []string{"", "second", "", "third"} {
		if cn != "" {
			save(t, dir, lasts(t, cn, 100*day))
		}
		log.Reset()
		if _, _, err := a.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		if told := strings.Count(log.String(), "certificates were read anew"); (told == 1) != (cn != "") {
			t.Errorf("reload %d, %q: told %d times: %s", i, cn, told, log.String())
		}
	}
}
