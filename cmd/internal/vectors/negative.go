package vectors

import (
	"bytes"
	"errors"
	"strings"

	"github.com/simsign/simsign/ota"
)

// negative checks that a damaged packet is refused in the right way. Keys and
// SPI are those of another entry.
func (e *entry) negative(c *check, bases map[string]entry) {
	keys := e
	if e.Base != "" {
		base, ok := bases[e.Base]
		if !ok {
			c.fail("there is no entry with the id of its base, %q", e.Base)
			return
		}
		keys = &base
	}
	class := ""
	if e.ExpectError != nil {
		class = *e.ExpectError
	}
	packet, good := e.RawPacket, keys.RawPacket
	if packet == nil {
		packet = e.Packet
	}
	if packet == nil {
		c.fail("raw_packet is missing")
		return
	}
	if good == nil {
		good = keys.Packet
	}
	if keys != e && good != nil && bytes.Equal(*packet, *good) {
		c.fail("the packet is that of its base, not a damaged one")
	}
	if keys.RawPacket == nil && keys.Packet != nil {
		keys.refusedCommand(c, *packet, class)
		return
	}
	keys.refused(c, *packet, class)
}

// refused opens a response packet, which must fail: in the codec, or as an
// answer that is weaker than what was asked for.
func (e *entry) refused(c *check, packet []byte, class string) {
	_, spi, r, err := e.openResponse(packet)
	if err == nil {
		err = ota.Security{SPI: spi, Lab: true}.CheckResponse(spi, &r)
	}
	c.refusal(err, class)
}

func (e *entry) refusedCommand(c *check, packet []byte, class string) {
	spi, err := e.spi()
	if c.failed("fields", err) {
		return
	}
	macLen := 8
	if h, err := ota.ParseHeader(packet); err == nil {
		macLen = h.MACLen
	}
	ks, err := e.keySet(spi.Ciphered(), spi.Integrity(), macLen)
	if c.failed("keys", err) {
		return
	}
	o, err := ks.Open(nil, packet)
	if err == nil {
		err = ota.Security{SPI: spi, Lab: true}.CheckIncoming(&o)
	}
	c.refusal(err, class)
}

// refusal compares an error with words like "integrity", "padding-or-integrity"
// or "policy: missing CC". Words that are not known, or none, ask for any
// refusal by a declared error.
func (c *check) refusal(err error, class string) {
	c.made++
	if err == nil {
		c.fail("it was accepted, and must be refused (%s)", class)
		return
	}
	classes := map[string][]error{
		"length":    {ota.ErrLength},
		"truncated": {ota.ErrLength},
		"integrity": {ota.ErrIntegrity},
		"cc":        {ota.ErrIntegrity},
		"rc":        {ota.ErrIntegrity},
		"padding":   {ota.ErrPadding},
		"pcntr":     {ota.ErrPadding},
		"policy":    {ota.ErrPolicy, ota.ErrUnauthenticated},
		"algorithm": {ota.ErrAlgorithm},
		"key":       {ota.ErrKey, ota.ErrKeySet},
		"counter":   {ota.ErrCounter},
	}
	word, _, _ := strings.Cut(class, ":")
	var allowed []error
	for _, w := range strings.Split(word, "-or-") {
		allowed = append(allowed, classes[strings.ToLower(strings.TrimSpace(w))]...)
	}
	if len(allowed) == 0 {
		for _, k := range classes {
			allowed = append(allowed, k...)
		}
	}
	for _, a := range allowed {
		if errors.Is(err, a) {
			return
		}
	}
	c.fail("refused as %q, the vector wants %q", err, class)
}
