package letter_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/letter"
	"github.com/simsign/simsign/mssp/letter/lettertest"
	"github.com/simsign/simsign/ota/sms"
)

var until = time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC)

// Every language has a letter with the code and its end, and a short message has room for it.
func TestLetters(t *testing.T) {
	for _, lang := range []string{"en", "fi", "de", "fr", "et", "", "xx"} {
		l := letter.Letter{Code: "12345674", Until: until, Name: "Anna Example", Language: lang}
		if s := l.Page(); !strings.Contains(s, "12345674") || !strings.Contains(s, "2026-12-01 08:30 UTC") || !strings.Contains(s, "Anna Example\n\n") || strings.Contains(s, "%!") {
			t.Errorf("%s: %s", lang, s)
		}
		if parts, err := sms.EncodeText(l.Text(), sms.TextOptions{}); err != nil || len(parts) > 2 {
			t.Errorf("%s: %d short messages, %v", lang, len(parts), err)
		}
		if l.Name = ""; l.Page() != l.Text()+"\n" || l.Subject() == "" {
			t.Errorf("%s: %q", lang, l.Page())
		}
	}
}

// certificate makes a server's, and the file of who may have signed it.
func certificate(t *testing.T) (*tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{{127, 0, 0, 1}}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// A letter goes by STARTTLS to a server that is the right one, after a log-in; to no other, and in
// clear only where that was said. What fails says neither address nor password.
func TestMail(t *testing.T) {
	cert, roots := certificate(t)
	const user, password, to = "simsign", "s3cret-of-mail", "anna@mail.example"
	l := letter.Letter{Code: "12345674", Until: until, Name: "Änna Example"}
	m := letter.Mail{
		From: "mobile-id@example.com", Security: letter.StartTLS, Roots: roots, User: user, TimeOut: time.Minute,
		Password: func() (string, error) { return password, nil },
	}
	srv := lettertest.New(t, lettertest.Options{Cert: cert, User: user, Password: password})
	m.Server = srv.Addr
	if err := m.Send(t.Context(), to, l); err != nil {
		t.Fatal(err)
	}
	got := srv.Letters()
	if len(got) != 1 || got[0].To != to || got[0].From != m.From || !got[0].Secure || !strings.Contains(got[0].Body, "12345674") || !strings.Contains(got[0].Body, "Änna") {
		t.Errorf("%+v", got)
	}
	plain := lettertest.New(t, lettertest.Options{})
	refusing := lettertest.New(t, lettertest.Options{Cert: cert, User: user, Password: password, Refuse: "550 no such user <" + to + ">"})
	for what, change := range map[string]func(*letter.Mail){
		"another authority": func(m *letter.Mail) { m.Roots = "" },
		"no STARTTLS":       func(m *letter.Mail) { m.Server = plain.Addr },
		"wrong password":    func(m *letter.Mail) { m.Password = func() (string, error) { return password + "x", nil } },
		"no password":       func(m *letter.Mail) { m.Password = func() (string, error) { return "", errors.New("no file") } },
		"refused":           func(m *letter.Mail) { m.Server = refusing.Addr },
		"nobody there":      func(m *letter.Mail) { m.Server = "127.0.0.1:1" },
		"no port":           func(m *letter.Mail) { m.Server = "127.0.0.1" },
		"a name of a port":  func(m *letter.Mail) { m.Server = "127.0.0.1:smtp" },
		"no roots":          func(m *letter.Mail) { m.Roots = "none.pem" },
		"TLS from the start": func(m *letter.Mail) {
			m.Security = letter.TLS
			m.TimeOut = time.Second // neither side speaks first
		},
		"no sender": func(m *letter.Mail) { m.From = "nobody" },
	} {
		m := m
		change(&m)
		err := m.Send(t.Context(), to, l)
		if err == nil || strings.Contains(err.Error(), to) || strings.Contains(err.Error(), password) || strings.Contains(err.Error(), l.Code) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := len(plain.Letters()) + len(srv.Letters()) + len(refusing.Letters()); n != 1 {
		t.Errorf("%d letters", n)
	}
	const second = "ra@mail.example"
	for what, server := range map[string]string{"refused": refusing.Addr, "nobody there": "127.0.0.1:1"} {
		m := m
		m.Server = server
		if err := m.Deliver(t.Context(), "List", "of users", to, second); err == nil || strings.Contains(err.Error(), to) || strings.Contains(err.Error(), second) {
			t.Errorf("a list, %s: %v", what, err)
		}
	}
	m.Server, m.Security, m.User = plain.Addr, letter.Plain, ""
	if err := m.Send(t.Context(), to, l); err != nil || len(plain.Letters()) != 1 {
		t.Errorf("in clear: %v", err)
	}
}

// A letter is a file for its owner alone; one that is there is left alone.
func TestPrint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "letters")
	l := letter.Letter{Code: "12345674", Until: until, Name: "Anna"}
	path, err := letter.Print(dir, "x", l)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	info, serr := os.Stat(path)
	if err != nil || serr != nil || string(b) != l.Page() || info.Mode().Perm() != 0o600 {
		t.Errorf("%s, %v %v %v", b, info, err, serr)
	}
	l.Code = "other"
	if _, err := letter.Print(dir, "x", l); err == nil {
		t.Error("written over")
	}
	if _, err := letter.Print(path, "x", l); err == nil {
		t.Error("into a file")
	}
}
