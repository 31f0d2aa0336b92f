package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/ota/bearer/route"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
)

// SMPP is what a bearer of kind smpp has in addition: a short message centre
// (SMSC) to which the service binds as an ESME, SMPP 3.4.
type SMPP struct {
	// Address and port of the SMSC.
	Address string `toml:"address" example:"smsc.example.net:2775"`
	// Credentials of the bind. The password stands in a file that only the service may read,
	// or is a systemd credential; it has at most 8 characters.
	SystemID           string `toml:"system_id" example:"simsign"`
	PasswordFile       string `toml:"password_file" example:"/etc/simsign/smsc.password"`
	PasswordCredential string `toml:"password_credential" example:"simsign-smsc"`
	SystemType         string `toml:"system_type" example:"OTA"`
	// transceiver: one connection for both ways. pair: a transmitter and a receiver.
	Mode BindMode `toml:"mode" default:"transceiver"`
	// Binds (or pairs) at the same time, and requests on their way on each of them.
	Binds  int `toml:"binds" default:"1" min:"1" max:"100"`
	Window int `toml:"window" default:"10" min:"1" max:"1000"`
	// Messages a second to this SMSC, and on one bind; 0: no limit. Below that the rate
	// follows what the SMSC takes.
	Rate     int `toml:"rate" default:"0" min:"0" max:"100000"`
	BindRate int `toml:"bind_rate" default:"0" min:"0" max:"100000"`
	// TLS; the CA (default: those of the system), and the certificate and key that we show.
	TLS           bool   `toml:"tls" default:"false"`
	TLSCA         string `toml:"tls_ca" example:"/etc/simsign/smsc-ca.crt"`
	TLSCert       string `toml:"tls_cert" example:"/etc/simsign/smsc.crt"`
	TLSKey        string `toml:"tls_key" example:"/etc/simsign/smsc.key"`
	TLSServerName string `toml:"tls_server_name" example:"smsc.example.net"`
	// Our address in messages: +41790000000 (international), 4242 (short code), a text.
	// "PREFIX=ADDRESS" holds for numbers with that prefix only. Absent: number, see above.
	Source []string `toml:"source" example:"4242, 49=+491700000000"`
	// Type of number, numbering plan and addresses of the bind: which messages from phones
	// the SMSC gives to us.
	BindTON      int    `toml:"bind_ton" default:"0" min:"0" max:"255"`
	BindNPI      int    `toml:"bind_npi" default:"0" min:"0" max:"255"`
	AddressRange string `toml:"address_range" example:"^4242$"`
	ServiceType  string `toml:"service_type" example:"OTA"`
	// How long the network may try a message that does not say it itself; absent: as it likes.
	Validity Duration `toml:"validity" example:"10m"`
	// Ask for delivery receipts: a message that cannot be delivered ends its transaction early.
	Receipts bool `toml:"receipts" default:"true"`
	// How message ids are written in responses and in receipts: text, dec, hex, hex-dec (hexadecimal in
	// the response, decimal in the receipt), dec-hex, or reference (ids identify nothing:
	// send user_message_reference and find receipts by it).
	MessageIDs IDFormats `toml:"message_ids" default:"text"`
	// data_coding values that the SMSC misreads, and what to write in their place.
	DataCoding []Mapping `toml:"data_coding" example:"F6=16"`
	// Parts of a long message: udh, sar (sar_* parameters), payload (message_payload).
	LongMessages LongForm `toml:"long_messages" default:"udh"`
	// esm_class to start from: 03 asks for store and forward.
	ESMClass Octet `toml:"esm_class" default:"00"`
	// Type of number and numbering plan of phones.
	DestTON int `toml:"dest_ton" default:"1" min:"0" max:"255"`
	DestNPI int `toml:"dest_npi" default:"1" min:"0" max:"255"`
	// Completes national numbers of messages from phones.
	CountryCode Prefix `toml:"country_code" example:"41"`
	// Receipts come without the receipt bit of esm_class. Such a text counts only when it comes from
	// the whole number of the phone: anybody can send one.
	PlainReceipts bool `toml:"plain_receipts" default:"false"`
	// The SMSC refuses validity_period.
	NoValidity bool `toml:"no_validity" default:"false"`
	// What to do on a command_status, where the usual is not right: a status, one of refuse, busy
	// (another bearer, or later), head, tail (again, as first or last), how often in all,
	// then delay=TIME (of this message), pause=TIME (of all), slow (halve the rate), leave (bind anew).
	// All tries together end before response_timeout and 5 s.
	Policy []string `toml:"policy" example:"ESME_RTHROTTLED head 5 pause=1s slow, ESME_RMSGQFUL tail 4 delay=2s"`
	// Time for a response, and silence after which the link is asked with enquire_link.
	ResponseTimeout Duration `toml:"response_timeout" default:"30s"`
	EnquireInterval Duration `toml:"enquire_interval" default:"30s"`
	// PDUs of each bind that are kept for "simsign smsc trace"; 0: none. Passwords are never
	// kept; texts, packets and whole numbers only with trace_messages.
	Trace         int  `toml:"trace" default:"0" min:"0" max:"100000"`
	TraceMessages bool `toml:"trace_messages" default:"false"`
}

// BindMode is a mode of package esme.
type BindMode esme.Mode

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *BindMode) UnmarshalText(b []byte) error {
	return choice(m, b, []string{"transceiver", "pair", "transmitter", "receiver"},
		[]BindMode{BindMode(esme.Transceiver), BindMode(esme.Pair), BindMode(esme.Transmitter), BindMode(esme.Receiver)})
}

// LongForm is how parts of long messages travel.
type LongForm esme.Long

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *LongForm) UnmarshalText(b []byte) error {
	return choice(l, b, []string{"udh", "sar", "payload"}, []LongForm{LongForm(esme.LongUDH), LongForm(esme.LongSAR), LongForm(esme.LongPayload)})
}

// IDFormats are the formats of message ids.
type IDFormats struct {
	Response, Receipt esme.IDFormat
	Reference         bool
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *IDFormats) UnmarshalText(b []byte) error {
	return choice(f, b, []string{"text", "dec", "hex", "hex-dec", "dec-hex", "reference"}, []IDFormats{
		{esme.IDText, esme.IDText, false},
		{esme.IDDec, esme.IDDec, false},
		{esme.IDHex, esme.IDHex, false},
		{esme.IDHex, esme.IDDec, false},
		{esme.IDDec, esme.IDHex, false},
		{esme.IDText, esme.IDText, true},
	})
}

// Mapping is two octets, "F6=16".
type Mapping struct{ From, To byte }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mapping) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(string(b), "=")
	var x, y Octet
	if !ok || x.UnmarshalText([]byte(from)) != nil || y.UnmarshalText([]byte(to)) != nil {
		return fmt.Errorf(`needs two octets in hexadecimal such as "F6=16", has %q`, b)
	}
	*m = Mapping{byte(x), byte(y)}
	return nil
}

// DigitRange is a range of numbers by their first digits.
type DigitRange route.Range

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *DigitRange) UnmarshalText(b []byte) error {
	x, err := route.ParseRange(string(b))
	*r = DigitRange(x)
	return err
}

// Rule is the rule by which messages come to the bearer; its Bearer is empty.
func (b *Bearer) Rule() route.Rule {
	r := route.Rule{Profiles: b.CardProfiles, Priority: b.Priority, Weight: b.Share, Patience: b.patience()}
	for _, p := range b.Prefixes {
		r.Prefixes = append(r.Prefixes, string(p))
	}
	for _, x := range b.ICCID {
		r.ICCID = append(r.ICCID, route.Range(x))
	}
	for _, x := range b.IMSI {
		r.IMSI = append(r.IMSI, route.Range(x))
	}
	return r
}

// patience is how long the bearer may have a message: a little longer than a
// centre or a modem may take to respond, because whoever gives up before must
// send the same octets again.
func (b *Bearer) patience() time.Duration {
	const little = 5 * time.Second
	switch b.Kind {
	case "smpp":
		return b.ResponseTimeout.Duration() + little
	case "modem":
		return modem.Patience + little
	}
	return 2 * little
}

// ESME is the bearer as package esme takes it, without password, TLS, Inbox
// and what is for logs and metrics.
func (b *Bearer) ESME() (esme.Options, error) {
	s := &b.SMPP
	ton, npi := byte(s.DestTON), byte(s.DestNPI)
	o := esme.Options{
		Name: b.Name, Address: s.Address, Mode: esme.Mode(s.Mode), Binds: s.Binds, Window: s.Window,
		Rate: float64(s.Rate), BindRate: float64(s.BindRate),
		Bind: smpp.Bind{
			SystemID: s.SystemID, SystemType: s.SystemType, TON: byte(s.BindTON), NPI: byte(s.BindNPI), AddressRange: s.AddressRange,
		},
		ServiceType: s.ServiceType, Validity: s.Validity.Duration(),
		ResponseTimeout: s.ResponseTimeout.Duration(), EnquireInterval: s.EnquireInterval.Duration(),
		Quirks: esme.Quirks{
			ESMClass: byte(s.ESMClass), Long: esme.Long(s.LongMessages), DestTON: &ton, DestNPI: &npi, CountryCode: string(s.CountryCode),
			ResponseIDs: s.MessageIDs.Response, ReceiptIDs: s.MessageIDs.Receipt, UserRef: s.MessageIDs.Reference,
			PlainReceipts: s.PlainReceipts, NoValidity: s.NoValidity, NoReceipts: !s.Receipts, DataCoding: map[byte]byte{},
		},
	}
	for _, m := range s.DataCoding {
		o.Quirks.DataCoding[m.From] = m.To
	}
	var err error
	if o.Source, err = s.sources(b.Number); err != nil {
		return o, err
	}
	o.Policy, err = esme.ParsePolicy(esme.DefaultPolicy().Within(b.patience()), s.Policy)
	return o, err
}

// sources are our addresses in messages; n holds where none is given.
func (s *SMPP) sources(n Number) (rules esme.SourceRules, err error) {
	whole := false
	for _, text := range s.Source {
		r, err := sourceRule(text)
		if err != nil {
			return nil, err
		}
		whole = whole || r.Prefix == ""
		rules = append(rules, r)
	}
	if !whole {
		rules = append(rules, esme.SourceRule{Address: esme.ParseAddress(sms.MSISDN(n).String())})
	}
	return rules, nil
}

// sourceRule reads ADDRESS or PREFIX=ADDRESS.
func sourceRule(text string) (r esme.SourceRule, err error) {
	prefix, addr, two := strings.Cut(text, "=")
	if !two {
		prefix, addr = "", text
	}
	if two && prefix == "" || strings.Trim(prefix, "0123456789") != "" || addr == "" || len(addr) > 20 {
		return r, fmt.Errorf("needs an address of at most 20 characters, or PREFIX=ADDRESS, has %q", text)
	}
	return esme.SourceRule{Prefix: prefix, Address: esme.ParseAddress(addr)}, nil
}

// Password is the password of the bind, read now. Keep it out of logs.
func (s *SMPP) Password(getenv func(string) string) (string, error) {
	path := s.PasswordFile
	if s.PasswordCredential != "" {
		path = filepath.Join(getenv("CREDENTIALS_DIRECTORY"), s.PasswordCredential)
	}
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("password of the bind: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// errOneOf: two keys that exclude each other.
var errOneOf = errors.New("password_file and password_credential exclude each other")

// smpp checks a bearer of kind smpp.
func (ch *checker) smpp(key string, b *Bearer) {
	s := &b.SMPP
	if s.Address == "" {
		ch.faultf(key+".address", `kind smpp needs the address of the SMSC, such as "smsc.example.net:2775"`)
	} else if _, port := ch.address(key+".address", s.Address); strings.HasPrefix(s.Address, ":") || port == "0" {
		ch.faultf(key+".address", `needs the name and the port of the SMSC, such as "smsc.example.net:2775", has %q`, s.Address)
	}
	if s.SystemID == "" {
		ch.faultf(key+".system_id", "kind smpp needs the system_id of the bind")
	}
	for _, f := range []struct {
		key, value string
		most       int
	}{
		{"system_id", s.SystemID, 15},
		{"system_type", s.SystemType, 12},
		{"address_range", s.AddressRange, 40},
		{"service_type", s.ServiceType, 5},
	} {
		if len(f.value) > f.most || strings.ContainsRune(f.value, 0) {
			ch.faultf(key+"."+f.key, "at most %d characters (SMPP 3.4), has %d", f.most, len(f.value))
		}
	}
	ch.smppSecrets(key, s)
	for i, text := range s.Source {
		if _, err := sourceRule(text); err != nil {
			ch.faultf(indexed(key+".source", i), "%v", err)
		}
	}
	for i := range s.Policy {
		table, err := esme.ParsePolicy(nil, s.Policy[i:i+1])
		if err != nil {
			ch.faultf(indexed(key+".policy", i), "%v", err)
		}
		for _, a := range table {
			if a.Longest() >= b.patience() {
				ch.faultf(indexed(key+".policy", i), "may keep a message for %s, but it is given up after %s (response_timeout and 5s): fewer tries, shorter pauses or a longer response_timeout", a.Longest(), b.patience())
			}
		}
	}
	ch.inTime(key+".response_timeout", s.ResponseTimeout.Duration(), "the response of the SMSC")
	seen := map[byte]bool{}
	for _, m := range s.DataCoding {
		if seen[m.From] {
			ch.faultf(key+".data_coding", "%02X stands twice", m.From)
		}
		seen[m.From] = true
	}
}

// inTime: what takes longer than the life of every transaction never matters.
func (ch *checker) inTime(key string, d time.Duration, what string) {
	var life time.Duration
	for i := range ch.c.Profiles {
		life = max(life, ch.c.Profiles[i].TimeOut.Duration())
	}
	if ch.has(key) && life > 0 && d >= life {
		ch.faultf(key, "is too long: %s comes after %s, and the timeout of every [[signature_profile]] is %s or less", what, d, life)
	}
}

// smppSecrets checks the files of a bind.
func (ch *checker) smppSecrets(key string, s *SMPP) {
	if s.PasswordFile != "" && s.PasswordCredential != "" {
		ch.faultf(key+".password_file", "%v", errOneOf)
	}
	ch.credential(key+".password_credential", s.PasswordCredential)
	if s.PasswordFile != "" && ch.secretFile(key+".password_file", s.PasswordFile) {
		if p, err := s.Password(ch.getenv); err != nil || len(p) > 8 {
			ch.faultf(key+".password_file", "a password has at most 8 characters (SMPP 3.4), this one has %d", len(p))
		}
	}
	if !s.TLS {
		for _, k := range []struct{ key, value string }{{"tls_ca", s.TLSCA}, {"tls_cert", s.TLSCert}, {"tls_key", s.TLSKey}, {"tls_server_name", s.TLSServerName}} {
			if k.value != "" {
				ch.faultf(key+"."+k.key, "is of no effect without tls = true")
			}
		}
		return
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		ch.faultf(key+".tls_cert", "tls_cert and tls_key go together")
		return
	}
	ch.issuers(key+".tls_ca", s.TLSCA)
	ch.chain(key, s.TLSCert, s.TLSKey)
}

// notSMPP: keys of an SMSC in a bearer that is none, but for some.
func (ch *checker) notSMPP(key string, but ...string) {
	keys := map[string]bool{}
	keysOf[SMPP](keys)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if ch.has(key+"."+k) && !slices.Contains(but, k) {
			ch.faultf(key+"."+k, "is for bearers of kind smpp")
		}
	}
}
