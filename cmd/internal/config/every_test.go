package config

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer/route"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
)

// other makes a value that is not the one there.
func other(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "7")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Array:
		other(t, v.Index(v.Len()-1))
	case reflect.Slice:
		el := reflect.New(v.Type().Elem()).Elem()
		other(t, el)
		v.Set(reflect.Append(v, el))
	case reflect.Struct:
		other(t, v.Field(v.NumField()-1))
	default:
		t.Fatalf("no other value of %s", v.Type())
	}
}

// carried changes each key of T and wants to see it in what the configuration
// makes of it; but are keys that go elsewhere.
func carried[T any](t *testing.T, with T, seen func(T) any, but ...string) {
	t.Helper()
	typ := reflect.TypeFor[T]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		key := f.Tag.Get("toml")
		if key == "" || strings.Contains(" "+strings.Join(but, " ")+" ", " "+key+" ") {
			continue
		}
		x := with
		v := reflect.ValueOf(&x).Elem()
		if v.Field(i).Kind() == reflect.Slice { // not into the array of the other one
			v.Field(i).Set(reflect.AppendSlice(reflect.MakeSlice(f.Type, 0, 9), v.Field(i)))
		}
		other(t, v.Field(i))
		if reflect.DeepEqual(seen(with), seen(x)) {
			t.Errorf("%s: %s makes no difference", typ.Name(), key)
		}
	}
}

// Every key of a section arrives where it has an effect.
func TestEveryKeyArrives(t *testing.T) {
	carried(t, Card{Algorithms: []Algorithm{1}, CodeMin: []int{4, 6}, CodeMax: []int{8, 8}}, func(c Card) any { return c.profile() }, "carriage", "code_min", "code_max")
	carried(t, Sign{}, func(p Sign) any { return (&Config{Profiles: []Sign{p}}).SignatureProfiles() })
	carried(t, SMPP{Source: []string{"1"}, Policy: []string{"ESME_RTHROTTLED head 20"}}, func(s SMPP) any {
		o, err := (&Bearer{SMPP: s}).ESME()
		if err != nil {
			return err.Error()
		}
		return o
	}, "password_file", "password_credential", "tls", "tls_ca", "tls_cert", "tls_key", "tls_server_name", "trace", "trace_messages")
	carried(t, Bearer{}, func(b Bearer) any {
		o, err := b.ESME()
		if err != nil {
			t.Fatal(err)
		}
		return []any{b.Rule(), o}
	}, "kind", "network", "emulate")
	carried(t, Modem{}, func(d Modem) any {
		o, err := (&Bearer{Modem: d}).Driver("/d", noenv)
		o.Open, o.Keep = nil, nil // functions
		if err != nil {
			return err.Error()
		}
		return o
	}, "device", "baud", "pin_file", "pin_credential")
}

// The values arrive as they are written, each in its own place.
func TestValuesArrive(t *testing.T) {
	dir, getenv := site(t)
	c, err := Parse(filepath.Join(dir, "simsign.toml"), []byte(whole), getenv)
	if err != nil {
		t.Fatal(err)
	}
	want := mssp.CardProfile{
		Name: "int6", TAR: ota.TAR{'M', 'S', 'S'}, SPI: ota.SPI{0x16, 0x39}, PID: 0x7F, DCS: 0xF6, Algorithms: []byte{0x11},
		Slots: 4, CodeMin: [2]byte{4, 6}, CodeMax: [2]byte{8, 16}, UTF8: true, MaxSegments: 4, ByKey: true,
	}
	if have := c.CardProfiles()["int6"]; !reflect.DeepEqual(have, want) {
		t.Errorf("card profile %+v, want %+v", have, want)
	}
	p := c.SignatureProfiles()
	if len(p) != 2 || p[0].Usage != mssp.Authentication || p[1].Usage != mssp.NonRepudiation || p[0].TimeOut != 90*time.Second || p[0].MaxTimeOut != 15*time.Minute ||
		p[0].Aliases[0] != "urn:auth" || p[1].TimeOut != 5*time.Minute || p[0].LoA != 4 || p[0].SignedAttributes || p[0].Journey != mssp.TwoStep {
		t.Errorf("signature profiles %+v", p)
	}
	if c.API.TLSKey != filepath.Join(dir, "api.key") || c.Store.DSN != filepath.Join(dir, "simsign.db") || c.Bearers[1].TLSCA != filepath.Join(dir, "api.crt") ||
		c.Bearers[2].PINFile != filepath.Join(dir, "pin") || c.Data != filepath.Join(dir, "state") {
		t.Errorf("paths do not count from the folder of the file: %+v", c)
	}
}

func TestESMEValues(t *testing.T) {
	dir, getenv := site(t)
	text := strings.Replace(whole, "tls = true", `tls = true
tls_server_name = "centre"
mode = "pair"
binds = 2
window = 11
rate = 500
bind_rate = 200
bind_ton = 5
bind_npi = 6
address_range = "^4242$"
validity = "10m"
receipts = false
message_ids = "hex-dec"
long_messages = "sar"
esm_class = "03"
dest_ton = 2
dest_npi = 3
country_code = "41"
plain_receipts = true
no_validity = true
response_timeout = "31s"
enquire_interval = "32s"`, 1)
	c, err := Parse(filepath.Join(dir, "simsign.toml"), []byte(text), getenv)
	if err != nil {
		t.Fatal(err)
	}
	b := &c.Bearers[1]
	have, err := b.ESME()
	if err != nil {
		t.Fatal(err)
	}
	ton, npi := byte(2), byte(3)
	policy, err := esme.ParsePolicy(esme.DefaultPolicy(), []string{"ESME_RTHROTTLED head 4 pause=1s slow"})
	if err != nil {
		t.Fatal(err)
	}
	want := esme.Options{
		Name: "north", Address: "smsc.example.net:2775", Mode: esme.Pair, Binds: 2, Window: 11, Rate: 500, BindRate: 200,
		Bind:        smpp.Bind{SystemID: "exactly15chars-", SystemType: "twelve-chars", TON: 5, NPI: 6, AddressRange: "^4242$"},
		ServiceType: "five5", Validity: 10 * time.Minute, ResponseTimeout: 31 * time.Second, EnquireInterval: 32 * time.Second,
		Source: esme.SourceRules{{Prefix: "", Address: esme.ParseAddress("4242")}, {Prefix: "49", Address: esme.ParseAddress("+491700000000")}},
		Policy: policy,
		Quirks: esme.Quirks{
			ESMClass: 3, Long: esme.LongSAR, DestTON: &ton, DestNPI: &npi, CountryCode: "41", ResponseIDs: esme.IDHex, ReceiptIDs: esme.IDDec,
			PlainReceipts: true, NoValidity: true, NoReceipts: true, DataCoding: map[byte]byte{0xF6: 0x16, 0xF5: 0x15},
		},
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v\nwant %+v", have, want)
	}
	if rule, want := b.Rule(), (route.Rule{Profiles: []string{"other"}, Prefixes: []string{"41"}, Priority: 1, Patience: 36 * time.Second}); !reflect.DeepEqual(rule, want) {
		t.Errorf("rule %+v, want %+v", rule, want)
	}
	if p, err := b.Password(getenv); err != nil || p != "eight888" {
		t.Errorf("password %q, %v", p, err)
	}
	b.PasswordFile, b.PasswordCredential = "", "long.password"
	if p, err := b.Password(getenv); err != nil || p != "nine99999" {
		t.Errorf("password of the credential %q, %v", p, err)
	}
	b.PasswordCredential = "none"
	if _, err := b.Password(getenv); err == nil {
		t.Error("a credential that is not there gave a password")
	}
	checkTLS(t, dir, b)
}

// A bearer with TLS trusts its CA alone, and shows its certificate.
func checkTLS(t *testing.T, dir string, b *Bearer) {
	t.Helper()
	config, list, err := b.TLSConfig(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(mustRead(t, filepath.Join(dir, "api.crt")))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	only := x509.NewCertPool()
	only.AddCert(cert)
	if !config.RootCAs.Equal(only) || config.ServerName != "centre" || config.MinVersion != 0x0303 || config.InsecureSkipVerify ||
		len(config.Certificates) != 1 || !config.Certificates[0].Leaf.Equal(cert) {
		t.Errorf("TLS %+v", config)
	}
	if len(list) != 2 || list[0].Path != b.TLSCA || list[1].Path != b.TLSCert || !list[0].Until.Equal(cert.NotAfter) || !list[1].Until.Equal(cert.NotAfter) {
		t.Errorf("certificates whose end is watched: %+v", list)
	}
	for key, s := range map[string]SMPP{
		"bearer.north.tls_ca: ":   {TLS: true, TLSCA: filepath.Join(dir, "none")},
		"bearer.north.tls_cert: ": {TLS: true, TLSCert: filepath.Join(dir, "api.crt"), TLSKey: filepath.Join(dir, "second.key")},
	} {
		if c, _, err := (&Bearer{Name: "north", SMPP: s}).TLSConfig(time.Now()); c != nil || err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("%s%v, %v", key, c, err)
		}
	}
	if c, _, err := (&Bearer{SMPP: SMPP{TLS: true}}).TLSConfig(time.Now()); err != nil || c == nil || c.RootCAs != nil || c.Certificates != nil {
		t.Errorf("TLS with the CAs of the system: %+v, %v", c, err)
	}
	if c, _, err := (&Bearer{SMPP: SMPP{TLSCA: "x"}}).TLSConfig(time.Now()); c != nil || err != nil {
		t.Errorf("without TLS: %v, %v", c, err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Our address: the rule for all numbers, or else our own number.
func TestSources(t *testing.T) {
	own := esme.ParseAddress("+41790000000")
	for _, tc := range []struct {
		texts []string
		want  esme.SourceRules
	}{
		{nil, esme.SourceRules{{Address: own}}},
		{[]string{"49=4242"}, esme.SourceRules{{Prefix: "49", Address: esme.ParseAddress("4242")}, {Address: own}}},
		{[]string{"4242", "49=1"}, esme.SourceRules{{Address: esme.ParseAddress("4242")}, {Prefix: "49", Address: esme.ParseAddress("1")}}},
	} {
		have, err := (&SMPP{Source: tc.texts}).sources(Number("41790000000"))
		if err != nil || !reflect.DeepEqual(have, tc.want) {
			t.Errorf("%q: %+v, %v; want %+v", tc.texts, have, err, tc.want)
		}
	}
	if _, err := (&SMPP{Source: []string{"49="}}).sources(""); err == nil {
		t.Error("a rule without an address passes")
	}
}

func TestDriverValues(t *testing.T) {
	dir, getenv := site(t)
	b := Bearer{Name: "a/b", SMPP: SMPP{CountryCode: "41", Receipts: true}, Modem: Modem{SMSC: "4179", Pace: Duration(3 * time.Second), Quota: 5, PINFile: filepath.Join(dir, "pin")}}
	for pin, change := range map[string]func(){
		"1234":     func() {},
		"12345678": func() { b.PINCredential = "pin8" },
		"":         func() { b.PINFile, b.PINCredential = "", "" },
	} {
		was := b
		change()
		o, err := b.Driver("/d", getenv)
		if err != nil || o.Open == nil || o.Keep == nil {
			t.Fatalf("%+v, %v", o, err)
		}
		o.Open, o.Keep = nil, nil
		want := modem.Options{Name: "a/b", SMSC: "4179", CountryCode: "41", Receipts: true, Pace: 3 * time.Second, Quota: 5, State: "/d/modem-a%2Fb.json", PIN: pin}
		if !reflect.DeepEqual(o, want) {
			t.Errorf("%+v, want %+v", o, want)
		}
		b = was
	}
	b.PINFile = filepath.Join(dir, "pinx")
	if o, err := b.Driver("/d", getenv); err == nil || o.PIN != "" {
		t.Errorf("PIN %q, %v", o.PIN, err)
	}
	b.PINFile = filepath.Join(dir, "none")
	if _, err := b.Driver("/d", getenv); err == nil {
		t.Error("a PIN file that is not there passes")
	}
}

// Words of the file and what they mean.
func TestWords(t *testing.T) {
	var n Number
	var d Duration
	var p Prefix
	for text, want := range map[string]time.Duration{"1d": 24 * time.Hour, "90s": 90 * time.Second} {
		if err := d.UnmarshalText([]byte(text)); err != nil || d.Duration() != want {
			t.Errorf("%q: %s, %v", text, d.Duration(), err)
		}
	}
	if err := n.UnmarshalText([]byte("+41791234567")); err != nil || sms.MSISDN(n) != "41791234567" {
		t.Errorf("number %q, %v", n, err)
	}
	if err := p.UnmarshalText([]byte("+4")); err != nil || p != "4" {
		t.Errorf("prefix %q, %v", p, err)
	}
	for text, want := range map[string]BindMode{
		"transceiver": BindMode(esme.Transceiver), "pair": BindMode(esme.Pair), "transmitter": BindMode(esme.Transmitter), "receiver": BindMode(esme.Receiver),
	} {
		var m BindMode
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%s: %v, %v", text, m, err)
		}
	}
	for text, want := range map[string]LongForm{"udh": LongForm(esme.LongUDH), "sar": LongForm(esme.LongSAR), "payload": LongForm(esme.LongPayload)} {
		var m LongForm
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%s: %v, %v", text, m, err)
		}
	}
	for text, want := range map[string]IDFormats{
		"text": {esme.IDText, esme.IDText, false}, "dec": {esme.IDDec, esme.IDDec, false}, "hex": {esme.IDHex, esme.IDHex, false},
		"hex-dec": {esme.IDHex, esme.IDDec, false}, "dec-hex": {esme.IDDec, esme.IDHex, false}, "reference": {esme.IDText, esme.IDText, true},
	} {
		var m IDFormats
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%s: %v, %v", text, m, err)
		}
	}
}
