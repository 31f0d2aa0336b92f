package config

import (
	"fmt"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// card: strength and sizes of a card profile.
func (ch *checker) card(key string, p *Card) {
	ch.spi(key, p)
	if len(p.Algorithms) == 0 {
		ch.faultf(key+".algorithms", "at least one algorithm is needed")
	}
	if len(p.CodeMin) != 2 {
		ch.faultf(key+".code_min", "needs two numbers: for authentication and for non-repudiation")
	}
	if len(p.CodeMax) != 2 {
		ch.faultf(key+".code_max", "needs two numbers: for authentication and for non-repudiation")
	}
	for i := range min(2, len(p.CodeMin), len(p.CodeMax)) {
		// Requirement 3.4-5: at least 4 characters. An INT6 length is one octet,
		// and a personal code that nobody remembers is written down.
		if p.CodeMin[i] < 4 {
			ch.faultf(key+".code_min", "a personal code has at least 4 characters, %d is too few (requirement 3.4-5)", p.CodeMin[i])
		}
		if p.CodeMax[i] < p.CodeMin[i] || p.CodeMax[i] > 16 {
			ch.faultf(key+".code_max", "must be between code_min and 16, is %d", p.CodeMax[i])
		}
	}
}

// spi holds the SPI to the carriage: what asks for no answer in a response packet is
// lawful where the answer is none.
func (ch *checker) spi(key string, p *Card) {
	spi := ota.SPI(p.SPI)
	err := p.Carriage.way().Security(spi, p.Lab).CheckSPI(spi)
	if err == nil {
		return
	}
	for _, other := range carriage.All() {
		if other.Security(spi, false).CheckSPI(spi) == nil {
			this := ""
			if p.Carriage != "" {
				this = fmt.Sprintf(", this one is %q", p.Carriage)
			}
			ch.faultf(key+".spi", "%v; carriage = %q may use it%s", err, other.Name(), this)
			return
		}
	}
	if p.Lab {
		ch.faultf(key+".spi", "%v", err)
	} else {
		ch.faultf(key+".spi", "%v (test cards only: lab = true)", err)
	}
}
