package ota

import "fmt"

// Security is what a gateway holds a card to. It comes from the profile of
// the card, never from a packet. The zero value is the default rule: CC,
// ciphering and a counter that must rise, in both directions, with 3DES or
// AES. (Old cards that answered with weaker packets gave their keys away:
// SRLabs 2013.)
type Security struct {
	// SPI is the least that the profile allows; commands may be stronger.
	// Zero adds nothing to the default rule.
	SPI SPI
	// Lab lifts the default rule for test cards: DES, ECB, RC and no
	// security at all. The SPI of the profile and the limit of the counter
	// still hold.
	Lab bool
	// Apart: the answer is a packet of the application's own, so that the PoR says no
	// more than that the command has arrived. None need be asked for, and what
	// is asked for is protected like any other.
	Apart bool
	// Nested: the data of a command is a packet itself, with CC, ciphering and a
	// counter under keys of the application. Around it a packet may go without
	// any security and without PoR (SPI 0000); a stronger one is held to
	// the rule.
	Nested bool
}

// CheckSPI says whether a command with this SPI may be sent (ErrPolicy;
// TS 102 225 5.1.1).
func (s Security) CheckSPI(spi SPI) error {
	if s.Nested && spi == (SPI{}) && s.SPI == (SPI{}) {
		return nil
	}
	if err := s.checkSPI1(spi); err != nil {
		return err
	}
	if spi.PoR() == PoRReserved || spi[1]&0xC0 != 0 {
		return refuse(spi, "reserved bits in SPI2")
	}
	if !s.Lab && !(s.Apart && spi.PoR() == PoRNever && spi[1] == 0) {
		switch {
		case spi.PoR() == PoRNever:
			return refuse(spi, "no answer (PoR) is asked for")
		case spi.PoRIntegrity() != IntegrityCC:
			return refuse(spi, "the answer would not have a CC")
		case !spi.PoRCiphered():
			return refuse(spi, "the answer would not be ciphered")
		}
	}
	if s.SPI.PoRCiphered() && !spi.PoRCiphered() || spi.PoRIntegrity() < s.SPI.PoRIntegrity() ||
		s.SPI.PoR() != PoRNever && spi.PoR() == PoRNever {
		return refuse(spi, "the answer is weaker than in the card profile ("+s.SPI.String()+")")
	}
	return nil
}

func (s Security) checkSPI1(spi SPI) error {
	if spi[0]&0xE0 != 0 {
		return refuse(spi, "reserved bits in SPI1")
	}
	if spi.Integrity() == IntegrityDS || spi.PoRIntegrity() == IntegrityDS {
		return refuse(spi, "digital signatures are not supported")
	}
	if !s.Lab {
		switch {
		case spi.Integrity() != IntegrityCC:
			return refuse(spi, "the command has no CC")
		case !spi.Ciphered():
			return refuse(spi, "the command is not ciphered")
		case spi.Counter() < CounterHigher:
			return refuse(spi, "the card does not check the counter")
		}
	}
	if s.SPI.Ciphered() && !spi.Ciphered() || spi.Integrity() < s.SPI.Integrity() || spi.Counter() < s.SPI.Counter() {
		return refuse(spi, "weaker than in the card profile ("+s.SPI.String()+")")
	}
	return nil
}

func refuse(spi SPI, why string) error {
	return fmt.Errorf("%w: SPI %s: %s", ErrPolicy, spi, why)
}

// CheckKeys says whether these keys may be used (ErrPolicy): 3DES with
// different halves, or AES.
func (s Security) CheckKeys(ks *KeySet) error {
	if s.Lab {
		return nil
	}
	for _, k := range [...]struct {
		role string
		alg  Algorithm
	}{{"KIc", ks.kic}, {"KID", ks.kid}} {
		if k.alg < TripleDES2 {
			return fmt.Errorf("%w: %s is %s, it must be 3DES or AES", ErrPolicy, k.role, k.alg)
		}
	}
	if ks.weak {
		return fmt.Errorf("%w: a 3DES key with equal halves is single DES", ErrPolicy)
	}
	return nil
}

// CheckCommand says whether the command may be sent: its SPI, its algorithms
// (ErrPolicy) and its counter, which must be below LimitCNTR even in a
// laboratory (ErrCounter).
func (s Security) CheckCommand(c *Command) error {
	if err := s.CheckSPI(c.SPI); err != nil {
		return err
	}
	if err := s.checkOctets(c); err != nil {
		return err
	}
	if c.CNTR >= LimitCNTR && c.SPI.Counter() != CounterNone { // a card that looks at none is blocked by none
		return fmt.Errorf("%w: %s is too near to the end, where the card blocks for good: give the card new keys", ErrCounter, c.CNTR)
	}
	return nil
}

// CheckIncoming says whether a command packet that an applet made may be
// believed, after Open. SPI2 does not matter: we send no PoR to a card.
func (s Security) CheckIncoming(c *Command) error {
	if err := s.checkSPI1(SPI{c.SPI[0], 0}); err != nil {
		return err
	}
	if err := s.checkOctets(c); err != nil {
		return err
	}
	return s.checkPadding(c.PCNTR, c.Block)
}

// checkOctets refuses single DES by its number in KIc or KID.
func (s Security) checkOctets(c *Command) error {
	for _, o := range [...]byte{c.KIc, c.KID} {
		if n := o & 0x0F; !s.Lab && (n == DES.Nibble() || n == DESECB.Nibble()) {
			return fmt.Errorf("%w: KIc %02X, KID %02X: single DES", ErrPolicy, c.KIc, c.KID)
		}
	}
	return nil
}

// checkPadding refuses a PCNTR of a whole block or more.
func (s Security) checkPadding(pcntr byte, block int) error {
	if !s.Lab && int(pcntr) >= max(block, 1) {
		return fmt.Errorf("%w: PCNTR %d with blocks of %d octets", ErrPolicy, pcntr, block)
	}
	return nil
}

// CheckResponse says what the answer to a command with this SPI is worth,
// after OpenResponse. ErrUnauthenticated is an error answer without the CC
// that was asked for: a hint. ErrPolicy is a success, or anything else, that
// must not be believed.
func (s Security) CheckResponse(spi SPI, r *Response) error {
	if err := s.CheckSPI(spi); err != nil {
		return err
	}
	if spi.PoRIntegrity() == IntegrityCC && !r.Protected {
		if r.Status == StatusOK {
			return fmt.Errorf("%w: answer OK without the CC that was asked for", ErrPolicy)
		}
		return fmt.Errorf("%w: status %02X (%s)", ErrUnauthenticated, byte(r.Status), r.Status)
	}
	return s.checkPadding(r.PCNTR, r.Block)
}
