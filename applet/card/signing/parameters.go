package signing

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// Parameters are what the applet is: its build, and what it gets at its installation (INT6,
// Installation; requirement 4-1). Codes are objects of the card, the formats here are those of
// the beginning.
type Parameters struct {
	ICCID          ota.ICCID
	Algorithms     []applet.Algorithm
	CreateAttempts byte
	PoPTries       byte
	Active         bool
	Level          applet.Level
	Strict         bool
	Faults         Faults

	// Of the installation.
	TAR           ota.TAR
	ServerAddress string // "+" and digits, or a short number
	Slots         int
	Codes         [2]CodeFormat
	CodeCount     int
	Unblocking    bool // there is an unblocking code
	Language      string
	Carriage      string
	Keys          Keys
}

// install reads the C9 of INSTALL. Without a carriage the card has an applet that gives more
// than the toolkit's: response.
func (p *Parameters) install(c9 []byte) error {
	i, err := applet.ParseInstallation(c9)
	if err != nil {
		return err
	}
	p.TAR, p.ServerAddress, p.Slots, p.Language, p.Unblocking = i.TAR, i.Server, int(i.Slots), i.Language, i.Unblocking != ""
	switch i.Carriage {
	case applet.InstalledPacket:
		p.Carriage = carriage.Packet{}.Name()
	case applet.InstalledOwn:
		p.Carriage = carriage.Own{}.Name()
	default:
		p.Carriage = carriage.Response{}.Name()
	}
	p.Keys = Keys{K0: i.Key, Set: i.KeySet, Generation: i.Generation}
	p.CodeCount = len(i.Codes)
	for n, c := range i.Codes {
		p.Codes[n] = CodeFormat{Min: c.Min, Max: c.Max, Tries: c.Tries}
	}
	return nil
}

// Faults are what an applet does otherwise than INT6 says, to try what a server does then.
type Faults struct {
	NoActivation bool // A1/01 is 6F00
	NoData       bool // A2 is 6A84
	KeepsCodes   bool // A3/03 of the last pair leaves codes and data
}

// CodeFormat is the format of a personal code.
type CodeFormat struct {
	Min, Max byte // digits
	Tries    byte // wrong entries in a row that block; 0 means 3
}

// sealsAnswers says whether the applet seals its answers itself, which goes with
// version 02 of INT6.
func (p *Parameters) sealsAnswers() bool { return p.Carriage != carriage.Response{}.Name() }

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

func languageName(s string) bool {
	return len(s) == 2 && s[0] >= 'a' && s[0] <= 'z' && s[1] >= 'a' && s[1] <= 'z'
}
