package handset

import (
	"fmt"

	"github.com/simsign/simsign/ota/sms"
)

// fields decodes a proactive command for the trace.
func (c *command) fields() []Field {
	f := []Field{{"number", fmt.Sprint(c.number)}, {"qualifier", fmt.Sprintf("%02X", c.qualifier)}}
	if c.hasText {
		if s, dcs, _, ok := text(c.text); ok {
			f = append(f, Field{"text", s}, Field{"DCS", fmt.Sprintf("%02X", dcs)})
		}
	}
	if c.hasAlpha {
		f = append(f, Field{"alpha", alpha(c.alpha)})
	}
	if len(c.respLength) == 2 {
		f = append(f, Field{"length", fmt.Sprintf("%d to %d", c.respLength[0], c.respLength[1])})
	}
	if d, ok := duration(c.duration); ok {
		f = append(f, Field{"duration", d.String()})
	}
	for _, i := range items(c.items) {
		f = append(f, Field{"item", fmt.Sprintf("%d %s", i.ID, i.Text)})
	}
	return f
}

// submitFields decodes an SMS-SUBMIT for the trace.
func submitFields(tpdu []byte) []Field {
	s, err := sms.ParseSubmit(tpdu)
	if err != nil {
		return nil
	}
	return append([]Field{{"TP-MR", fmt.Sprint(s.Reference)}, {"to", s.Destination.Number}}, userDataFields(s.PID, s.DCS, s.UDH, s.UD)...)
}

func deliverFields(d *sms.Deliver) []Field {
	return append([]Field{{"from", d.Originator.Number}}, userDataFields(d.PID, d.DCS, d.UDH, d.UD)...)
}

func userDataFields(pid, dcs byte, udh, ud []byte) []Field {
	f := []Field{{"TP-PID", fmt.Sprintf("%02X", pid)}, {"TP-DCS", fmt.Sprintf("%02X", dcs)}}
	if c, cpi, err := sms.ParseConcat(udh); err == nil && len(udh) > 0 {
		f = append(f, Field{"UDH", fmt.Sprintf("%X", udh)}, Field{"part", fmt.Sprintf("%d of %d", c.Part, c.Total)}, Field{"packet", cpi.String()})
	}
	return append(f, Field{"user data", fmt.Sprintf("%d octets", len(ud))})
}
