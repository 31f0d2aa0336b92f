package card

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/signing"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// Profile is what personalisation writes into a card. It is kept in the
// card's memory: Load needs no more than the file.
type Profile struct {
	ICCID           ota.ICCID
	IMSI            string // 6 to 15 digits
	ServiceProvider string // EF.SPN; "" means "simsign test"
	SMSC            string // service centre for answers, "+" and digits; "" leaves it to the terminal

	// Over-the-air security.
	TAR     ota.TAR  // of the applet
	KeySets []KeySet // at least one
	// MSL is the minimum security level: the least SPI1 that is accepted.
	// 0 means 16: CC, ciphering, counter higher. Less needs Lab.
	MSL byte
	// Lab permits an MSL below 16 and keys for single DES.
	Lab bool
	// Mute makes the card silent about packets that it could not
	// authenticate. Otherwise it answers them in clear when SPI2 asks for an
	// answer, and never by a short message of its own.
	Mute bool

	// The applet, at installation (requirement 4-1).
	Slots      int                // key slots, 4 to 16 (2 to 16 in level 1); 0 means the least
	Algorithms []applet.Algorithm // empty: RSA-2048, RSA-3072, P-256, P-384, or those of the level
	// Codes: index 0 authentication, 1 non-repudiation. A zero Min leaves the
	// length to SetAppletData, and to 4 to 8 if that never comes.
	Codes   [2]CodeProfile
	OneCode bool `json:",omitempty"` // the first code guards keys of both usages, and there is no other
	// Pairs are made at personalisation, each in its slot, and wait for their registration.
	Pairs          []applet.Slot `json:",omitempty"`
	CreateAttempts byte          // tries to choose a code; 0 means 3
	PoPTries       byte          // tries to enter a PoP code; 0 means 3
	UnblockingCode string        // 8 digits; "" leaves the menu without unblocking
	Language       string        // ISO 639-1; "" means en
	Active         bool          // the applet leaves personalisation activated

	// Carriage is how messages and answers travel (INT6, Carriages): response, packet
	// or own; "" means response. The last two need Keys; own needs no key set
	// of the domain, and then, with MSL 0, takes packets without security too.
	Carriage string
	Keys     AppletKeys

	// Level is how much of INT6 the card does (INT6, Levels); 0 means 3.
	Level applet.Level
	// Strict holds the applet to what the toolkit of the standards gives: a joined message has
	// at most 255 octets, a message that comes while the user is asked starts the
	// applet a second time and is lost when it has no room (6F00, which the terminal
	// acknowledges), STATUS reaches it only when it has asked for it, and a code cannot be
	// compared with another. Not with carriage response.
	Strict bool

	// Faults make the applet do less than INT6 says, to try what a server does then.
	Faults Faults `json:",omitzero"`

	// SIM makes it a SIM of the second generation: it knows class A0 alone. A UICC knows
	// that class too.
	SIM bool `json:",omitempty"`

	// Neighbour is the TAR of a second applet, which tries what it is told (package
	// neighbour); zero: there is none.
	Neighbour ota.TAR `json:",omitzero"`

	// How answers travel.
	ServerAddress string // "+" and digits, or a short number
	PID, DCS      byte   // of answers; both 0 mean 7F and F6
	ConcatRef16   bool   // 16-bit concatenation references
}

// CodeProfile is the format of a personal code.
type CodeProfile = signing.CodeFormat

// Faults are what the applet does otherwise than INT6 says.
type Faults = signing.Faults

// AppletKeys are the keys of the applet's own.
type AppletKeys = signing.Keys

// build is what this build of the applet is; the rest comes with its installation.
func (p *Profile) build() signing.Parameters {
	return signing.Parameters{
		ICCID: p.ICCID, Algorithms: p.Algorithms, CreateAttempts: p.CreateAttempts, PoPTries: p.PoPTries, Active: p.Active, Level: p.Level, Strict: p.Strict, Faults: p.Faults,
	}
}

// KeySet is one pair of over-the-air keys.
type KeySet struct {
	KVN      byte // 1 to 15
	KIc, KID ota.Key
	CMACLen  int      // 4 or 8; 0 means 8
	Counter  ota.CNTR // the last one used
}

// Options are a profile and what the process lends to the card.
type Options struct {
	Profile
	Logger *slog.Logger // nil: no log
	// Trace sees every APDU, message and proactive command, with personal
	// codes masked. It runs inside Transmit and must not call the card.
	Trace func(Event)
	// KeygenDelay is how long a real card would take to make a pair. The card
	// then sends MORE TIME every second meanwhile. nil: no delay.
	KeygenDelay func(applet.Algorithm) time.Duration
	Sleep       func(time.Duration) // nil: time.Sleep
}

// WeakCode says whether the applet refuses digits as a new personal code
// because they are tried first: 1111, 1234, 4321, 1212 and the like.
func WeakCode(digits string) bool { return signing.WeakCode(digits) }

// ErrProfile means that a profile cannot be put on a card.
var ErrProfile = errors.New("card profile is not usable")

const (
	defaultMSL           = 0x16
	unblockingCodeLength = 8
)

// complete fills in defaults and checks; it reports every fault at once.
func (p *Profile) complete() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrProfile}, args...)...))
	}
	if _, err := ota.ParseICCID(string(p.ICCID)); err != nil {
		fault("%v", err)
	}
	if n := len(p.IMSI); n < 6 || n > 15 || !allDigits(p.IMSI) {
		fault("IMSI needs 6 to 15 digits, have %d characters", n)
	}
	orDefault(&p.ServiceProvider, "simsign test")
	orDefault(&p.Language, "en")
	orDefault(&p.CreateAttempts, 3)
	orDefault(&p.PoPTries, 3)
	if p.PID == 0 && p.DCS == 0 {
		p.PID, p.DCS = 0x7F, 0xF6
	}
	for i := range p.Codes {
		c := &p.Codes[i]
		orDefault(&c.Tries, 3)
		if c.Tries > 15 || c.Min != 0 && (c.Min < applet.MinCodeLength || c.Max > applet.MaxCodeLength || c.Min > c.Max) {
			fault("code %d has %d to %d digits and %d tries", i+1, c.Min, c.Max, c.Tries)
		}
	}
	if u := p.UnblockingCode; u != "" && (len(u) != unblockingCodeLength || !allDigits(u)) {
		fault("unblocking code needs %d digits, have %d characters", unblockingCodeLength, len(u))
	}
	for _, a := range []string{p.SMSC, p.ServerAddress} {
		if a != "" && !addressText(a) {
			fault("address must have 1 to 20 digits, with or without +")
		}
	}
	p.completeSecurity(fault)
	a := p.build()
	a.Slots, a.Carriage, a.Language = p.Slots, p.Carriage, p.Language
	a.Complete(fault)
	p.Level, p.Slots, p.Algorithms = a.Level, a.Slots, a.Algorithms
	return errors.Join(errs...)
}

// completeSecurity is complete for what has to do with keys.
func (p *Profile) completeSecurity(fault func(format string, args ...any)) {
	orDefault(&p.Carriage, carriage.Response{}.Name())
	way, err := carriage.Of(p.Carriage)
	if err != nil {
		fault("%v", err)
		return
	}
	if p.toNeighbour(p.TAR) {
		fault("both applets have TAR %s", p.TAR)
	}
	own := way == carriage.Own{}
	if !own {
		orDefault(&p.MSL, defaultMSL)
	}
	if bare := own && p.MSL == 0; !bare {
		if !p.Lab && !atLeast(p.MSL, defaultMSL) {
			fault("MSL %02X is below %02X and Lab is not set", p.MSL, defaultMSL)
		}
		if len(p.KeySets) == 0 {
			fault("no key set")
		}
	}
	if !p.sealsAnswers() {
		return
	}
	k := &p.Keys
	orDefault(&k.Set, 1)
	orDefault(&k.Generation, 1)
	if k.K0 == (carriage.CardKey{}) || k.Set > 15 {
		fault("carriage %s needs a key of the applet and a number from 1 to 15 for it, have %d", p.Carriage, k.Set)
	}
}

// toNeighbour says whether a TAR is that of the second applet.
func (p *Profile) toNeighbour(tar ota.TAR) bool { return tar == p.Neighbour && tar != (ota.TAR{}) }

// level is the least SPI1 for an applet: each was installed with its own.
func (p *Profile) level(tar ota.TAR) byte {
	if p.toNeighbour(tar) {
		return defaultMSL
	}
	return p.MSL
}

// sealsAnswers says whether the applet seals its answers itself, which goes with
// version 02 of INT6.
func (p *Profile) sealsAnswers() bool { return p.Carriage != carriage.Response{}.Name() }

// openKeySets prepares the key schedules.
func (p *Profile) openKeySets() (map[byte]*ota.KeySet, error) {
	sets := map[byte]*ota.KeySet{}
	for _, k := range p.KeySets {
		if k.KVN < 1 || k.KVN > 15 || sets[k.KVN] != nil {
			return nil, fmt.Errorf("%w: key set number %d must be 1 to 15 and occur once", ErrProfile, k.KVN)
		}
		ks, err := ota.NewKeySet(k.KVN, k.KIc, k.KID, k.CMACLen)
		if err == nil {
			err = ota.Security{Lab: p.Lab}.CheckKeys(ks)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: key set %d: %w", ErrProfile, k.KVN, err)
		}
		sets[k.KVN] = ks
	}
	return sets, nil
}

// storedProfile is the profile as JSON. Key octets are in it: the file is for tests. A file
// without carriage is one of version 01.
type storedProfile struct {
	*Profile
	K0 []byte `json:",omitempty"` // of Keys, which hides it
}

func (p *Profile) marshal() ([]byte, error) {
	s := storedProfile{Profile: p}
	if p.sealsAnswers() {
		s.K0 = p.Keys.K0[:]
	}
	return json.Marshal(s)
}

func (p *Profile) unmarshal(b []byte) error {
	s := storedProfile{Profile: p}
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if n := copy(p.Keys.K0[:], s.K0); len(s.K0) > 0 && n != len(s.K0) || n > 0 && n < len(p.Keys.K0) {
		return fmt.Errorf("key of the applet of %d octets", len(s.K0))
	}
	return nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}

func addressText(s string) bool {
	if len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	return len(s) <= 20 && allDigits(s)
}

// NewUnblockingCode is 8 random digits, for a new card.
func NewUnblockingCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		panic(err) // the system has no random numbers
	}
	return fmt.Sprintf("%08d", n)
}
