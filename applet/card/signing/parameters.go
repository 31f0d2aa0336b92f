package signing

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// Parameters are what the applet gets at its installation (INT6, Installation; requirement
// 4-1). Codes are objects of the card, the formats here are those of the beginning.
type Parameters struct {
	ICCID          ota.ICCID
	TAR            ota.TAR
	ServerAddress  string // "+" and digits, or a short number
	Slots          int
	Algorithms     []applet.Algorithm
	Codes          [2]CodeFormat
	CreateAttempts byte
	PoPTries       byte
	Unblocking     bool // there is an unblocking code
	Language       string
	Active         bool
	Carriage       string
	Keys           Keys
	Level          applet.Level
	Strict         bool
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
