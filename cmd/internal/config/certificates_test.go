package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/config/configtest"
)

// certificate writes NAME.crt and NAME.key; each span is one certificate of
// the chain, the first that of the key.
func certificate(t *testing.T, dir, name string, spans ...[2]time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var chain []byte
	for i, s := range spans {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(s[0]), NotAfter: time.Now().Add(s[1]),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, b := range map[string][]byte{name + ".crt": chain, name + ".key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A certificate out of its time is refused wherever the file names one; among
// issuers one that counts is enough.
func TestCertificatesInTime(t *testing.T) {
	const hour, year = time.Hour, 365 * 24 * time.Hour
	good, past, future := [2]time.Duration{-hour, hour}, [2]time.Duration{-year, -time.Minute}, [2]time.Duration{time.Minute, year}
	dir := t.TempDir()
	certificate(t, dir, "good", good)
	certificate(t, dir, "chain", good, good)
	certificate(t, dir, "past", past)
	certificate(t, dir, "future", future)
	certificate(t, dir, "pastissuer", good, past)
	certificate(t, dir, "onegood", past, good)
	for _, c := range []struct{ name, api, clients, smppCA, smpp, want string }{
		{name: "all good", api: "good", clients: "good", smppCA: "good", smpp: "good"},
		{name: "a chain", api: "chain", clients: "chain", smppCA: "chain", smpp: "chain"},
		{name: "one issuer of two has ended", api: "good", clients: "onegood", smppCA: "onegood", smpp: "good"},
		{name: "API has ended", api: "past", want: `api.tls_cert: ` + dir + `/past.crt: the certificate of "past" has expired`},
		{name: "API has not begun", api: "future", want: `api.tls_cert: ` + dir + `/future.crt: the certificate of "future" is not valid yet`},
		{name: "what is above the API's has ended", api: "pastissuer", want: `api.tls_cert: ` + dir + `/pastissuer.crt: the certificate of "pastissuer" has expired`},
		{name: "issuer of clients has ended", api: "good", clients: "past", want: `api.client_ca: ` + dir + `/past.crt: the certificate of "past" has expired`},
		{name: "issuer of clients has not begun", api: "good", clients: "future", want: `api.client_ca: ` + dir + `/future.crt: the certificate of "future" is not valid yet`},
		{name: "issuer of the centre has ended", smppCA: "past", want: `bearer[1].tls_ca: ` + dir + `/past.crt: the certificate of "past" has expired`},
		{name: "ours for the centre has ended", smpp: "past", want: `bearer[1].tls_cert: ` + dir + `/past.crt: the certificate of "past" has expired`},
		{name: "what is above ours has ended", smpp: "pastissuer", want: `bearer[1].tls_cert: ` + dir + `/pastissuer.crt: the certificate of "pastissuer" has expired`},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			api, centre := "[api]\n", "[[bearer]]\nname = \"north\"\nkind = \"smpp\"\nprefixes = [\"41\"]\naddress = \"smsc.example.net:2775\"\nsystem_id = \"s\"\ntls = true\n"
			pair := func(name string) string { return "tls_cert = \"" + name + ".crt\"\ntls_key = \"" + name + ".key\"\n" }
			if c.api != "" {
				api += pair(c.api)
			}
			if c.clients != "" {
				api += "client_ca = \"" + c.clients + ".crt\"\n"
			}
			if c.smppCA != "" {
				centre += "tls_ca = \"" + c.smppCA + ".crt\"\n"
			}
			if c.smpp != "" {
				centre += pair(c.smpp)
			}
			_, err := Parse(filepath.Join(dir, "simsign.toml"), []byte(api+configtest.Site+centre), func(string) string { return "" })
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
				t.Errorf("%v\nwant %q alone", err, c.want)
			}
		})
	}
}
