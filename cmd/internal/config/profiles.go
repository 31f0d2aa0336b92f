package config

import (
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

// Card is a card profile: everything we know of one kind of card. It decides
// the security of each packet to and from such a card; no request and no
// packet can lower it. "simsign card import" names it for each card.
type Card struct {
	// Name that the card file refers to.
	Name string `toml:"name" sample:"int6"`
	// Toolkit Application Reference of the applet: 6 hexadecimal digits, in quotes. B000xx is
	// the remote file management of the card itself.
	TAR TAR `toml:"tar" sample:"4D5353"`
	// How messages travel to the applet and back. response: the answer is a response packet
	// of the card's OTA layer. packet: a packet of the applet's, under keys of its own (column
	// k0 of the card file); what standard Java Cards can do. own: the request is sealed
	// by keys of the applet too. Without this key, a card that is imported with a k0 gets packet,
	// and one without gets response. A card keeps the one with which it was imported.
	Carriage Carriage `toml:"carriage" example:"packet"`
	// Security Parameter Indicator, 4 hexadecimal digits: how command packets are secured
	// and what is asked of their answers (TS 102 225 5.1.1). 1639: checksum, ciphering,
	// counter must rise; answer by SMS-SUBMIT, secured alike. Weaker is refused. With
	// carriage packet or own, 1600 asks for no response packet, 163A for one on error; 0000
	// is for own alone, where the sealed request needs nothing around it.
	SPI SPI `toml:"spi" default:"1639"`
	// Permits weaker packets and DES. Test cards only.
	Lab bool `toml:"lab" default:"false"`
	// TP-PID and TP-DCS of messages to the card, two hexadecimal digits each.
	PID Octet `toml:"pid" default:"7F"`
	DCS Octet `toml:"dcs" default:"F6"`
	// Concatenate with 16-bit references.
	ConcatRef16 bool `toml:"concat_ref16" default:"false"`
	// Put the element that marks a command packet before the concatenation element.
	CPIFirst bool `toml:"cpi_first" default:"false"`
	// Number to which the applet answers, when it needs to be told.
	ServerAddress Number `toml:"server_address" example:"+41790000000"`
	// Signature algorithms of the applet, the preferred one first: P-256, P-384, P-521
	// (ECDSA), RSA-2048, RSA-3072, RSA-4096 (PKCS#1 v1.5).
	Algorithms []Algorithm `toml:"algorithms" default:"P-256, RSA-2048"`
	// Key slots.
	Slots int `toml:"slots" default:"4" min:"2" max:"255"`
	// Shortest and longest personal code: first for authentication, then for non-repudiation.
	CodeMin []int `toml:"code_min" default:"4, 6"`
	CodeMax []int `toml:"code_max" default:"8, 8"`
	// true: one personal code, the first, for keys of both usages (then the second numbers of
	// code_min and code_max mean nothing). A pair keeps the code with which it was made.
	OneCode bool `toml:"one_code" default:"false"`
	// The applet shows and hashes UTF-8 text as it is (coding F8).
	UTF8 bool `toml:"utf8" default:"true"`
	// The applet wants a copy of the user's certificate.
	StoresCert bool `toml:"stores_cert" default:"false"`
	// Longest message to the card, in segments.
	MaxSegments int `toml:"max_segments" default:"4" min:"1" max:"8"`
}

// Sign is a signature profile: what a SignatureProfile URI means here.
type Sign struct {
	// URI by which application providers ask for it.
	URI string `toml:"uri" sample:"http://localhost/simsign/authentication"`
	// Other URIs with the same meaning.
	Aliases []string `toml:"aliases" example:"http://uri.example.org/profile/authn"`
	// authentication or non-repudiation: which key signs.
	Usage Usage `toml:"usage" sample:"authentication"`
	// two-step: the user acknowledges the text, then enters the code. one-step: both in one prompt.
	Journey Journey `toml:"journey" default:"two-step"`
	// true: CMS with signed attributes (contentType, messageDigest, signingTime).
	// false: the card signs the hash of the text that it showed.
	SignedAttributes bool `toml:"signed_attributes" default:"false"`
	// true: a provider that may (simsign ap edit --other-display) can have another text
	// shown beside the one that is signed: the user sees both. false: nobody can.
	OtherDisplay bool `toml:"other_display" default:"false"`
	// Life of a transaction when the request does not say, and the most it may ask for.
	TimeOut    Duration `toml:"timeout" default:"5m"`
	MaxTimeOut Duration `toml:"max_timeout" default:"15m"`
	// Level of assurance: 4. A profile with 3 is refused where 4 is asked for.
	LoA int `toml:"loa" default:"4" min:"3" max:"4"`
}

// CardProfiles are the card profiles by name, as the engine takes them.
func (c *Config) CardProfiles() map[string]mssp.CardProfile {
	m := make(map[string]mssp.CardProfile, len(c.Cards))
	for _, p := range c.Cards {
		m[p.Name] = p.profile()
	}
	return m
}

func (p *Card) profile() mssp.CardProfile {
	out := mssp.CardProfile{
		Name: p.Name, TAR: ota.TAR(p.TAR), SPI: ota.SPI(p.SPI), Lab: p.Lab,
		PID: byte(p.PID), DCS: byte(p.DCS), ConcatRef16: p.ConcatRef16, CPIFirst: p.CPIFirst,
		ServerAddress: string(p.ServerAddress),
		Slots:         byte(p.Slots), OneCode: p.OneCode, UTF8: p.UTF8, StoresCert: p.StoresCert, MaxSegments: p.MaxSegments,
	}
	if way, err := carriage.Of(string(p.Carriage)); err == nil && way != (carriage.Response{}) {
		out.Carriage = way
	}
	out.ByKey = p.Carriage == ""
	for _, a := range p.Algorithms {
		out.Algorithms = append(out.Algorithms, byte(a))
	}
	for i := range min(2, len(p.CodeMin), len(p.CodeMax)) {
		out.CodeMin[i], out.CodeMax[i] = byte(p.CodeMin[i]), byte(p.CodeMax[i])
	}
	return out
}

// SignatureProfiles are the signature profiles in the order of the file.
func (c *Config) SignatureProfiles() []mssp.SignatureProfile {
	out := make([]mssp.SignatureProfile, 0, len(c.Profiles))
	for _, p := range c.Profiles {
		out = append(out, mssp.SignatureProfile{
			URI: p.URI, Aliases: p.Aliases, Usage: mssp.KeyUsage(p.Usage), Journey: mssp.Journey(p.Journey),
			SignedAttributes: p.SignedAttributes, OtherDisplay: p.OtherDisplay, TimeOut: p.TimeOut.Duration(), MaxTimeOut: p.MaxTimeOut.Duration(), LoA: p.LoA,
		})
	}
	return out
}
