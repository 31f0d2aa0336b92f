package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/simsign/simsign/cmd/internal/freeport"
	"github.com/simsign/simsign/ota/sms"
)

// Ports are the loopback ports to listen on; a taken one moves to the next
// that is free, 0 takes any.
type Ports struct{ API, Console, CA, Metrics, Network, SMSC int }

// site is the folder with everything that lasts.
type site struct {
	dir   string
	fresh bool // it was empty before this run
	users []User
	secrets

	network, smsc string   // addresses of this run
	ports         []func() // give them back
}

// secrets are what the folder remembers beside database and cards. They open
// emulated cards only.
type secrets struct {
	Password string                  `json:"ap_password"`
	Code     string                  `json:"personal_code"`
	Cards    map[string]personalised `json:"cards,omitempty"` // by ICCID
	// Keys are the cards of a folder that an earlier version made, which knew one
	// kind of card: KIc and KID, 16 octets each, by ICCID.
	Keys  map[string]string `json:"card_keys,omitempty"`
	Ready bool              `json:"ready"` // every user is registered
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
		if err := errors.Join(s.settle(o.Users), s.whole()); err != nil {
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
	s.Code, s.Cards, s.users = o.Auto, map[string]personalised{}, o.Users
	if s.Code == "" {
		s.Code = Code
	}
	if err := CheckCode(s.Code); err != nil {
		return err
	}
	for _, u := range s.users {
		s.Cards[string(u.ICCID)] = personalise(u)
	}
	return s.save()
}

// whole finds what somebody took out of a folder: a new database or card in
// its place would know nobody.
func (s *site) whole() error {
	files := []string{"simsign.db"}
	for _, u := range s.users {
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

%s
%s%s`, listen["api"], MSSPID, Auth, listen["ca"], listen["ca"], listen["metrics"], listen["console"], cardTables(), bearer, profileTables()), nil
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
