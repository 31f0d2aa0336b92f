package config

import (
	"cmp"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// The carriage of a profile decides which SPI is lawful, a laboratory's too, and
// arrives with it in the policy of the engine.
//
// Supports: 2-2d
func TestCarriageOfProfile(t *testing.T) {
	dir, getenv := site(t)
	for _, c := range []struct {
		carriage, spi string
		lab           bool
		fault         string // begins so, after "refused by the security policy: "; "" is lawful
	}{
		{"", "1639", false, ""},
		{"", "1600", false, ""}, // for cards with a k0: the card file is held to it
		{"", "0000", false, `SPI 0000: the command has no CC; carriage = "own" may use it`},
		{"response", "1639", false, ""},
		{"response", "1600", false, `SPI 1600: no answer (PoR) is asked for; carriage = "packet" may use it, this one is "response"`},
		{"response", "0000", false, `SPI 0000: the command has no CC; carriage = "own" may use it, this one is "response"`},
		{"response", "163A", false, ""},
		{"response", "1639", true, ""},
		{"packet", "1639", false, ""},
		{"packet", "1600", false, ""},
		{"packet", "161A", false, ""},
		{"packet", "163A", false, ""},
		{"packet", "1602", false, "SPI 1602: the answer would not have a CC (test cards only: lab = true)"},
		{"packet", "1620", false, "SPI 1620: no answer (PoR) is asked for (test cards only: lab = true)"},
		{"packet", "0000", false, `SPI 0000: the command has no CC; carriage = "own" may use it, this one is "packet"`},
		{"own", "0000", false, ""},
		{"own", "0000", true, ""},
		{"own", "1600", false, ""},
		{"own", "1639", false, ""},
		{"own", "0039", false, "SPI 0039: the command has no CC (test cards only: lab = true)"},
		{"own", "0600", false, "SPI 0600: the card does not check the counter (test cards only: lab = true)"},
		{"own", "1602", false, "SPI 1602: the answer would not have a CC (test cards only: lab = true)"},
	} {
		text := "spi = \"" + c.spi + "\"\n"
		if c.carriage != "" {
			text += "carriage = \"" + c.carriage + "\"\n"
		}
		if c.lab {
			text += "lab = true\n"
		}
		file := strings.Replace(whole, "spi = \"1639\"\nlab = false\n", text, 1)
		got, err := Parse(filepath.Join(dir, "simsign.toml"), []byte(file), getenv)
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), "card_profile[0].spi: refused by the security policy: "+c.fault) {
				t.Errorf("%s %s: %v, want %s", c.carriage, c.spi, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s: %v", c.carriage, c.spi, err)
			continue
		}
		p := got.CardProfiles()["int6"]
		want, err := carriage.Of(cmp.Or(c.carriage, "response"))
		if err != nil || p.Way() != want {
			t.Errorf("%s %s: carriage %s, %v", c.carriage, c.spi, p.Way().Name(), err)
		}
		if p.ByKey != (c.carriage == "") {
			t.Errorf("%s %s: by key %v", c.carriage, c.spi, p.ByKey)
		}
		if err := p.Security().CheckSPI(p.SPI); err != nil && !p.ByKey {
			t.Errorf("%s %s: the engine refuses what the configuration takes: %v", c.carriage, c.spi, err)
		}
	}
	_, err := Parse(filepath.Join(dir, "simsign.toml"), []byte(strings.Replace(whole, "[[card_profile]]\n", "[[card_profile]]\ncarriage = \"Packet\"\n", 1)), getenv)
	if want := `card_profile[0].carriage: no carriage "Packet": it must be packet, response or own`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// A packet without security around a sealed one is no danger; around nothing it is.
func TestDangerOfCarriage(t *testing.T) {
	for _, c := range []struct {
		carriage Carriage
		spi      SPI
		refused  bool
	}{
		{"own", SPI{}, false},
		{"packet", SPI{}, true},
		{"", SPI{}, true},
		{"packet", SPI{0x16, 0}, false},
		{"response", SPI{0x16, 0}, true},
		{"", SPI{0x16, 0}, true}, // cards without k0
	} {
		var l dangers
		(&Config{}).dangersOfCard(&l, "card_profile[0]", &Card{Carriage: c.carriage, SPI: c.spi, Lab: true})
		refused := false
		for _, d := range l {
			refused = refused || d.Refused
		}
		if refused != c.refused {
			t.Errorf("%s, SPI %s: %+v", c.carriage, ota.SPI(c.spi), l)
		}
	}
}
