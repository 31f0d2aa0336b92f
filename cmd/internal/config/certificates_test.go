package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
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

// What is told of each file: of a chain the first end, of issuers the last. What
// else stands in a file of issuers is passed over.
func TestCertificatesAreTold(t *testing.T) {
	const hour = time.Hour
	dir := t.TempDir()
	certificate(t, dir, "chain", [2]time.Duration{-hour, 2 * hour}, [2]time.Duration{-hour, hour}, [2]time.Duration{-hour, 3 * hour})
	certificate(t, dir, "issuers", [2]time.Duration{-hour, 2 * hour}, [2]time.Duration{-hour, 4 * hour}, [2]time.Duration{-hour, 3 * hour}, [2]time.Duration{-hour, -time.Minute})
	in := func(name string) string { return filepath.Join(dir, name) }
	key, err := os.ReadFile(in("chain.key"))
	if err != nil {
		t.Fatal(err)
	}
	issuers, err := os.ReadFile(in("issuers.crt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"issuers.crt": append(append([]byte("words\n"), key...), issuers...), "key.crt": key, "none.crt": nil,
		"damaged.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}}),
	} {
		if err := os.WriteFile(in(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &Config{API: API{TLSCert: in("chain.crt"), TLSKey: in("chain.key"), ClientCA: in("issuers.crt")}, Bearers: []Bearer{
		{Name: "plain"},
		{Name: "north", SMPP: SMPP{TLS: true, TLSServerName: "smsc", TLSCA: in("issuers.crt"), TLSCert: in("chain.crt"), TLSKey: in("chain.key")}},
		{Name: "south", SMPP: SMPP{TLS: true}},
	}}
	now := time.Now()
	list, err := c.Certificates(now)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		key, path string
		hours     time.Duration
	}{
		{"api.tls_cert", "chain.crt", 1},
		{"api.client_ca", "issuers.crt", 4},
		{"bearer.north.tls_ca", "issuers.crt", 4},
		{"bearer.north.tls_cert", "chain.crt", 1},
	} {
		if i >= len(list) {
			t.Fatalf("%d are told", len(list))
		}
		if x := list[i]; x.Key != want.key || x.Path != in(want.path) || x.Until.Sub(now).Round(time.Hour) != want.hours*hour {
			t.Errorf("%+v, want %+v", x, want)
		}
	}
	api, _, err := c.API.TLSConfig(now)
	if err != nil || api.MinVersion != tls.VersionTLS12 || api.ClientAuth != tls.VerifyClientCertIfGiven || api.ClientCAs == nil || len(api.Certificates) != 1 || len(api.Certificates[0].Certificate) != 3 {
		t.Errorf("%+v, %v", api, err)
	}
	pinned := c.API
	pinned.ClientCA = ""
	if api, list, err = pinned.TLSConfig(now); err != nil || api.ClientAuth != tls.RequestClientCert || api.ClientCAs != nil || len(list) != 1 {
		t.Errorf("%+v, %v, %v", api, list, err)
	}
	north, _, err := c.Bearers[1].TLSConfig(now)
	if err != nil || north.MinVersion != tls.VersionTLS12 || north.ServerName != "smsc" || north.RootCAs == nil || len(north.Certificates) != 1 || north.InsecureSkipVerify {
		t.Errorf("%+v, %v", north, err)
	}
	south, list, err := c.Bearers[2].TLSConfig(now)
	if err != nil || south == nil || south.RootCAs != nil || len(south.Certificates) != 0 || len(list) != 0 {
		t.Errorf("%+v, %v, %v", south, list, err)
	}
	if plain, list, err := c.Bearers[0].TLSConfig(now); plain != nil || list != nil || err != nil {
		t.Errorf("%+v, %v, %v", plain, list, err)
	}
	// In time from the first moment to the last, and not a second more.
	for d, good := range map[time.Duration]bool{-hour: true, -hour - time.Second: false, 4 * hour: true, 4*hour + time.Second: false} {
		at := list0(t, in("issuers.crt")).Add(d)
		if _, _, err := readIssuers(in("issuers.crt"), at); (err == nil) != good {
			t.Errorf("issuers at %v: %v", d, err)
		}
	}
	for name, change := range map[string]func(*Config){
		"api.tls_cert: ":           func(c *Config) { c.API.TLSCert = in("missing.crt") },
		"api.client_ca: ":          func(c *Config) { c.API.ClientCA = in("missing.crt") },
		"bearer.north.tls_ca: ":    func(c *Config) { c.Bearers[1].TLSCA = in("missing.crt") },
		"bearer.north.tls_cert: ":  func(c *Config) { c.Bearers[1].TLSCert = in("missing.crt") },
		"api.client_ca: " + dir:    func(c *Config) { c.API.ClientCA = in("damaged.crt") },
		"key.crt holds no ":        func(c *Config) { c.API.ClientCA = in("key.crt") },
		"none.crt holds no certif": func(c *Config) { c.Bearers[1].TLSCA = in("none.crt") },
		"missing.key: no such":     func(c *Config) { c.API.TLSKey = in("missing.key") },
	} {
		other := *c
		other.Bearers = slices.Clone(c.Bearers)
		change(&other)
		if _, err := other.Certificates(now); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}

// list0 is the moment from which the spans of the certificates of a file count.
func list0(t *testing.T, path string) time.Time {
	t.Helper()
	_, until, err := readIssuers(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return until.Add(-4 * time.Hour)
}

// What is kept ends so long before now; "never" has no end.
func TestKeep(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"never": {}, "2d": now.AddDate(0, 0, -2), "36h": now.Add(-36 * time.Hour)} {
		var k Keep
		if err := k.UnmarshalText([]byte(text)); err != nil || k.String() != strings.Replace(text, "36h", "36h0m0s", 1) || !k.Before(now).Equal(want) {
			t.Errorf("%s is %s, kept from %v, %v", text, k, k.Before(now), err)
		}
	}
}
