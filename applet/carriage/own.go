package carriage

import (
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Own is the carriage for whoever has not the keys of the domain, or does not want
// that their holder can forge a request: the message is sealed under request
// keys of the applet. The packet around it is one of the domain, or, with SPI 0000,
// one without any security, since the inner one has all of it.
type Own struct{}

// Name is "own".
func (Own) Name() string { return "own" }

// Version is 02.
func (Own) Version() byte { return 2 }

// Needs are the keys of the applet, and those of the domain unless the outer packet
// goes without security.
func (Own) Needs(spi ota.SPI) Needs {
	return Needs{Domain: spi != ota.SPI{}, Request: true, Answer: true}
}

// Security lets the outer packet go without any.
func (Own) Security(spi ota.SPI, lab bool) ota.Security {
	return ota.Security{SPI: spi, Lab: lab, Apart: true, Nested: true}
}

// Room is that of the inner packet.
func (Own) Room(octets int, spi ota.SPI) int {
	if spi == (ota.SPI{}) {
		return sealedRoom(octets - clearOctets - counterOctets)
	}
	return sealedRoom(sealedRoom(octets))
}

// Seal makes the inner packet and the one around it.
func (c Own) Seal(dst []byte, m *Command) ([]byte, error) {
	inner := ota.Command{SPI: appletSPI, TAR: m.TAR, CNTR: m.AppletCNTR, Data: m.Message}
	if err := (ota.Security{SPI: appletSPI, Apart: true}).CheckCommand(&inner); err != nil {
		return dst, err
	}
	sealed, err := m.Applet.Seal(make([]byte, 0, len(m.Message)+64), &inner)
	if err != nil {
		return dst, err
	}
	if m.SPI != (ota.SPI{}) {
		return sealByDomain(dst, c.Security(m.SPI, m.Lab), m, sealed)
	}
	return noKeys.Seal(dst, &ota.Command{TAR: m.TAR, Data: sealed})
}

// noKeys makes packets without security.
var noKeys = func() *ota.KeySet {
	ks, err := ota.NewKeySet(0, ota.Key{}, ota.Key{}, 0)
	if err != nil {
		panic(err)
	}
	return ks
}()

// Begin takes answer packets of the applet alone.
func (Own) Begin(e *Expected, cpi sms.CPI, ud []byte) (ota.Start, error) {
	switch cpi {
	case sms.CommandCPI:
		return beginAnswer(e, ud)
	case sms.ResponseCPI:
		return ota.Start{}, ErrNoAnswer
	}
	return ota.Start{}, ErrMark
}

// Open opens an answer packet. No response packet says anything: whoever holds the
// domain's keys, or with SPI 0000 anybody, makes them. One that was asked for is no
// surprise.
func (Own) Open(dst []byte, e *Expected, cpi sms.CPI, ud []byte) (h Heard, err error) {
	switch {
	case cpi == sms.CommandCPI:
		err = openAnswer(&h, dst, e, ud)
		return h, err
	case cpi != sms.ResponseCPI:
		return Heard{}, ErrMark
	case !e.authenticPoR():
		return Heard{}, ErrNoAnswer
	}
	if _, err = (Packet{}).openResponse(dst, e, ud); err == nil {
		err = ErrIdle
	}
	return Heard{}, err
}
