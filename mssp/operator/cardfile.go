package operator

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// ErrCards means that a card file is wrong; the text says all that is, with
// line numbers. It never repeats a key.
var ErrCards = errors.New("card file")

// cardColumns is the header of a card file. One line is one key set; several
// lines with the same ICCID give the card several.
//
//	iccid    printed number, 18 to 20 digits
//	imsi     15 digits, may be empty
//	profile  name of a [[card_profile]]
//	kvn      number of the key set, 1 to 15
//	kic      algorithm:key for ciphering, as in AES128:00112233445566778899AABBCCDDEEFF
//	kid      the same for the checksum
//	cmac     octets of an AES checksum, 4 or 8; empty means 8
//	cntr     last counter used, 10 hexadecimal digits; empty means 0000000000.
//	         Another one is raised to the clock's, which is higher (see package keys)
var cardColumns = [...]string{"iccid", "imsi", "profile", "kvn", "kic", "kid", "cmac", "cntr"}

// ImportedCard is one card of a file.
type ImportedCard struct {
	Card mssp.Card
	Keys []keys.Material
	Last []ota.CNTR // of the key set with the same index
}

// ParseCards reads a card file and checks every card against its profile: a
// key too weak for the profile is refused here, before it is stored. The
// error matches ErrCards.
func ParseCards(text string, profiles map[string]mssp.CardProfile) ([]ImportedCard, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	r.TrimLeadingSpace = true
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil || strings.Join(head, ",") != strings.Join(cardColumns[:], ",") {
		return nil, fmt.Errorf("%w: the first line must be %s", ErrCards, strings.Join(cardColumns[:], ","))
	}
	p := cardParser{profiles: profiles, index: map[ota.ICCID]int{}}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.faults = append(p.faults, err.Error())
			break
		}
		line, _ := r.FieldPos(0)
		if err := p.line(rec); err != nil {
			p.faults = append(p.faults, fmt.Sprintf("line %d: %v", line, err))
		}
	}
	if len(p.faults) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrCards, strings.Join(p.faults, "\n"))
	}
	if len(p.cards) == 0 {
		return nil, fmt.Errorf("%w: no card in it", ErrCards)
	}
	return p.cards, nil
}

type cardParser struct {
	profiles map[string]mssp.CardProfile
	index    map[ota.ICCID]int
	cards    []ImportedCard
	faults   []string
}

func (p *cardParser) line(f []string) error {
	if len(f) != len(cardColumns) {
		return fmt.Errorf("%d fields, must be %d", len(f), len(cardColumns))
	}
	iccid, err := ota.ParseICCID(f[0])
	if err != nil {
		return err
	}
	if f[1] != "" && (len(f[1]) != 15 || strings.Trim(f[1], "0123456789") != "") {
		return errors.New("imsi needs 15 digits")
	}
	profile, ok := p.profiles[f[2]]
	if !ok {
		return fmt.Errorf("no [[card_profile]] with the name %q", f[2])
	}
	m, last, err := keySet(f)
	if err != nil {
		return err
	}
	ks, err := m.KeySet()
	if err != nil {
		return err
	}
	if err := (ota.Security{SPI: profile.SPI, Lab: profile.Lab}).CheckKeys(ks); err != nil {
		return fmt.Errorf("card profile %q: %w", profile.Name, err)
	}
	i, seen := p.index[iccid]
	if !seen {
		i = len(p.cards)
		p.index[iccid] = i
		p.cards = append(p.cards, ImportedCard{Card: mssp.Card{ICCID: iccid, IMSI: f[1], Profile: profile.Name, State: mssp.CardActive}})
	}
	c := &p.cards[i]
	if c.Card.IMSI != f[1] || c.Card.Profile != profile.Name {
		return errors.New("an earlier line of this card has another imsi or profile")
	}
	for _, other := range c.Keys {
		if other.KVN == m.KVN {
			return fmt.Errorf("an earlier line of this card has key set %d", m.KVN)
		}
	}
	c.Keys = append(c.Keys, m)
	c.Last = append(c.Last, last)
	return nil
}

// keySet reads the fields kvn to cntr.
func keySet(f []string) (keys.Material, ota.CNTR, error) {
	var m keys.Material
	kvn, err := strconv.Atoi(f[3])
	if err != nil || kvn < 1 || kvn > 15 {
		return m, 0, fmt.Errorf("kvn must be a number from 1 to 15")
	}
	m.KVN, m.CMACLen = byte(kvn), 8
	if m.KIc, err = key("kic", f[4]); err != nil {
		return m, 0, err
	}
	if m.KID, err = key("kid", f[5]); err != nil {
		return m, 0, err
	}
	switch f[6] {
	case "", "8":
	case "4":
		m.CMACLen = 4
	default:
		return m, 0, fmt.Errorf("cmac must be 4 or 8")
	}
	var last uint64
	if f[7] != "" {
		if last, err = strconv.ParseUint(f[7], 16, 64); err != nil || len(f[7]) != 10 {
			return m, 0, fmt.Errorf("cntr needs 10 hexadecimal digits")
		}
	}
	return m, ota.CNTR(last), nil
}

// key reads ALGORITHM:HEX. Its errors do not repeat the digits.
func key(column, s string) (ota.Key, error) {
	name, digits, ok := strings.Cut(s, ":")
	if !ok {
		return ota.Key{}, fmt.Errorf("%s needs ALGORITHM:KEY, as in AES128:0F1E2D... (hexadecimal)", column)
	}
	alg, err := ota.ParseAlgorithm(name)
	if err != nil {
		// Its text would repeat what stands there: perhaps a key without algorithm.
		return ota.Key{}, fmt.Errorf("%s: unknown algorithm; the names are 3DES2, 3DES3, AES128, AES192, AES256 (test cards: DES, DES-ECB)", column)
	}
	octets, err := hex.DecodeString(digits)
	if err != nil {
		return ota.Key{}, fmt.Errorf("%s: the key is not hexadecimal", column)
	}
	k := ota.Key{Alg: alg, Octets: octets}
	if err := k.Check(); err != nil {
		return ota.Key{}, fmt.Errorf("%s: %w", column, err)
	}
	return k, nil
}
