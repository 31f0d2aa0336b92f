package applet

import (
	"encoding/binary"
	"fmt"
)

// CarriageBits are the ways in which a card's applet can be reached (INT6, Carriages).
type CarriageBits byte

// Carriages of a card; a card has one of them, set at its installation.
const (
	CarriageResponse CarriageBits = 1 << iota
	CarriagePacket
	CarriageOwn
)

// AlgorithmBits are what a card does with an algorithm.
type AlgorithmBits byte

// Properties of an algorithm on a card.
const (
	SignsOctets AlgorithmBits = 1 << iota // hashes what it signs: text, template, octets
	SignsHash                             // signs a given hash (96)
	MakesPairs                            // pairs are made on the card
	SlowPairs                             // so slowly that they are better made before they are needed
)

// Level is how much of this page a card does (INT6, Levels).
type Level byte

// Levels.
const (
	Level1 Level = 1 + iota
	Level2
	Level3
)

// AlgorithmOffer is an algorithm of a card.
type AlgorithmOffer struct {
	Algorithm Algorithm
	Bits      AlgorithmBits
}

// Capabilities are what a card offers (INT6 B8). The server sends nothing else.
type Capabilities struct {
	Carriages      CarriageBits
	Level          Level
	LongestRequest uint16 // octets of a message
	LongestAnswer  uint16
	Hashes         byte // bit 1 SHA-256, 2 SHA-384, 4 SHA-512
	Slots          byte
	Codes          byte
	Waiting        byte    // messages that wait while one is worked on
	KeySet         byte    // of the applet, in use; 0: the applet has none
	API            [2]byte // of the card: major, minor
	Applet         [3]byte // version of the applet
	Algorithms     []AlgorithmOffer
}

const capabilitiesLen = 17 // without algorithms

func (c *Capabilities) append(b []byte) []byte {
	b = append(b, Version2, byte(c.Carriages), byte(c.Level))
	b = binary.BigEndian.AppendUint16(b, c.LongestRequest)
	b = binary.BigEndian.AppendUint16(b, c.LongestAnswer)
	b = append(b, c.Hashes, c.Slots, c.Codes, c.Waiting, c.KeySet)
	b = append(append(b, c.API[:]...), c.Applet[:]...)
	for _, a := range c.Algorithms {
		b = append(b, byte(a.Algorithm), byte(a.Bits))
	}
	return b
}

// MarshalBinary is the value of B8.
func (c Capabilities) MarshalBinary() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.append(nil), nil
}

// ParseCapabilities reads the value of B8.
func ParseCapabilities(b []byte) (*Capabilities, error) { return parseCapabilities(b) }

func parseCapabilities(v []byte) (*Capabilities, error) {
	if len(v) < capabilitiesLen || (len(v)-capabilitiesLen)%2 != 0 {
		return nil, fmt.Errorf("%w: capabilities have 17 octets and two for each algorithm, have %d", ErrLength, len(v))
	}
	if v[0] != Version2 {
		return nil, fmt.Errorf("%w: capabilities of version %02X", ErrVersion, v[0])
	}
	c := &Capabilities{
		Carriages: CarriageBits(v[1]), Level: Level(v[2]),
		LongestRequest: binary.BigEndian.Uint16(v[3:]), LongestAnswer: binary.BigEndian.Uint16(v[5:]),
		Hashes: v[7], Slots: v[8], Codes: v[9], Waiting: v[10], KeySet: v[11],
		API: [2]byte(v[12:14]), Applet: [3]byte(v[14:17]),
	}
	for v = v[17:]; len(v) > 0; v = v[2:] {
		c.Algorithms = append(c.Algorithms, AlgorithmOffer{Algorithm(v[0]), AlgorithmBits(v[1])})
	}
	return c, c.check()
}

func (c *Capabilities) check() error {
	switch {
	case c.Level < Level1 || c.Level > Level3:
		return fmt.Errorf("%w: level %d, it must be 1 to 3", ErrValue, c.Level)
	case c.Carriages == 0 || c.Carriages >= CarriageOwn<<1:
		return fmt.Errorf("%w: carriages %02X", ErrValue, byte(c.Carriages))
	case c.LongestRequest < headerLen || c.LongestAnswer < headerLen:
		return fmt.Errorf("%w: requests of %d octets, answers of %d", ErrValue, c.LongestRequest, c.LongestAnswer)
	case c.Slots == 0 || c.Codes < 1 || c.Codes > 2:
		return fmt.Errorf("%w: %d slots, %d codes", ErrValue, c.Slots, c.Codes)
	case c.KeySet > 15:
		return fmt.Errorf("%w: key set %d, the highest is 15", ErrValue, c.KeySet)
	}
	seen := map[Algorithm]bool{}
	for _, a := range c.Algorithms {
		if a.Algorithm == 0 || seen[a.Algorithm] || a.Bits&(SignsOctets|SignsHash) == 0 {
			return fmt.Errorf("%w: algorithm %02X with bits %02X", ErrValue, byte(a.Algorithm), byte(a.Bits))
		}
		seen[a.Algorithm] = true
	}
	return nil
}

// Offer is what the card does with an algorithm; 0: nothing.
func (c *Capabilities) Offer(a Algorithm) AlgorithmBits {
	for _, o := range c.Algorithms {
		if o.Algorithm == a {
			return o.Bits
		}
	}
	return 0
}
