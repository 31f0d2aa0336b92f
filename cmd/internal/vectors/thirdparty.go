package vectors

import (
	"bytes"
	"errors"
	"strings"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// thirdParty checks a published vector as far as its verdict goes.
func (e *entry) thirdParty(c *check) {
	switch e.Kind {
	case "command":
		e.publishedCommand(c)
	case "response":
		e.publishedResponse(c)
	case "primitive":
		e.primitive(c)
	default:
		c.fail("kind %q is not command, response or primitive", e.Kind)
	}
}

func (e *entry) publishedCommand(c *check) {
	if e.Published == nil {
		c.fail("published is missing")
		return
	}
	published, right := []byte(*e.Published), []byte(*e.Published)
	if e.Reference != nil {
		right = *e.Reference
	}
	verdict := strings.ReplaceAll(strings.ToLower(e.Verdict), " ", "-")
	switch {
	case verdict == "", verdict == "match", strings.HasPrefix(verdict, "match-("):
		if !bytes.Equal(published, right) {
			c.fail("verdict match, but published and reference differ")
		}
		e.sealed(c, published)
	case strings.HasPrefix(verdict, "match-except-cpl"):
		if e.Reference == nil {
			right = append([]byte{byte(len(published) >> 8), byte(len(published))}, published...)
		}
		if !bytes.Equal(published, right[min(2, len(right)):]) {
			c.fail("verdict match-except-CPL, but published is not the reference without its CPL")
		}
		e.sealed(c, right)
		e.refusedCommand(c, published, "")
	case strings.HasPrefix(verdict, "doc-error"):
		e.documentError(c, published, right)
	case strings.HasPrefix(verdict, "out-of-scope"):
		e.outOfScope(c, published)
	default:
		c.fail("verdict %q is none of match, match-except-CPL, DOC ERROR, out of scope", e.Verdict)
	}
}

// documentError is a packet that was printed wrongly: ours must be the
// corrected one, and the printed one must not open.
func (e *entry) documentError(c *check, published, right []byte) {
	if e.Reference == nil {
		c.fail("verdict %q needs a reference", e.Verdict)
		return
	}
	if bytes.Equal(published, right) {
		c.fail("verdict %q, but published and reference are equal", e.Verdict)
	}
	if strings.Contains(e.Verdict, "all other bytes equal") && different(published, right) != 1 {
		c.fail("published and reference differ in %d octets, the verdict says one", different(published, right))
	}
	if e.sealed(c, right) {
		e.refusedCommand(c, published, "")
	}
}

// different counts the octets in which two packets differ.
func different(a, b []byte) int {
	n := max(len(a), len(b)) - min(len(a), len(b))
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// outOfScope is a packet with an algorithm that only its two ends know: it
// must be refused for that reason and no other.
func (e *entry) outOfScope(c *check, published []byte) {
	h, err := ota.ParseHeader(published)
	if c.failed("header", err) {
		return
	}
	want, err := e.fields()
	if c.failed("fields", err) {
		return
	}
	if h.SPI != want.SPI || h.KIc != want.KIc || h.KID != want.KID || h.TAR != want.TAR {
		c.fail("the clear header is not that of the fields")
	}
	_, _, err = e.roundTrip(want, published)
	c.made++
	if !errors.Is(err, ota.ErrAlgorithm) {
		c.fail("must be refused as an unknown algorithm, was: %v", err)
	}
}

func (e *entry) publishedResponse(c *check) {
	if e.Published == nil || e.Decoded == nil {
		c.fail("published or decoded is missing")
		return
	}
	packet, err := withoutHeader(*e.Published)
	if c.failed("published", err) {
		return
	}
	if ok := e.Decoded.IntegrityOK; ok != nil && !*ok {
		e.refused(c, packet, "integrity")
		e.broken(c, packet)
	} else {
		e.opened(c, packet)
	}
	if e.Proactive != nil {
		message, err := proactiveMessage(*e.Proactive)
		if c.failed("proactive command", err) {
			return
		}
		want := octets(packet)
		c.octets("packet in the proactive command", message, &want)
	}
	if e.Envelope != nil {
		e.envelope(c)
	}
}

// broken compares the clear parts of an answer that does not verify.
func (e *entry) broken(c *check, packet []byte) {
	h, err := ota.ParseResponseHead(packet)
	if c.failed("header", err) {
		return
	}
	d := e.Decoded
	c.octets("TAR", h.TAR[:], d.TAR)
	c.number("RPL", int(packet[0])<<8|int(packet[1]), d.RPL)
	c.number("RHL", int(packet[2]), d.RHL)
	if spi, err := e.spi(); err != nil || spi.PoRCiphered() || len(packet) < 13+h.MACLen {
		return // the rest cannot be read
	}
	c.octets("CNTR", packet[6:11], d.CNTR)
	c.number("PCNTR", int(packet[11]), d.PCNTR)
	c.number("status", int(packet[12]), d.Status)
	c.octets("integrity", packet[13:13+h.MACLen], d.Integrity)
	if int(packet[11]) <= len(packet)-13-h.MACLen {
		c.octets("additional_data", packet[13+h.MACLen:len(packet)-int(packet[11])], d.Data)
	}
}

// withoutHeader cuts the user data header of a response off.
func withoutHeader(ud []byte) ([]byte, error) {
	if len(ud) == 0 || int(ud[0])+1 > len(ud) {
		return nil, errors.New("the user data header overruns")
	}
	_, cpi, err := sms.ParseConcat(ud[:1+ud[0]])
	if err == nil && cpi != sms.ResponseCPI {
		err = errors.New("the user data header is not that of a response packet")
	}
	return ud[1+ud[0]:], err
}

// envelope opens the command that was answered.
func (e *entry) envelope(c *check) {
	tpdu, err := findTLV(*e.Envelope, 0xD1, 0x0B)
	if c.failed("envelope", err) {
		return
	}
	d, err := sms.ParseDeliver(tpdu)
	if c.failed("envelope", err) {
		return
	}
	packet, kind, err := sms.Join(nil, []sms.Part{{UDH: d.UDH, UD: d.UD}})
	if c.failed("envelope", err) {
		return
	}
	spi, err := e.spi()
	if c.failed("envelope", err) {
		return
	}
	ks, err := e.keySet(spi.Ciphered(), spi.Integrity(), 8)
	if c.failed("envelope", err) {
		return
	}
	o, err := ks.Open(nil, packet)
	if c.failed("envelope", err) {
		return
	}
	if kind != sms.CommandCPI || o.SPI != spi {
		c.fail("the envelope does not hold a command with SPI %s", spi)
	}
	c.octets("TAR in the envelope", o.TAR[:], e.Decoded.TAR)
	c.octets("CNTR in the envelope", cntrOctets(o.CNTR), e.Decoded.CNTR)
}
