package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// whole is a configuration that is accepted, with everything in it that a
// change below needs. ./ stands for the folder of the file.
const whole = `data = "state"
[api]
listen = "127.0.0.1:9061"
tls_cert = "api.crt"
tls_key = "api.key"
client_ca = "api.crt"
mssp_id = "http://mss.example"
default_profile = "http://a.example/auth"
[ca]
country = "CH"
[console]
listen = "127.0.0.1:9062"
[store]
dsn = "simsign.db"
box = "box1"
lease = "2s"
[retention]
texts = "30d"
octets = "60d"
signatures = "70d"
numbers = "80d"
audit = "90d"
[keys]
root_credential = "root"
[messages]
code_help = "Call 0800."
[[card_profile]]
name = "int6"
tar = "4D5353"
spi = "1639"
lab = false
algorithms = ["P-256"]
code_min = [4, 6]
code_max = [8, 16]
[[card_profile]]
name = "other"
tar = "B00002"
[[signature_profile]]
uri = "http://a.example/auth"
aliases = ["urn:auth"]
usage = "authentication"
timeout = "90s"
max_timeout = "15m"
[[signature_profile]]
uri = "http://a.example/sign"
usage = "non-repudiation"
[[bearer]]
name = "loop"
kind = "loopback"
[[bearer]]
name = "north"
kind = "smpp"
prefixes = ["41"]
card_profiles = ["other"]
address = "smsc.example.net:2775"
system_id = "exactly15chars-"
system_type = "twelve-chars"
service_type = "five5"
password_file = "smsc.password"
tls = true
tls_ca = "api.crt"
tls_cert = "api.crt"
tls_key = "api.key"
source = ["4242", "49=+491700000000"]
data_coding = ["F6=16", "F5=15"]
policy = ["ESME_RTHROTTLED head 4 pause=1s slow"]
[[bearer]]
name = "stick"
kind = "modem"
prefixes = ["49"]
device = "/dev/ttyUSB2"
baud = 9600
pin_file = "pin"
country_code = "372"
`

// site makes the files that the configuration names, and the environment in
// which it is read.
func site(t *testing.T) (dir string, getenv func(string) string) {
	t.Helper()
	dir = t.TempDir()
	put := func(name string, mode os.FileMode, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"api", "second"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0)}
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		k, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		put(name+".crt", 0o644, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		put(name+".key", 0o600, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: k}))
	}
	put("open.key", 0o644, []byte("x"))
	put("empty.crt", 0o644, nil)
	put("none.password", 0o600, nil)
	put("smsc.password", 0o600, []byte("eight888\n"))
	put("long.password", 0o600, []byte("nine99999\n"))
	put("pin", 0o600, []byte("1234\n"))
	put("pin8", 0o600, []byte("12345678"))
	put("pin3", 0o600, []byte("123"))
	put("pin9", 0o600, []byte("123456789"))
	put("pinx", 0o600, []byte("12x4"))
	put("root", 0o600, make([]byte, 32))
	put("file", 0o600, nil)
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, func(k string) string {
		if k == "CREDENTIALS_DIRECTORY" {
			return dir
		}
		return ""
	}
}

// A case is the accepted file with one text changed, and the only fault that
// this gives; want is "" where the change is harmless as well.
func TestOneChange(t *testing.T) {
	dir, getenv := site(t)
	for _, tc := range []struct{ was, is, key, want string }{
		{"", "", "", ""},
		// retention: 24 h, the longest life of 15 minutes, and 2 h for late answers
		{`texts = "30d"`, `texts = "26h15m"`, "", ""},
		{`texts = "30d"`, `texts = "26h14m59s"`, "retention.texts", "is 26h14m59s, must be at least 26h15m0s"},
		{`octets = "60d"`, `octets = "1d"`, "retention.octets", "is 1d, must be at least 26h15m0s"},
		{`audit = "90d"`, `audit = "5m"`, "retention.audit", "is 5m0s, must be at least 24h0m0s"},
		{`signatures = "70d"`, `signatures = "5m"`, "retention.signatures", "is 5m0s, must be at least"},
		{`texts = "30d"`, `texts = "never"`, "", ""},
		{`octets = "60d"`, `octets = "0"`, "retention.octets", `or "never"`},
		{`octets = "60d"`, `octets = "-3d"`, "retention.octets", `or "never"`},
		{`numbers = "80d"`, `numbers = "70d"`, "", ""},
		{`numbers = "80d"`, `numbers = "69d"`, "retention.numbers", "is 69d, must be at least as long as signatures (70d)"},
		{`numbers = "80d"`, `numbers = "never"`, "", ""},
		{`signatures = "70d"`, `signatures = "never"`, "retention.numbers", "is 80d, must be at least as long as signatures (never)"},
		{`max_timeout = "15m"`, `max_timeout = "10m"`, "", ""},
		// listeners
		{`listen = "127.0.0.1:9061"`, `listen = "localhost:9061"`, "", ""},
		{`listen = "127.0.0.1:9061"`, `listen = "127.0.0.1"`, "api.listen", "needs an address and a port"},
		{`listen = "127.0.0.1:9061"`, `listen = "127.0.0.1:65535"`, "", ""},
		{`listen = "127.0.0.1:9061"`, `listen = "127.0.0.1:65536"`, "api.listen", "not a number from 0 to 65535"},
		{`listen = "127.0.0.1:9061"`, `listen = "127.0.0.1:-1"`, "api.listen", "not a number from 0 to 65535"},
		{`listen = "127.0.0.1:9061"`, `listen = "127.0.0.1:http"`, "api.listen", "not a number from 0 to 65535"},
		{`listen = "127.0.0.1:9062"`, `listen = "192.0.2.1:9062"`, "console.listen", "the console has no log-in"},
		{`listen = "127.0.0.1:9062"`, `listen = "[::1]:9061"`, "", ""},
		{`listen = "127.0.0.1:9062"`, `listen = "localhost:9061"`, "console.listen", "api.listen has the same address"},
		{`listen = "127.0.0.1:9061"`, `listen = "0.0.0.0:9062"`, "console.listen", "on every address"},
		{`listen = "127.0.0.1:9061"`, `listen = ":9062"`, "console.listen", "on every address"},
		{`listen = "127.0.0.1:9062"`, `listen = "127.0.0.1:0"`, "", ""},
		{"[console]", "[metrics]\nlisten = \"192.0.2.1:9064\"\nallow_plain = true\n[console]", "", ""},
		{"[console]", "[metrics]\nlisten = \"192.0.2.1:9064\"\n[console]", "metrics.listen", "needs allow_plain"},
		{"[ca]\n", "[ca]\nlisten = \"192.0.2.1:9063\"\n", "", ""},
		{"[ca]\n", "[ca]\nurl = \"https://x.example\"\n", "ca.url", "needs an http:// address"},
		{"[ca]\n", "[ca]\nrepositories = [\"https://x.example/{key}\", \"http://x.example/?sKIDHash={skid}\"]\n", "", ""},
		{"[ca]\n", "[ca]\nrepositories = [\"ldap://x.example/{key}\"]\n", "ca.repositories", "needs an http:// or https:// address"},
		{"[ca]\n", "[ca]\nrepositories = [\"http://a:b@x.example/{key}\"]\n", "ca.repositories", "without a log-in"},
		{"[ca]\n", "[ca]\nrepositories = [\"https://x.example/\"]\n", "ca.repositories", "says nowhere which key is asked for"},
		{"[ca]\n", "[ca]\nurl = \"http:x\"\n", "ca.url", "needs an http:// address"},
		{`mssp_id = "http://mss.example"`, `mssp_id = ""`, "api.mssp_id", "needs a URI"},
		{`mssp_id = "http://mss.example"`, `mssp_id = "http://[x"`, "api.mssp_id", "needs a URI"},
		{`country = "CH"`, `country = ""`, "", ""},
		{`country = "CH"`, `country = "CHE"`, "ca.country", "two letters"},
		{`country = "CH"`, `country = "C"`, "ca.country", "two letters"},
		{`default_profile = "http://a.example/auth"`, `default_profile = "urn:auth"`, "", ""},
		{`default_profile = "http://a.example/auth"`, `default_profile = "urn:other"`, "api.default_profile", "no [[signature_profile]] has the uri"},
		{`"Call 0800."`, `"` + strings.Repeat("é", 80) + `"`, "", ""},
		{`"Call 0800."`, `"` + strings.Repeat("é", 81) + `"`, "messages.code_help", "has 81 characters, at most 80"},
		{"[ca]\n", "[limits]\nprompts_per_minute_all = 4\n[ca]\n", "", ""},
		{"[ca]\n", "[limits]\nprompts_per_minute_all = 3\n[ca]\n", "limits.prompts_per_minute_all", "must be more than prompts_per_minute (3)"},
		{"[ca]\n", "[limits]\ncool_off_after_all = 4\n[ca]\n", "", ""},
		{"[ca]\n", "[limits]\ncool_off_after_all = 3\n[ca]\n", "limits.cool_off_after_all", "must be more than cool_off_after (3)"},
		{"[ca]\n", "[limits]\ncool_off_after_all = 1\ncool_off_after = 0\n[ca]\n", "", ""},
		{"mssp_id", "trusted_proxies = [\"10.0.0.0/24\", \"2001:db8::1\", \"::1\"]\nmssp_id", "", ""},
		{"mssp_id", "trusted_proxies = [\"10.0.0.1/24\"]\nmssp_id", "api.trusted_proxies[0]", "needs an address or a network"},
		{"mssp_id", "trusted_proxies = [\"::/0\"]\nmssp_id", "api.trusted_proxies[0]", "needs an address or a network"},
		// files
		{`tls_cert = "api.crt"` + "\ntls_key = \"api.key\"\nclient", `tls_cert = "api.crt"` + "\nclient", "api.tls_cert", "go together"},
		{`tls_cert = "api.crt"` + "\ntls_key = \"api.key\"\nclient", `tls_cert = "none.crt"` + "\ntls_key = \"api.key\"\nclient", "api.tls_cert", "no such file"},
		{`tls_cert = "api.crt"` + "\ntls_key = \"api.key\"\nclient", `tls_cert = "second.crt"` + "\ntls_key = \"api.key\"\nclient", "api.tls_cert", "private key does not match public key: the certificate of the key stands first"},
		{`tls_key = "api.key"` + "\nclient", `tls_key = "open.key"` + "\nclient", "api.tls_key", "others can read"},
		{`tls_key = "api.key"` + "\nclient", `tls_key = "folder"` + "\nclient", "api.tls_key", "is a folder"},
		{`tls_key = "api.key"` + "\nclient", `tls_key = "none.key"` + "\nclient", "api.tls_key", "no such file"},
		{`client_ca = "api.crt"`, `client_ca = "none.crt"`, "api.client_ca", "no such file"},
		{`client_ca = "api.crt"`, `client_ca = "empty.crt"`, "api.client_ca", "holds no certificate"},
		{"tls_cert = \"api.crt\"\ntls_key = \"api.key\"\nclient", "client", "api.client_ca", "client certificates need TLS"},
		{`root_credential = "root"`, "root_credential = \"root\"\nroot_file = \"root\"", "keys.root_credential", "only one of them"},
		{`root_credential = "root"`, `root_file = "root"`, "", ""},
		{`root_credential = "root"`, `root_file = "file"`, "keys.root_file", "32"},
		{`root_credential = "root"`, `root_credential = "none"`, "keys.root_credential", "systemd gave no credential"},
		{`root_credential = "root"`, `root_credential = "../root"`, "keys.root_credential", "is not the name of a credential"},
		{`root_credential = "root"`, `root_credential = ".root"`, "keys.root_credential", "is not the name of a credential"},
		{`data = "state"`, "data = \"file\"\nadmin.socket = \"folder/a\"", "data", "is not a folder"},
		{"[ca]\n", "[admin]\nsocket = \"file\"\n[ca]\n", "admin.socket", "is there and is no socket"},
		{"[ca]\n", "[admin]\nsocket = \"/tmp/" + strings.Repeat("s", 95) + "\"\n[ca]\n", "", ""},
		{"[ca]\n", "[admin]\nsocket = \"/tmp/" + strings.Repeat("s", 96) + "\"\n[ca]\n", "admin.socket", "has 101 characters"},
		// store
		{`box = "box1"`, `box = "` + strings.Repeat("b", 64) + `"`, "", ""},
		{`box = "box1"`, `box = "` + strings.Repeat("b", 65) + `"`, "store.box", "at most 64"},
		{`box = "box1"`, `box = "box 1"`, "store.box", "without spaces"},
		{`box = "box1"`, `box = "bøx"`, "store.box", "without spaces"},
		{`box = "box1"`, `box = "!~"`, "", ""},
		{`box = "box1"`, `box = "box\u007F"`, "store.box", "without spaces"},
		{`lease = "2s"`, `lease = "1999ms"`, "store.lease", "below 2s"},
		{`dsn = "simsign.db"`, `dsn = "folder"`, "store.dsn", "is a folder"},
		{`dsn = "simsign.db"`, `dsn = "nowhere/simsign.db"`, "store.dsn", "is not there"},
		{`dsn = "simsign.db"`, "dsn = \"simsign.db\"\npassword_file = \"root\"", "store.dsn", "only a postgres:// address takes one"},
		{`dsn = "simsign.db"`, "dsn = \"simsign.db\"\npassword_credential = \"root\"", "store.dsn", "only a postgres:// address takes one"},
		{`dsn = "simsign.db"`, "dsn = \"postgres://u@h/d\"\npassword_file = \"root\"", "", ""},
		{`dsn = "simsign.db"`, "dsn = \"postgres://u@h/d\"\npassword_file = \"open.key\"", "store.password_file", "others can read"},
		{`dsn = "simsign.db"`, "dsn = \"postgres://u@h/d\"\npassword_credential = \"none\"", "store.password_credential", "systemd gave no credential"},
		{`dsn = "simsign.db"`, "dsn = \"postgres://u@h/d\"\npassword_file = \"root\"\npassword_credential = \"root\"", "store.password_credential", "only one of them"},
		{`dsn = "simsign.db"`, `dsn = "postgres://u:p@h/d"`, "store.dsn", "holds a password"},
		{`dsn = "simsign.db"`, `dsn = "postgresql://u@h/d?password=p"`, "store.dsn", "holds a password"},
		{`dsn = "simsign.db"`, `dsn = "postgres://u@h/d?synchronous_commit=off"`, "store.dsn", "turns synchronous_commit off"},
		{`dsn = "simsign.db"`, `dsn = "postgres://u@h/d?synchronous_commit=false"`, "store.dsn", "turns synchronous_commit off"},
		{`dsn = "simsign.db"`, `dsn = "postgres://u@h/d?options=-c%20synchronous_commit%3Doff"`, "store.dsn", "turns synchronous_commit off"},
		{`dsn = "simsign.db"`, `dsn = "postgres://u@h/d?options=--Synchronous-Commit%3D0"`, "store.dsn", "turns synchronous_commit off"},
		{`dsn = "simsign.db"`, `dsn = "postgres://u@h/d?synchronous_commit=on&options=-c%20synchronous_commit%3Dremote_apply"`, "", ""},
		{`dsn = "simsign.db"`, `dsn = "postgres://u@h/d?options=-c%20my.synchronous_commit%3Doff"`, "", ""},
		{`dsn = "simsign.db"`, `dsn = "postgres://u@h/d?sslmode=no"`, "store.dsn", "sslmode"},
		// card profiles
		{`name = "int6"`, `name = "other"`, "card_profile[1].name", "is already the name of card_profile[0]"},
		{`tar = "4D5353"`, `tar = "B0001"`, "card_profile[0].tar", "TAR"},
		{`tar = "4D5353"`, `tar = []`, "card_profile[0].tar", "needs text in quotes, has an array"},
		{"spi = \"1639\"\nlab = false", "spi = \"0000\"\nlab = true", "", ""},
		{`spi = "1639"`, `spi = "0639"`, "card_profile[0].spi", "test cards only"},
		{`spi = "1639"`, `spi = "163"`, "card_profile[0].spi", "SPI"},
		{`["P-256"]`, `[]`, "card_profile[0].algorithms", "at least one"},
		{`["P-256"]`, `["P-255"]`, "card_profile[0].algorithms[0]", "P-255"},
		{`code_min = [4, 6]`, `code_min = [4]`, "card_profile[0].code_min", "needs two numbers"},
		{`code_min = [4, 6]`, `code_min = [4, 6, 8]`, "card_profile[0].code_min", "needs two numbers"},
		{`code_min = [4, 6]`, `code_min = [3, 6]`, "card_profile[0].code_min", "at least 4 characters, 3"},
		{`code_min = [4, 6]`, `code_min = [4, 3]`, "card_profile[0].code_min", "at least 4 characters, 3"},
		{`code_max = [8, 16]`, `code_max = [8, 17]`, "card_profile[0].code_max", "between code_min and 16, is 17"},
		{`code_max = [8, 16]`, `code_max = [3, 16]`, "card_profile[0].code_max", "between code_min and 16, is 3"},
		{`code_max = [8, 16]`, `code_max = [4, 6]`, "", ""},
		{`code_max = [8, 16]`, `code_max = [8]`, "card_profile[0].code_max", "needs two numbers"},
		// signature profiles
		{`aliases = ["urn:auth"]`, `aliases = ["http://a.example/sign"]`, "signature_profile[1].uri", "is already the name of signature_profile[0]"},
		{`aliases = ["urn:auth"]`, `aliases = ["auth"]`, "signature_profile[0].aliases", "is not a URI"},
		{`uri = "http://a.example/sign"`, `uri = "sign"`, "signature_profile[1].uri", "is not a URI"},
		{`usage = "authentication"`, `usage = "encryption"`, "signature_profile[0].usage", "must be one of"},
		{`timeout = "90s"`, `timeout = "15m"`, "", ""},
		{`timeout = "90s"`, `timeout = "901s"`, "signature_profile[0].timeout", "is longer than max_timeout"},
		{`timeout = "90s"`, `timeout = "10s"`, "", ""},
		{`timeout = "90s"`, `timeout = "9999ms"`, "signature_profile[0].timeout", "no user can answer"},
		{`timeout = "90s"`, `timeout = "1s"`, "signature_profile[0].timeout", "no user can answer"},
		// bearers
		{`name = "north"`, `name = "loop"`, "bearer[1].name", "is already the name of bearer[0]"},
		{`card_profiles = ["other"]`, `card_profiles = ["none"]`, "bearer[1].card_profiles", `no [[card_profile]] has the name "none"`},
		{`kind = "loopback"`, "kind = \"loopback\"\nnetwork = \"192.0.2.1:9065\"", "bearer[0].network", "loopback addresses only"},
		{`kind = "loopback"`, "kind = \"loopback\"\nnetwork = \"127.0.0.1:9062\"", "bearer[0].network", "console.listen has the same address"},
		{`kind = "loopback"`, "kind = \"loopback\"\nnetwork = \"127.0.0.1:9062\"\nemulate = false", "", ""},
		{`kind = "loopback"`, "kind = \"loopback\"\nwindow = 3", "bearer[0].window", "kind smpp"},
		{`kind = "loopback"`, "kind = \"loopback\"\nquota = 3", "bearer[0].quota", "kind modem"},
		{`kind = "smpp"`, "kind = \"smpp\"\nemulate = true", "bearer[1].emulate", "kind loopback"},
		{`kind = "smpp"`, "kind = \"smpp\"\nbaud = 9600", "bearer[1].baud", "kind modem"},
		{`kind = "modem"`, "kind = \"modem\"\nreceipts = false", "", ""},
		{`kind = "modem"`, "kind = \"modem\"\nvalidity = \"5m\"", "bearer[2].validity", "kind smpp"},
		{`prefixes = ["49"]`, `prefixes = ["41"]`, "", ""}, // the other names cards too
		{`prefixes = ["49"]`, ``, "bearer[2].prefixes", `bearer "loop" has no prefixes either`},
		{"prefixes = [\"49\"]", "share = 1", "bearer[2].prefixes", `bearer "loop" has no prefixes either`},
		{"prefixes = [\"49\"]", "priority = 2", "", ""},
		{"prefixes = [\"49\"]", "prefixes = [\"41\"]\ncard_profiles = [\"other\"]", "bearer[2].prefixes", "is for the same cards"},
		{`prefixes = ["49"]`, `prefixes = ["049"]`, "bearer[2].prefixes[0]", "first digits"},
		{`prefixes = ["49"]`, `prefixes = ["1234567890123456"]`, "bearer[2].prefixes[0]", "first digits"},
		{`prefixes = ["49"]`, `prefixes = ["123456789012345"]`, "", ""},
		{`prefixes = ["49"]`, `prefixes = ["+49"]`, "", ""},
		{`prefixes = ["49"]`, `prefixes = ["4x"]`, "bearer[2].prefixes[0]", "first digits"},
		// SMPP
		{`address = "smsc.example.net:2775"`, `address = "smsc.example.net:0"`, "bearer[1].address", "needs the name and the port"},
		{`address = "smsc.example.net:2775"`, `address = ":2775"`, "bearer[1].address", "needs the name and the port"},
		{`address = "smsc.example.net:2775"`, `address = ""`, "bearer[1].address", "kind smpp needs the address"},
		{`system_id = "exactly15chars-"`, `system_id = ""`, "bearer[1].system_id", "needs the system_id"},
		{`system_id = "exactly15chars-"`, `system_id = "exactly16chars--"`, "bearer[1].system_id", "at most 15 characters"},
		{`system_type = "twelve-chars"`, `system_type = "thirteenchars"`, "bearer[1].system_type", "at most 12 characters"},
		{`service_type = "five5"`, `service_type = "sixsix"`, "bearer[1].service_type", "at most 5 characters"},
		{`service_type = "five5"`, `service_type = "a\u0000b"`, "bearer[1].service_type", "at most 5 characters"},
		{`tls = true`, "tls = true\naddress_range = \"" + strings.Repeat("1", 40) + `"`, "", ""},
		{`tls = true`, "tls = true\naddress_range = \"" + strings.Repeat("1", 41) + `"`, "bearer[1].address_range", "at most 40 characters"},
		{`password_file = "smsc.password"`, "password_file = \"smsc.password\"\npassword_credential = \"root\"", "bearer[1].password_file", "exclude each other"},
		{`password_file = "smsc.password"`, `password_file = "long.password"`, "bearer[1].password_file", "this one has 9"},
		{`password_file = "smsc.password"`, `password_file = "open.key"`, "bearer[1].password_file", "others can read"},
		{`password_file = "smsc.password"`, `password_file = "none.password"`, "bearer[1].password_file", "none.password is empty"},
		{`password_file = "smsc.password"`, `password_credential = "none"`, "bearer[1].password_credential", "systemd gave no credential"},
		{`tls_ca = "api.crt"`, `tls_ca = "none.crt"`, "bearer[1].tls_ca", "no such file"},
		{`tls_ca = "api.crt"`, `tls_ca = "empty.crt"`, "bearer[1].tls_ca", "holds no certificate"},
		{"tls_ca = \"api.crt\"\ntls_cert = \"api.crt\"", "tls_ca = \"api.crt\"\ntls_cert = \"none.crt\"", "bearer[1].tls_cert", "no such file"},
		{"tls_ca = \"api.crt\"\ntls_cert = \"api.crt\"", "tls_ca = \"api.crt\"\ntls_cert = \"second.crt\"", "bearer[1].tls_cert", "private key does not match public key: the certificate of the key stands first"},
		{"tls_ca = \"api.crt\"\ntls_cert = \"api.crt\"", "tls_ca = \"api.crt\"", "bearer[1].tls_cert", "go together"},
		{"tls_key = \"api.key\"\nsource", "tls_key = \"open.key\"\nsource", "bearer[1].tls_key", "others can read"},
		{"tls = true\ntls_ca = \"api.crt\"\ntls_cert = \"api.crt\"\ntls_key = \"api.key\"", `tls_ca = "api.crt"`, "bearer[1].tls_ca", "without tls = true"},
		{"tls = true\ntls_ca = \"api.crt\"\ntls_cert = \"api.crt\"\ntls_key = \"api.key\"", `tls_cert = "api.crt"`, "bearer[1].tls_cert", "without tls = true"},
		{"tls = true\ntls_ca = \"api.crt\"\ntls_cert = \"api.crt\"\ntls_key = \"api.key\"", `tls_key = "api.key"`, "bearer[1].tls_key", "without tls = true"},
		{"tls = true\ntls_ca = \"api.crt\"\ntls_cert = \"api.crt\"\ntls_key = \"api.key\"", `tls_server_name = "x"`, "bearer[1].tls_server_name", "without tls = true"},
		{`"49=+491700000000"`, `"4x=+491700000000"`, "bearer[1].source[1]", "PREFIX=ADDRESS"},
		{`"49=+491700000000"`, `"=+491700000000"`, "bearer[1].source[1]", "PREFIX=ADDRESS"},
		{`"49=+491700000000"`, `"49=` + strings.Repeat("1", 20) + `"`, "", ""},
		{`"49=+491700000000"`, `"49=` + strings.Repeat("1", 21) + `"`, "bearer[1].source[1]", "at most 20 characters"},
		{`"F5=15"`, `"F6=15"`, "bearer[1].data_coding", "F6 stands twice"},
		{`"F5=15"`, `"F5=1"`, "bearer[1].data_coding[1]", "two octets"},
		{`"F5=15"`, `"5=15"`, "bearer[1].data_coding[1]", "two octets"},
		{`"F5=15"`, `"G5=15"`, "bearer[1].data_coding[1]", "two octets"},
		{`ESME_RTHROTTLED head 4`, `ESME_RTHROTTLED tell 4`, "bearer[1].policy[0]", "the verdict is one of"},
		// modem
		{`device = "/dev/ttyUSB2"`, `device = "tty"`, "bearer[2].device", "whole path"},
		{`device = "/dev/ttyUSB2"`, `device = ""`, "bearer[2].device", "kind modem needs a device"},
		{"device = \"/dev/ttyUSB2\"\nbaud = 9600", `device = "tcp://192.0.2.7:2001"`, "", ""},
		{`device = "/dev/ttyUSB2"`, `device = "tcp://192.0.2.7:2001"`, "bearer[2].baud", "is for ttys"},
		{`baud = 9600`, `baud = 9601`, "bearer[2].baud", "no usual speed"},
		{`pin_file = "pin"`, `pin_file = "pin8"`, "", ""},
		{`pin_file = "pin"`, `pin_file = "pin3"`, "bearer[2].pin_file", "4 to 8 digits"},
		{`pin_file = "pin"`, `pin_file = "pin9"`, "bearer[2].pin_file", "4 to 8 digits"},
		{`pin_file = "pin"`, `pin_file = "pinx"`, "bearer[2].pin_file", "4 to 8 digits"},
		{`pin_file = "pin"`, `pin_file = "open.key"`, "bearer[2].pin_file", "others can read"},
		{`pin_file = "pin"`, "pin_file = \"pin\"\npin_credential = \"root\"", "bearer[2].pin_file", "exclude each other"},
		{`pin_file = "pin"`, `pin_credential = "none"`, "bearer[2].pin_credential", "systemd gave no credential"},
		{`country_code = "372"`, `country_code = "3725"`, "bearer[2].country_code", "at most 3 digits"},
		// what the decoder says
		{`lab = false`, `lab = "no"`, "card_profile[0].lab", "needs true or false, has a string"},
		{`lab = false`, `lab = 0`, "card_profile[0].lab", "needs true or false, has an integer"},
		{`name = "int6"`, `name = 7`, "card_profile[0].name", "needs text in quotes, has an integer"},
		{`code_min = [4, 6]`, `code_min = 4`, "card_profile[0].code_min", "needs a list in brackets, has an integer"},
		{`baud = 9600`, `baud = "9600"`, "bearer[2].baud", "needs a whole number, has a string"},
		{`baud = 9600`, `baud = 1199`, "bearer[2].baud", "must be between 1200 and 4000000, is 1199"},
		{`baud = 9600`, `baud = 2147483648`, "bearer[2].baud", "number out of range"},
		{`baud = 9600`, `buad = 9600`, "bearer[2].buad", `unknown key; did you mean "baud"?`},
		{`baud = 9600`, `zzzzzz = 9600`, "bearer[2].zzzzzz", "unknown key"},
		{`name = "stick"`, ``, "bearer[2].name", `missing; for example: name = "loopback"`},
		{`lease = "2s"`, `lease = "2"`, "store.lease", "needs a length of time"},
		{`lease = "2s"`, `lease = "-2s"`, "store.lease", "needs a length of time"},
		{`lease = "2s"`, `lease = "0d"`, "store.lease", "needs a length of time"},
		{`lease = "2s"`, `lease = "1d"`, "", ""},
		{`lease = "2s"`, `lease = "36500d"`, "", ""},
		{`lease = "2s"`, `lease = "36501d"`, "store.lease", "needs a length of time"},
		{`lease = "2s"`, `lease = "xd"`, "store.lease", "needs a length of time"},
		{`lease = "2s"`, `lease = 2`, "store.lease", "needs"},
		{`lease = "2s"`, `lease = []`, "store.lease", "needs text in quotes, has an array"},
		{`baud = 9600`, `baud = -2147483649`, "bearer[2].baud", "number out of range"},
		{`baud = 9600`, `baud = 2147483647`, "bearer[2].baud", "must be between"},
		{`baud = 9600`, `bude = 9600`, "bearer[2].bude", `unknown key; did you mean "baud"?`},
		{`baud = 9600`, `bxyzd = 9600`, "bearer[2].bxyzd", "unknown key"},
		{"[ca]\n", "trusted_proxies = [\"10.0.0.0/8\", \"192.0.2.7\", \"::ffff:192.0.2.8\"]\n[ca]\n", "", ""},
		{"[ca]\n", "trusted_proxies = [\"10.0.0.1/8\"]\n[ca]\n", "api.trusted_proxies[0]", "needs an address or a network"},
		{"[ca]\n", "trusted_proxies = [\"0.0.0.0/0\"]\n[ca]\n", "api.trusted_proxies[0]", "needs an address or a network"},
		{"[ca]\n", "trusted_proxies = [\"fe80::1%eth0\"]\n[ca]\n", "api.trusted_proxies[0]", "needs an address or a network"},
		{"[ca]\n", "[log]\nlevel = \"loud\"\n[ca]\n", "log.level", "must be one of debug, info, warn, error"},
		{"[ca]\n", "[log]\nformat = \"xml\"\n[ca]\n", "log.format", "must be one of json, text"},
	} {
		if strings.Count(whole, tc.was) != 1 && tc.was != "" {
			t.Fatalf("%q stands %d times in the file", tc.was, strings.Count(whole, tc.was))
		}
		text := strings.Replace(whole, tc.was, tc.is, 1)
		_, err := Parse(filepath.Join(dir, "simsign.toml"), []byte(text), getenv)
		var faults *Faults
		switch errors.As(err, &faults); {
		case tc.want == "" && err != nil:
			t.Errorf("%q: %v", tc.is, err)
		case tc.want == "":
		case faults == nil || len(faults.List) != 1 || faults.List[0].Key != tc.key || !strings.Contains(faults.List[0].Text, tc.want):
			t.Errorf("%q: have\n%v\nwant the one fault %s: ...%s", tc.is, err, tc.key, tc.want)
		}
	}
}

// What cannot be read is said before anything of it is judged.
func TestLoadRefuses(t *testing.T) {
	dir, _ := site(t)
	big := filepath.Join(dir, "big.toml")
	for size, want := range map[int]string{1 << 20: "", 1<<20 + 1: "has 1048577 octets, at most 1048576 are read"} {
		text := mustRead(t, "testdata/ok_smallest.toml")
		text = append(text, strings.Repeat("\n", size-len(text))...)
		if err := os.WriteFile(big, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(big); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d octets: %v", size, err)
		}
	}
	for path, want := range map[string]string{"none.toml": "no such file", "folder": "is a directory"} {
		if c, err := Load(filepath.Join(dir, path)); c != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
