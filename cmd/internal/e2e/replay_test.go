package e2e

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var instant = regexp.MustCompile(`"Instant":"[^"]*"`)

// Requests that real clients have put on the wire, replayed with nothing
// changed but the time, the number and the name of the provider: the members
// and headers that they send are taken, and they get what they asked for.
//
// Covers: W-1 via POST /rest/service
func TestCaptures(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	number := w.users[0].number.String()
	for name, want := range map[string][]string{
		"midjava_rest_sync_001.http":  {`"StatusCode":{"Value":"500"}`, `"Base64Signature"`},
		"midjava_rest_async_003.http": {`"StatusCode":{"Value":"100"}`, `"MSSP_TransID"`},
		"lrest_basic_sign_019.http":   {`DataToBeSigned has no data`}, // this client sends a hash without the hash
		"lrest_basic_certs_018.http":  {`"MSS_ProfileResp"`, `"X509Certificate"`},
	} {
		path, header, body := capture(t, name)
		body = instant.ReplaceAll(body, []byte(`"Instant":"`+time.Now().UTC().Format(time.RFC3339)+`"`))
		for old, now := range map[string]string{
			"mid://fake-ap": string(bank), `"AP_PWD":"disabled"`: `"AP_PWD":"` + w.passwords[bank] + `"`, "41791234567": number, "35847001001": number,
		} {
			body = bytes.ReplaceAll(body, []byte(old), []byte(now))
		}
		if header.Get("Authorization") != "" { // a URI goes into Basic authentication as its base64
			user := base64.StdEncoding.EncodeToString([]byte(bank))
			header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+w.passwords[bank])))
		}
		code, text := w.post(t, path, header, body)
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("%s: %d %.500s, want %s", name, code, text, s)
			}
		}
	}
	c.stop(t)
	w.checkLog(t, nil)
}

// capture reads a request from testdata: comments, request line, headers, body.
func capture(t *testing.T, name string) (path string, header http.Header, body []byte) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/captures", name))
	if err != nil {
		t.Fatal(err)
	}
	for bytes.HasPrefix(b, []byte("#")) {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	head, body, _ := bytes.Cut(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	line, rest, _ := strings.Cut(string(head), "\n")
	mime, err := textproto.NewReader(bufio.NewReader(strings.NewReader(rest + "\n\n"))).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	header = http.Header(mime)
	for _, own := range []string{"Content-Length", "Host", "Connection", "Accept-Encoding"} {
		header.Del(own) // the client here has its own
	}
	return strings.Fields(line)[1], header, bytes.TrimSpace(body)
}

// certificate makes a key and a self-signed certificate for 127.0.0.1 in two
// files of the folder.
func (w *world) certificate(t *testing.T, name string) tls.Certificate {
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
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	w.write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Mutual TLS: a provider without a password is its certificate. Another
// certificate, none, and plain HTTP get nothing.
//
// Covers: W-1 via simsign sign
func TestMutualTLS(t *testing.T) {
	w := newWorld(t, 1, "")
	for _, name := range []string{"server", "shop", "thief"} {
		w.certificate(t, name)
	}
	w.configure(t, "", fmt.Sprintf("tls_cert = %q\ntls_key = %q\n", w.path("server.crt"), w.path("server.key")))
	must(t, w.dir, "ap", "add", "--id", "http://ap.example/shop", "--no-password", "--cert", "shop.crt", "Shop")
	c := w.serve(t)
	w.register(t, "authentication")
	for name, want := range map[string]struct {
		code int
		says string
	}{
		"shop":  {0, "chain     leads to the given CA"},
		"thief": {1, "104 UNAUTHORIZED_ACCESS"},
		"":      {1, "no client certificate was shown"},
	} {
		args := []string{"sign", "--url", "https://" + w.api, "--ap", "http://ap.example/shop", "--tls-ca", "server.crt", "--msisdn", w.users[0].number.String(), "--text", "Pay?", "--poll", "20ms", "--ca", "ca.pem", "--out", "tls.p7s"}
		if name != "" {
			args = append(args, "--cert", name+".crt", "--key", name+".key")
		}
		if r := run(t, w.dir, args...); r.code != want.code || !strings.Contains(r.stdout+r.stderr, want.says) {
			t.Errorf("certificate %q: exit code %d\n%s%s", name, r.code, r.stdout, r.stderr)
		}
	}
	if r := w.sign(t, w.users[0], "--text", "Pay?"); r.code != 1 {
		t.Errorf("plain HTTP: exit code %d, %s", r.code, r.stdout)
	}
	c.stop(t)
	w.checkLog(t, nil)
}
