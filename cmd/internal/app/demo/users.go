package demo

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
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
	Carriage  string // of the card: packet, own or response
}

// Users are those of the demonstration, each with a card of another carriage. They sign
// with ECDSA or with RSA, and are registered by the two flows.
func Users() []User {
	return []User{
		{"Ada Example", "41790000001", "8941010000000000017", "228990000000001", "P-256", "B", "en", "packet"},
		{"Ben Beispiel", "41790000002", "8941010000000000025", "228990000000002", "RSA-2048", "A", "en", "own"},
		{"Eva Exemple", "41790000003", "8941010000000000033", "228990000000003", "P-256", "B", "en", "response"},
	}
}

// kind is a kind of card: what its card profile says beside the lengths of codes.
type kind struct {
	profile string
	tar     ota.TAR
	spi     string // "" is the one of every profile
}

// kinds by carriage. What response was before there were others it still is, name and TAR
// too, so that a folder of an earlier version goes on.
var kinds = map[string]kind{
	"packet":   {"demo-packet", ota.TAR{0x4D, 0x53, 0x53}, "163A"},
	"own":      {"demo-own", ota.TAR{0x4D, 0x53, 0x53}, "0000"},
	"response": {"demo", ota.TAR{0xB0, 0x00, 0x01}, ""},
}

// cardTables are the card profiles of the configuration.
func cardTables() string {
	var b strings.Builder
	for _, way := range carriage.All() {
		k := kinds[way.Name()]
		fmt.Fprintf(&b, "[[card_profile]]\nname = %q\ntar = \"%X\"\ncarriage = %q\n", k.profile, k.tar[:], way.Name())
		if k.spi != "" {
			fmt.Fprintf(&b, "spi = %q\n", k.spi)
		}
		b.WriteString("code_min = [4, 6]\ncode_max = [8, 8]\n\n")
	}
	return b.String()
}

// personalised is what the maker of a card has put into it, in hexadecimal.
type personalised struct {
	Carriage string `json:"carriage"`
	KIc      string `json:"kic,omitempty"` // of the security domain
	KID      string `json:"kid,omitempty"`
	K0       string `json:"k0,omitempty"` // of the applet
	// UnblockingCode lets the user choose a new code in the SIM menu.
	UnblockingCode string `json:"unblocking_code"`
}

// personalise draws the secrets of a new card. Whoever has cards of carriage own has no
// keys of their security domain.
func personalise(u User) personalised {
	key := func() string {
		var k [16]byte
		rand.Read(k[:]) // never fails
		return hex.EncodeToString(k[:])
	}
	p := personalised{Carriage: u.Carriage, UnblockingCode: card.NewUnblockingCode()}
	if u.Carriage != "own" {
		p.KIc, p.KID = key(), key()
	}
	if u.Carriage != "response" {
		p.K0 = key()
	}
	return p
}

// settle finds the users of a folder: all of them were made with it, and one of an earlier
// version has two, whose cards are of INT6 version 01 and share an unblocking code.
func (s *site) settle(users []User) error {
	if s.Cards == nil {
		s.Cards = map[string]personalised{}
		for iccid, k := range s.Keys {
			half := len(k) / 2
			s.Cards[iccid] = personalised{Carriage: "response", KIc: k[:half], KID: k[half:], UnblockingCode: "31415926"}
		}
	}
	for _, u := range users {
		p, ok := s.Cards[string(u.ICCID)]
		if _, known := kinds[p.Carriage]; ok && !known || !ok && len(s.Keys) == 0 {
			return fmt.Errorf("%s does not say what card %s of %s is: put that back, or take another --data folder", s.path("demo.json"), u.ICCID, u.Name)
		}
		if ok {
			u.Carriage = p.Carriage
			s.users = append(s.users, u)
		}
	}
	if len(s.users) == 0 {
		return fmt.Errorf("%s names no card of a user: put that back, or take another --data folder", s.path("demo.json"))
	}
	return nil
}

// cardFile is what a card maker would deliver to the operator.
func (s *site) cardFile() string {
	var b strings.Builder
	b.WriteString("iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n")
	for _, u := range s.users {
		p := s.Cards[string(u.ICCID)]
		domain, own := ",,,,", ""
		if p.KIc != "" {
			domain = fmt.Sprintf("1,AES128:%s,AES128:%s,8,0000000000", p.KIc, p.KID)
		}
		if p.K0 != "" {
			own = "AES128:" + p.K0
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", u.ICCID, u.IMSI, kinds[u.Carriage].profile, domain, own)
	}
	return b.String()
}

// profileOf is what a card maker puts on a user's card.
func (s *site) profileOf(u User) (card.Profile, error) {
	k, p := kinds[u.Carriage], s.Cards[string(u.ICCID)]
	alg, err := applet.ParseAlgorithm(u.Algorithm)
	if err != nil {
		return card.Profile{}, err
	}
	out := card.Profile{
		ICCID: u.ICCID, IMSI: u.IMSI, ServiceProvider: "simsign demo", TAR: k.tar, Carriage: u.Carriage,
		Algorithms: []applet.Algorithm{alg, applet.ECDSAP256, applet.ECDSAP384, applet.RSA2048, applet.RSA3072},
		Codes:      [2]card.CodeProfile{{Min: 4, Max: 8, Tries: 3}, {Min: minSign, Max: 8, Tries: 3}},
		Language:   u.Language, Active: true, UnblockingCode: p.UnblockingCode, ServerAddress: serviceNumber.String(),
	}
	var keys [3][]byte
	for i, text := range []string{p.KIc, p.KID, p.K0} {
		if keys[i], err = hex.DecodeString(text); err != nil || len(text) != 0 && len(text) != 32 {
			return out, fmt.Errorf("%s holds no keys for card %s", s.path("demo.json"), u.ICCID)
		}
	}
	if len(keys[0]) > 0 {
		out.KeySets = []card.KeySet{{KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: keys[0]}, KID: ota.Key{Alg: ota.AES128, Octets: keys[1]}}}
		out.MSL = ota.SPI1Default
	}
	if len(keys[2]) > 0 {
		out.Keys = card.AppletKeys{K0: carriage.CardKey(keys[2]), Set: 1, Generation: 1}
	}
	return out, nil
}
