package vectors

import (
	"github.com/simsign/simsign/ota/sms"
)

// segment is one short message of a packet.
type segment struct {
	UDH *octets `json:"udh"`
	UD  *octets `json:"ud"`
}

// concat says how a packet is cut.
type concat struct {
	Ref     *number `json:"ref"`
	RefBits *number `json:"ref_bits"`
	Total   *number `json:"total"`
	Order   *string `json:"ie_order"`
}

// segments cuts the packet as the entry does and compares the pieces; then
// the TPDUs around them.
func (e *entry) segments(c *check, packet []byte, cpi sms.CPI) {
	if e.Segments == nil && e.Concat == nil && e.TPDUs == nil {
		return
	}
	parts, err := sms.Split(packet, e.splitOptions(c, cpi))
	if c.failed("split", err) {
		return
	}
	if e.Concat != nil {
		c.number("concat total", len(parts), e.Concat.Total)
	}
	if e.Segments != nil {
		e.compareSegments(c, packet, parts, cpi)
	}
	if e.TPDUs != nil {
		e.compareTPDUs(c, parts)
	}
}

// splitOptions reads the form from the first header, and compares the words
// of the entry with it.
func (e *entry) splitOptions(c *check, cpi sms.CPI) sms.SplitOptions {
	o := sms.SplitOptions{CPI: cpi}
	if k := e.Concat; k != nil {
		if k.Ref != nil {
			o.Ref = uint16(*k.Ref)
		}
		o.Ref16 = k.RefBits != nil && *k.RefBits == 16
		o.CPIFirst = k.Order != nil && *k.Order == "cpi_first"
	}
	if len(e.Segments) == 0 || e.Segments[0].UDH == nil {
		return o
	}
	udh := *e.Segments[0].UDH
	h, _, err := sms.ParseConcat(udh)
	if c.failed("header of segment 1", err) || h.Total == 1 {
		return o
	}
	o.Ref, o.Ref16, o.CPIFirst = h.Ref, h.Ref16, udh[1] == byte(cpi)
	if e.Concat != nil {
		bits, order := 8, "concat_first"
		if h.Ref16 {
			bits = 16
		}
		if o.CPIFirst {
			order = "cpi_first"
		}
		c.number("concat ref", int(h.Ref), e.Concat.Ref)
		c.number("concat ref_bits", bits, e.Concat.RefBits)
		c.text("concat ie_order", order, e.Concat.Order)
	}
	return o
}

func (e *entry) compareSegments(c *check, packet []byte, parts []sms.Part, cpi sms.CPI) {
	n := number(len(e.Segments))
	c.number("number of segments", len(parts), &n)
	if c.err != nil {
		return
	}
	given := make([]sms.Part, len(parts))
	for i, s := range e.Segments {
		if s.UDH == nil || s.UD == nil {
			c.fail("segment %d lacks udh or ud", i+1)
			return
		}
		c.octets("header of a segment", parts[i].UDH, s.UDH)
		c.octets("data of a segment", parts[i].UD, s.UD)
		given[len(parts)-1-i] = sms.Part{UDH: *s.UDH, UD: *s.UD} // last first: order must not matter
	}
	joined, kind, err := sms.Join(nil, given)
	if c.failed("join", err) {
		return
	}
	want := octets(packet)
	c.octets("joined segments", joined, &want)
	if kind != cpi {
		c.fail("the segments are a %s packet, not a %s packet", kind, cpi)
	}
}

func (e *entry) compareTPDUs(c *check, parts []sms.Part) {
	n := number(len(e.TPDUs))
	c.number("number of TPDUs", len(parts), &n)
	if c.err != nil {
		return
	}
	for i, raw := range e.TPDUs {
		d, err := sms.ParseDeliver(raw)
		if c.failed("SMS-DELIVER", err) {
			return
		}
		udh, ud := octets(parts[i].UDH), octets(parts[i].UD)
		c.octets("header in the SMS-DELIVER", d.UDH, &udh)
		c.octets("data in the SMS-DELIVER", d.UD, &ud)
		if d.PID != sms.PIDDownload || !sms.Class2(d.DCS) {
			c.fail("SMS-DELIVER has PID %02X, DCS %02X, not a (U)SIM data download", d.PID, d.DCS)
		}
		if _, err := d.Time.Time(); err != nil {
			c.failed("SMS-DELIVER", err)
		}
		again, err := d.AppendBinary(nil)
		if c.failed("SMS-DELIVER", err) {
			return
		}
		c.octets("SMS-DELIVER", again, &raw)
	}
}
