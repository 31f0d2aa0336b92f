package vectors

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// session is an exchange with a card, step by step. Keys and TAR are fields of
// a step or of the session, or stand in its note, or are those that the
// recorded card has always had.
type session struct {
	Note   string            `json:"note"`
	KIcKey *octets           `json:"kic_key"`
	KIDKey *octets           `json:"kid_key"`
	TAR    *octets           `json:"tar"`
	Steps  []json.RawMessage `json:"steps"`
}

// stepFields are what only a step has.
type stepFields struct {
	NSeg     *number  `json:"nseg"`
	Order    *string  `json:"order"`
	SW       *octets  `json:"sw"`
	Response *octets  `json:"response"` // user data of the SMS-DELIVER-REPORT
	Fetched  []octets `json:"fetched"`  // proactive SEND SHORT MESSAGE
}

const recordedCard = "KIC 00112233445566778899aabbccddeeff KID 0123456789abcdef0123456701234567, TAR b00011"

// complete gives a step what stands at the session.
func (s *session) complete(e *entry) {
	pattern := regexp.MustCompile(`(?i)KIC\s+([0-9a-f]+)\W+KID\s+([0-9a-f]+)\W+TAR\s+([0-9a-f]{6})`)
	m := pattern.FindStringSubmatch(s.Note)
	if m == nil {
		m = pattern.FindStringSubmatch(recordedCard)
	}
	for i, f := range [...]struct{ step, session **octets }{
		{&e.KIcKey, &s.KIcKey}, {&e.KIDKey, &s.KIDKey}, {&e.TAR, &s.TAR},
	} {
		if *f.step == nil {
			*f.step = *f.session
		}
		if *f.step == nil {
			b, err := hex.DecodeString(m[i+1])
			if err != nil {
				continue // an odd number of digits: reported as missing
			}
			*f.step = (*octets)(&b)
		}
	}
}

// step checks one exchange: the command that was sent and every answer.
func (s *session) step(e *entry, c *check) {
	s.complete(e)
	if e.Packet == nil {
		c.fail("packet is missing")
		return
	}
	if !e.sealed(c, *e.Packet) {
		return
	}
	order := "concat_first"
	if e.Order != nil {
		order = *e.Order
	}
	if order != "concat_first" && order != "cpi_first" {
		c.fail("order %q is neither concat_first nor cpi_first", order)
	}
	parts, err := sms.Split(*e.Packet, sms.SplitOptions{CPI: sms.CommandCPI, CPIFirst: order == "cpi_first"})
	if c.failed("split", err) {
		return
	}
	c.number("number of segments", len(parts), e.NSeg)
	e.answers(c)
}

// answers checks the answer in the report and those in fetched messages. A
// card that refused said nothing.
func (e *entry) answers(c *check) {
	answered := e.Response != nil && len(*e.Response) > 0
	if !answered {
		if e.Decoded != nil {
			c.fail("decoded without a response")
		}
		if e.SW != nil && hex.EncodeToString(*e.SW) == "9000" {
			c.fail("SW 9000 without a response")
		}
	} else {
		if e.SW != nil && hex.EncodeToString(*e.SW) != "9000" {
			c.fail("a response with SW %X", []byte(*e.SW))
		}
		packet, err := withoutHeader(*e.Response)
		if c.failed("response", err) {
			return
		}
		if e.Decoded == nil {
			c.fail("a response without decoded")
			return
		}
		e.Decoded.TAR = e.TAR
		e.opened(c, packet)
	}
	for _, f := range e.Fetched {
		if err := e.fetched(f); err != nil {
			c.fail("fetched message: %w", err)
		}
		c.made++
	}
}

// fetched opens the answer in a SEND SHORT MESSAGE: it has no fields of its
// own in the file, but it must verify and answer this command.
func (e *entry) fetched(command []byte) error {
	packet, err := proactiveMessage(command)
	if err != nil {
		return err
	}
	_, spi, r, err := e.openResponse(packet)
	if err != nil {
		return err
	}
	if err := (ota.Security{SPI: spi, Lab: true}).CheckResponse(spi, &r); err != nil {
		return err
	}
	want, err := e.fields()
	if err != nil {
		return err
	}
	if r.TAR != want.TAR || r.CNTR != want.CNTR || !r.Status.Final() {
		return fmt.Errorf("TAR %s, CNTR %s, status %s: not the final answer to this command", r.TAR, r.CNTR, r.Status)
	}
	return nil
}

// proactiveMessage takes the response packet out of a SEND SHORT MESSAGE.
func proactiveMessage(command []byte) ([]byte, error) {
	tpdu, err := findTLV(command, 0xD0, 0x0B)
	if err != nil {
		return nil, err
	}
	s, err := sms.ParseSubmit(tpdu)
	if err != nil {
		return nil, err
	}
	packet, kind, err := sms.Join(nil, []sms.Part{{UDH: s.UDH, UD: s.UD}})
	if err == nil && kind != sms.ResponseCPI {
		err = fmt.Errorf("the message holds a %s packet, not a response packet", kind)
	}
	return packet, err
}

// findTLV finds the value of an object (its tag without the comprehension
// bit) in a command with this outer tag. TS 102 223 8 and Annex C.
func findTLV(b []byte, outer, inner byte) ([]byte, error) {
	if len(b) == 0 || b[0] != outer {
		return nil, fmt.Errorf("the outer tag is not %02X", outer)
	}
	v, rest, err := value(b)
	if err != nil || len(rest) > 0 {
		return nil, errors.Join(err, errors.New("the outer object does not have its length"))
	}
	for len(v) > 0 {
		tag := v[0] &^ 0x80
		object, rest, err := value(v)
		if err != nil {
			return nil, err
		}
		if tag == inner {
			return object, nil
		}
		v = rest
	}
	return nil, fmt.Errorf("it has no object %02X", inner)
}

// value reads one object with a length of one or two octets.
func value(b []byte) (v, rest []byte, err error) {
	errShort := errors.New("an object overruns")
	if len(b) < 2 {
		return nil, nil, errShort
	}
	n, b := int(b[1]), b[2:]
	if n == 0x81 {
		if len(b) == 0 {
			return nil, nil, errShort
		}
		n, b = int(b[0]), b[1:]
	} else if n > 0x7F {
		return nil, nil, errShort
	}
	if n > len(b) {
		return nil, nil, errShort
	}
	return b[:n], b[n:], nil
}
