package applet

import (
	"fmt"
	"log/slog"
)

// InstalledCarriage is the carriage of an applet as INSTALL names it; response is not one of a
// toolkit applet and goes without.
type InstalledCarriage byte

// Values of tag D4.
const (
	InstalledPacket InstalledCarriage = 0x01
	InstalledOwn    InstalledCarriage = 0x02
)

// Installation is what an applet gets at its installation: the value of C9 in INSTALL [for
// install] (INT6, Installation). It is not printed: there are keys in it.
type Installation struct {
	TAR        [3]byte
	KeySet     byte // of the applet's own keys, 1 to 15; 0: none
	Generation byte
	Key        [16]byte // K0
	Server     string   // as SetAppletData.ServerAddress; "": none
	Carriage   InstalledCarriage
	Slots      byte
	Codes      []InstalledCode // 1 or 2
	Language   string          // two small letters
	Unblocking string          // 8 digits; "": no such menu item
}

// InstalledCode is the format of a personal code; Min and Max are 0 where SetAppletData is
// still to set them.
type InstalledCode struct{ Min, Max, Tries byte }

// Tags of an installation.
const (
	tagInstallTAR        = 0xD1
	tagInstallKey        = 0xD2
	tagInstallServer     = 0xD3
	tagInstallCarriage   = 0xD4
	tagInstallCodes      = 0xD5
	tagInstallLanguage   = 0xD6
	tagInstallUnblocking = 0xD7
)

// Toolkit is EA of INSTALL [for install] (TS 102 226 8.2.1.3.2): what the toolkit of the card
// has to know of the applet. One entry in the menu, no timers and channels, a minimum security
// level (SPI1 at least), its TAR.
func (i Installation) Toolkit(msl byte) []byte {
	b := []byte{0x01, 0x00, longestTitle, 0x01, 0x00, 0x00, 0x00, 0x02, 0x01, msl, 0x03}
	b = append(append(b, i.TAR[:]...), 0x00)
	return appendTLV(nil, 0x80, b...)
}

// longestTitle is how many octets the applet's entry in the menu has at most (INT6, Strings: 01).
const longestTitle = 20

// maxInstallation is the most that an applet gets (ETSI TS 102 268).
const maxInstallation = 127

// UnblockingDigits is the length of an unblocking code.
const UnblockingDigits = 8

// AppendBinary appends the octets to b. Its errors are those of ParseInstallation.
func (i Installation) AppendBinary(b []byte) ([]byte, error) {
	if err := i.check(); err != nil {
		return b, err
	}
	start := len(b)
	b = appendTLV(b, tagInstallTAR, i.TAR[:]...)
	if i.KeySet != 0 {
		b = appendTLV(b, tagInstallKey, append([]byte{i.KeySet, i.Generation}, i.Key[:]...)...)
	}
	if i.Server != "" {
		b = appendTLV(b, tagInstallServer, encodeAddress(i.Server)...)
	}
	if i.Carriage != 0 {
		b = appendTLV(b, tagInstallCarriage, byte(i.Carriage))
	}
	codes := []byte{i.Slots, byte(len(i.Codes))}
	for _, c := range i.Codes {
		codes = append(codes, c.Min, c.Max, c.Tries)
	}
	b = appendTLV(b, tagInstallCodes, codes...)
	b = appendTLV(b, tagInstallLanguage, i.Language[0], i.Language[1])
	if i.Unblocking != "" {
		b = appendTLV(b, tagInstallUnblocking, []byte(i.Unblocking)...)
	}
	if n := len(b) - start; n > maxInstallation {
		return b[:start], fmt.Errorf("%w: an installation has at most %d octets, have %d", ErrLength, maxInstallation, n)
	}
	return b, nil
}

// ParseInstallation reads the octets. Each element may be there once, in any order; an unknown
// one refuses the whole.
func ParseInstallation(b []byte) (Installation, error) {
	var i Installation
	if len(b) > maxInstallation {
		return i, fmt.Errorf("%w: an installation has at most %d octets, have %d", ErrLength, maxInstallation, len(b))
	}
	seen := map[byte]bool{}
	for len(b) > 0 {
		tag, v, rest, err := readTLV(b)
		if err == nil && seen[tag] {
			err = fmt.Errorf("%w: tag %02X", ErrDuplicate, tag)
		}
		if err == nil {
			err = i.parse(tag, v)
		}
		if err != nil {
			return Installation{}, err
		}
		seen[tag], b = true, rest
	}
	for _, tag := range []byte{tagInstallTAR, tagInstallCodes, tagInstallLanguage} {
		if !seen[tag] {
			return Installation{}, fmt.Errorf("%w: tag %02X", ErrMissing, tag)
		}
	}
	if err := i.check(); err != nil {
		return Installation{}, err
	}
	return i, nil
}

func (i *Installation) parse(tag byte, v []byte) (err error) {
	size := map[byte]int{tagInstallTAR: 3, tagInstallKey: 18, tagInstallCarriage: 1, tagInstallLanguage: 2, tagInstallUnblocking: UnblockingDigits}
	if n, fixed := size[tag]; fixed && len(v) != n {
		return fmt.Errorf("%w: tag %02X has %d octets, have %d", ErrLength, tag, n, len(v))
	}
	switch tag {
	case tagInstallTAR:
		i.TAR = [3]byte(v)
	case tagInstallKey:
		if v[0] == 0 {
			return fmt.Errorf("%w: key set 0", ErrValue)
		}
		i.KeySet, i.Generation, i.Key = v[0], v[1], [16]byte(v[2:])
	case tagInstallServer:
		i.Server, err = decodeAddress(v)
	case tagInstallCarriage:
		if v[0] == 0 {
			return fmt.Errorf("%w: carriage 00", ErrValue)
		}
		i.Carriage = InstalledCarriage(v[0])
	case tagInstallCodes:
		if len(v) < 2 || len(v) != 2+3*int(v[1]) {
			return fmt.Errorf("%w: slots, number of codes and three octets for each, have %d", ErrLength, len(v))
		}
		i.Slots = v[0]
		for v = v[2:]; len(v) > 0; v = v[3:] {
			i.Codes = append(i.Codes, InstalledCode{v[0], v[1], v[2]})
		}
	case tagInstallLanguage:
		i.Language = string(v)
	case tagInstallUnblocking:
		i.Unblocking = string(v)
	default:
		return fmt.Errorf("%w: %02X", ErrTag, tag)
	}
	return err
}

func (i Installation) check() error {
	keys := i.KeySet != 0
	switch {
	case i.KeySet > 15 || keys && i.Generation == 0 || !keys && (i.Generation != 0 || i.Key != [16]byte{}):
		return fmt.Errorf("%w: key set %d of generation %d", ErrValue, i.KeySet, i.Generation)
	case i.Carriage > InstalledOwn:
		return fmt.Errorf("%w: carriage %02X", ErrValue, byte(i.Carriage))
	case keys != (i.Carriage != 0):
		return fmt.Errorf("%w: carriage %02X and key set %d", ErrConflict, byte(i.Carriage), i.KeySet)
	case i.Slots == 0 || len(i.Codes) < 1 || len(i.Codes) > 2:
		return fmt.Errorf("%w: %d slots, %d codes", ErrValue, i.Slots, len(i.Codes))
	case len(i.Language) != 2 || !smallLetter(i.Language[0]) || !smallLetter(i.Language[1]):
		return fmt.Errorf("%w: a language is two small letters", ErrValue)
	case i.Unblocking != "" && !digitsOnly(i.Unblocking):
		return fmt.Errorf("%w: an unblocking code has %d digits", ErrValue, UnblockingDigits)
	}
	for _, c := range i.Codes {
		unset := c.Min == 0 && c.Max == 0
		if c.Tries < 1 || c.Tries > 15 || !unset && (c.Min < MinCodeLength || c.Max > MaxCodeLength || c.Min > c.Max) {
			return fmt.Errorf("%w: a code of %d to %d digits and %d tries", ErrValue, c.Min, c.Max, c.Tries)
		}
	}
	if i.Server != "" {
		return checkAddress(i.Server)
	}
	return nil
}

func digitsOnly(s string) bool {
	for k := range len(s) {
		if s[k] < '0' || s[k] > '9' {
			return false
		}
	}
	return len(s) == UnblockingDigits
}

// String shows no key.
func (i Installation) String() string { return "parameters of an installation" }

// LogValue hides the keys.
func (i Installation) LogValue() slog.Value { return slog.StringValue(i.String()) }
