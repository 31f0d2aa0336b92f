package operator

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// ErrCards means that a card file is wrong; the text says all that is, with
// line numbers. It never repeats a key.
var ErrCards = errors.New("card file")

// cardColumns is the header of a card file. One line is one key set; several
// lines with the same ICCID give the card several.
//
// Spaces around a field and the mark that spreadsheets put before a text in
// UTF-8 count for nothing.
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
//
// Columns of cards of carriage packet or own; a file without such cards may end
// before any of them:
//
//	k0       AES128:key of the applet, from which its other keys come. Under a profile
//	         that names no carriage it makes the card one of packet
//	gen      generation of the applet's installation, 1 to 255; empty means 1
//	aset     number of the applet's key set, 1 to 15; empty means 1
//	level    of INT6, 1 to 3, for emulated cards and the installation of real ones; empty
//	         means 3. An import does not keep it: the card says it itself
//	unblock  its unblocking code, 8 digits, for cards of any carriage; empty: an import knows
//	         of none, and one is drawn for an emulated card
//
// Where k0 is empty and gen is not, k0 comes from the operator's master key. A card
// whose requests need no keys of the security domain may leave kvn to cntr empty.
var cardColumns = [...]string{"iccid", "imsi", "profile", "kvn", "kic", "kid", "cmac", "cntr", "k0", "gen", "aset", "level", "unblock"}

// presentColumns is how many columns every file has; behind those of the applet is the level.
const (
	presentColumns = 8
	levelColumn    = 11
	unblockColumn  = 12
)

// ImportedCard is one card of a file.
type ImportedCard struct {
	Card   mssp.Card
	Keys   []keys.Material
	Last   []ota.CNTR          // of the key set with the same index
	Line   []int               // of the file, for the same
	Applet *cardkeys.Installed // nil: its carriage needs none
	Level  byte                // of INT6; 0: nothing is said
	// Unblocking is the unblocking code; "": nothing is said.
	Unblocking string

	first int  // line
	given bool // k0 stands in the file: nothing says that it is this card's alone
}

// maxFaults is how many wrong lines of a card file are told: a wrong profile is
// wrong in a hundred thousand of them.
const maxFaults = 50

// ParseCards reads a card file and checks every card against its profile: a
// key too weak for the profile is refused here, before it is stored. The
// error matches ErrCards. master is the operator's key from which keys of applets
// come, nil where there is none.
func ParseCards(text string, profiles map[string]mssp.CardProfile, master []byte) ([]ImportedCard, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.Comment = '#'
	r.TrimLeadingSpace = true
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if n := len(head); err != nil || n < presentColumns || n > len(cardColumns) || !slices.Equal(head, cardColumns[:n]) {
		return nil, fmt.Errorf("%w: the first line must be %s, with commas between, and for cards of carriage packet or own ,%s behind it", ErrCards,
			strings.Join(cardColumns[:presentColumns], ","), strings.Join(cardColumns[presentColumns:], ","))
	}
	p := cardParser{profiles: profiles, master: master, columns: len(head), index: map[ota.ICCID]int{}, applets: map[carriage.CardKey]ota.ICCID{}}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // only of quotation marks; what follows cannot be told apart
			p.faults = append(p.faults, fmt.Sprintf("%v: no field needs a quotation mark", err))
			break
		}
		line, _ := r.FieldPos(0)
		for i := range rec {
			rec[i] = strings.TrimSpace(rec[i])
		}
		if err := p.line(line, rec); err != nil {
			p.faults = append(p.faults, atLine(line, err))
		}
	}
	p.complete()
	p.oneForAll()
	if err := cardFaults(p.faults); err != nil {
		return nil, err
	}
	if len(p.cards) == 0 {
		return nil, fmt.Errorf("%w: no card in it: a line for each key set follows the first one", ErrCards)
	}
	return p.cards, nil
}

func atLine(line int, err error) string { return fmt.Sprintf("line %d: %v", line, err) }

// cardFaults is the error of all that is wrong, nil when nothing is.
func cardFaults(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	if more := len(faults) - maxFaults; more > 0 {
		faults = append(faults[:maxFaults:maxFaults], fmt.Sprintf("and %d lines more", more))
	}
	return fmt.Errorf("%w: %s", ErrCards, strings.Join(faults, "\n"))
}

type cardParser struct {
	profiles map[string]mssp.CardProfile
	master   []byte
	columns  int
	index    map[ota.ICCID]int
	applets  map[carriage.CardKey]ota.ICCID // whose they are
	cards    []ImportedCard
	faults   []string
}

func (p *cardParser) line(number int, f []string) error {
	if len(f) != p.columns {
		return fmt.Errorf("%d fields, must be %d: an empty one keeps its comma", len(f), p.columns)
	}
	f = append(f, make([]string, len(cardColumns)-len(f))...)
	iccid, err := ota.ParseICCID(f[0])
	if err != nil {
		return err
	}
	if f[1] != "" && (len(f[1]) != 15 || strings.Trim(f[1], "0123456789") != "") {
		return errors.New("imsi needs 15 digits, or nothing")
	}
	profile, ok := p.profiles[f[2]]
	if !ok {
		// What stands there may be a key that has slipped into another column.
		return fmt.Errorf("profile: no [[card_profile]] has this name; the names are %q", slices.Sorted(maps.Keys(p.profiles)))
	}
	var level byte
	if f[levelColumn] != "" {
		if level, err = upTo(3, f[levelColumn]); err != nil {
			return fmt.Errorf("level %w", err)
		}
	}
	if u := f[unblockColumn]; u != "" && (len(u) != applet.UnblockingDigits || strings.Trim(u, "0123456789") != "") {
		return fmt.Errorf("unblock needs %d digits, or nothing", applet.UnblockingDigits)
	}
	if strings.Join(f[presentColumns:levelColumn], "") != "" {
		profile = withKey(profile)
	}
	domain, err := domainOf(&profile, f)
	if err != nil {
		return err
	}
	own, err := p.applet(&profile, iccid, f[presentColumns:levelColumn])
	if err != nil {
		return err
	}
	if own != nil && domain != nil && (bytes.Equal(domain.m.KIc.Octets, own.Key[:]) || bytes.Equal(domain.m.KID.Octets, own.Key[:])) {
		return errors.New("k0 is the key kic or kid: whoever has the keys of the security domain could make the card's answers")
	}
	if err := p.add(number, &mssp.Card{ICCID: iccid, IMSI: f[1], Profile: profile.Name, Carriage: rowOf(&profile), State: mssp.CardActive}, domain, own, f[presentColumns] != "", level); err != nil {
		return err
	}
	return p.unblocking(iccid, f[unblockColumn])
}

// withKey is a profile for a card that has a key of its applet.
func withKey(p mssp.CardProfile) mssp.CardProfile {
	if p.ByKey {
		p.Carriage = carriage.Packet{}
	}
	return p
}

// rowOf is the carriage of a profile as a card's row has it.
func rowOf(p *mssp.CardProfile) string {
	if p.Way() == (carriage.Response{}) {
		return ""
	}
	return p.Way().Name()
}

// domain is a key set of the security domain.
type domain struct {
	m    keys.Material
	last ota.CNTR
}

// domainOf reads the fields kvn to cntr and holds them to the policy of the profile. It is
// nil where there is nothing and the profile needs nothing.
func domainOf(p *mssp.CardProfile, f []string) (*domain, error) {
	if strings.Join(f[3:presentColumns], "") == "" && !p.Way().Needs(p.SPI).Domain {
		return nil, nil
	}
	m, last, err := keySet(f)
	if err != nil {
		return nil, err
	}
	ks, err := m.KeySet()
	if err != nil {
		return nil, err
	}
	if err := p.Security().CheckKeys(ks); err != nil {
		return nil, fmt.Errorf("card profile %q: %w", p.Name, err)
	}
	return &domain{m, last}, nil
}

// add puts what a line says to its card; given says that it has k0 itself.
func (p *cardParser) add(number int, card *mssp.Card, d *domain, own *cardkeys.Installed, given bool, level byte) error {
	i, seen := p.index[card.ICCID]
	if !seen {
		i = len(p.cards)
		p.index[card.ICCID] = i
		p.cards = append(p.cards, ImportedCard{Card: *card, first: number})
	}
	c := &p.cards[i]
	switch {
	case c.Card.IMSI != card.IMSI || c.Card.Profile != card.Profile:
		return errors.New("an earlier line of this card has another imsi or profile")
	case level != 0 && c.Level != 0 && level != c.Level:
		return errors.New("an earlier line of this card has another level")
	case own != nil && c.Applet != nil && *own != *c.Applet:
		return errors.New("an earlier line of this card has another k0, gen or aset: it stands once for a card")
	case seen && d == nil && (own == nil || c.Applet != nil):
		return errors.New("an earlier line of this card says all that this one does")
	}
	c.Level = max(c.Level, level)
	if own != nil {
		c.Applet, c.Card.Carriage, c.given = own, card.Carriage, given
	}
	if d == nil {
		return nil
	}
	for _, other := range c.Keys {
		if other.KVN == d.m.KVN {
			return fmt.Errorf("an earlier line of this card has key set %d", d.m.KVN)
		}
	}
	c.Keys = append(c.Keys, d.m)
	c.Last = append(c.Last, d.last)
	c.Line = append(c.Line, number)
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
