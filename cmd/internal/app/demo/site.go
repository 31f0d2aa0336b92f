package demo

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/simsign/simsign/cmd/internal/freeport"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// User is somebody with a handset.
type User struct {
	Name      string
	Number    sms.MSISDN
	ICCID     ota.ICCID
	IMSI      string
	Algorithm string // of both key pairs
	Flow      string // of registration: A or B
	Language  string
}

// Users are the two users of the demonstration: one signs with ECDSA, one
// with RSA, and they are registered by the two flows.
func Users() []User {
	return []User{
		{"Ada Example", "41790000001", "8941010000000000017", "228990000000001", "P-256", "B", "en"},
		{"Ben Beispiel", "41790000002", "8941010000000000025", "228990000000002", "RSA-2048", "A", "en"},
	}
}

// Ports are the loopback ports to listen on; a taken one moves to the next
// that is free, 0 takes any.
type Ports struct{ API, Console, CA, Metrics, Network, SMSC int }

// site is the folder with everything that lasts.
type site struct {
	dir   string
	fresh bool // it was empty before this run
	secrets

	network, smsc string   // addresses of this run
	ports         []func() // give them back
}

// secrets are what the folder remembers beside database and cards. They open
// emulated cards only.
type secrets struct {
	Password string            `json:"ap_password"`
	Code     string            `json:"personal_code"`
	Keys     map[string]string `json:"card_keys"` // ICCID: KIc and KID, 16 octets each
	Ready    bool              `json:"ready"`     // every user is registered
}

const serviceNumber sms.MSISDN = "41790000000"

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }
func (s *site) configPath() string      { return s.path("simsign.toml") }

// openSite reads the folder, or fills an empty one, and writes the
// configuration for the ports that are free now.
func openSite(dir string, o Options) (*site, error) {
	s := &site{dir: dir}
	b, err := os.ReadFile(s.path("demo.json"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := s.fill(o); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(b, &s.secrets); err != nil {
			return nil, fmt.Errorf("%s is damaged (%w): take another --data folder", s.path("demo.json"), err)
		}
		if !s.Ready {
			return nil, fmt.Errorf("%s holds a demonstration that never got ready: remove it, or take another --data folder", dir)
		}
		if err := s.whole(o); err != nil {
			return nil, err
		}
	}
	text, err := s.configuration(o)
	if err != nil {
		return nil, err
	}
	return s, os.WriteFile(s.configPath(), []byte(text), 0o600)
}

func (s *site) fill(o Options) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty and holds no demonstration: take another --data folder", s.dir)
	}
	s.fresh = true
	s.Code, s.Keys = o.Auto, map[string]string{}
	if s.Code == "" {
		s.Code = Code
	}
	if err := CheckCode(s.Code); err != nil {
		return err
	}
	for _, u := range o.Users {
		var k [32]byte
		rand.Read(k[:]) // never fails
		s.Keys[string(u.ICCID)] = hex.EncodeToString(k[:])
	}
	return s.save()
}

// whole finds what somebody took out of a folder: a new database or card in
// its place would know nobody.
func (s *site) whole(o Options) error {
	files := []string{"simsign.db"}
	for _, u := range o.Users {
		files = append(files, cardName(u))
	}
	for _, f := range files {
		if _, err := os.Stat(s.path(f)); err != nil {
			return fmt.Errorf("%s is no whole demonstration any more (%w): put that back, or take another --data folder", s.dir, err)
		}
	}
	return nil
}

func cardName(u User) string { return "card-" + string(u.Number) + ".journal" }

// abandon empties a folder again that was empty before and never got ready.
func (s *site) abandon() {
	if !s.fresh || s.Ready {
		return
	}
	entries, _ := os.ReadDir(s.dir)
	for _, e := range entries {
		os.RemoveAll(s.path(e.Name())) // the next start says what is left
	}
}

// givePorts gives the ports of this run back.
func (s *site) givePorts() {
	for _, release := range s.ports {
		release()
	}
	s.ports = nil
}

func (s *site) markReady() error { s.Ready = true; return s.save() }

func (s *site) save() error {
	b, err := json.MarshalIndent(s.secrets, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("demo.json"), append(b, '\n'), 0o600)
}

// cardFile is what a card maker would deliver to the operator.
func (s *site) cardFile(users []User) string {
	var b strings.Builder
	b.WriteString("iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n")
	for _, u := range users {
		k := s.Keys[string(u.ICCID)]
		fmt.Fprintf(&b, "%s,%s,demo,1,AES128:%s,AES128:%s,8,0000000000\n", u.ICCID, u.IMSI, k[:32], k[32:])
	}
	return b.String()
}

// configuration writes the file that simsign serve could be given as well.
func (s *site) configuration(o Options) (string, error) {
	listen := map[string]string{}
	for _, p := range []struct {
		name string
		port int
	}{{"api", o.Ports.API}, {"console", o.Ports.Console}, {"ca", o.Ports.CA}, {"metrics", o.Ports.Metrics}, {"network", o.Ports.Network}, {"smsc", o.Ports.SMSC}} {
		addr, release, err := freeport.Keep(p.port, slices.Collect(maps.Values(listen))...)
		if err != nil {
			return "", err
		}
		s.ports = append(s.ports, release)
		listen[p.name] = addr
	}
	s.network, s.smsc = listen["network"], listen["smsc"]
	bearer := fmt.Sprintf("[[bearer]]\nname = \"loopback\"\nkind = \"loopback\"\nnumber = %q\nnetwork = %q\nemulate = true\n", serviceNumber.String(), s.network)
	if o.SMPP {
		var err error
		if bearer, err = s.smppBearer(s.smsc); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf(`# Written by "simsign demo" at every start. EMULATED: test keys only.
data = "."

[api]
listen = %q
mssp_id = %q
default_profile = %q

[ca]
listen = %q
url = "http://%s"

[metrics]
listen = %q

[console]
listen = %q

[admin]
socket = "admin.sock"

[limits]
prompts_per_minute = 1000
cool_off_after = 0
queue = 20

[lab]
demo_faults = true
test_ca = true

[[card_profile]]
name = "demo"
tar = "B00001"
code_min = [4, 6]
code_max = [8, 8]

%s%s`, listen["api"], MSSPID, Auth, listen["ca"], listen["ca"], listen["metrics"], listen["console"], bearer, profileTables()), nil
}

func profileTables() string {
	var b strings.Builder
	for _, p := range []struct {
		uri, usage, journey string
		attributes          bool
		aliases             string
	}{
		{Auth, "authentication", "two-step", false, `"http://mid.swisscom.ch/Any-LoA4", "http://mid.swisscom.ch/STK-LoA4", "http://alauda.mobi/digitalSignature", "http://mss.ficom.fi/TS102206/v1.0.0/authentication-profile.xml"`},
		{Sign, "non-repudiation", "two-step", false, `"http://alauda.mobi/nonRepudiation", "http://mss.ficom.fi/TS102206/v1.0.0/signature-profile.xml"`},
		{OneStep, "authentication", "one-step", false, ""},
		{Attested, "non-repudiation", "two-step", true, ""},
	} {
		fmt.Fprintf(&b, "\n[[signature_profile]]\nuri = %q\nusage = %q\njourney = %q\nsigned_attributes = %t\nother_display = true\ntimeout = \"2m\"\n", p.uri, p.usage, p.journey, p.attributes)
		if p.aliases != "" {
			fmt.Fprintf(&b, "aliases = [%s]\n", p.aliases)
		}
	}
	return b.String()
}
