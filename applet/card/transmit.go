package card

import "github.com/simsign/simsign/applet/card/uicc"

// Transmit is the only way in: a command APDU gives a response APDU (data and
// status word). The response is the caller's. Data of a command that itself
// takes data come by 61xx (9Fxx for class A0) and GET RESPONSE; a wrong Le
// gives 6Cxx; while a proactive command waits, a success is 91xx.
func (c *Card) Transmit(apdu []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.traceAPDU(apdu)
	cmd, sw := parseCommand(apdu)
	var data []byte
	if sw == swOK {
		if cmd.ins != insGetResponse {
			c.response = nil
		}
		data, sw = c.dispatch(cmd)
	}
	if c.nv.failed != nil && sw == swOK {
		data, sw = nil, swMemoryProblem
	}
	if sw == swOK {
		sw = c.toolkit.normalEnd()
	}
	out := make([]byte, 0, len(data)+2)
	out = append(append(out, data...), byte(sw>>8), byte(sw))
	c.traceResponse(cmd, out)
	return out
}

// dispatch runs one command. Only the basic logical channel exists
// (TS 102 221 8.7).
func (c *Card) dispatch(cmd command) ([]byte, uint16) {
	if c.opt.SIM && !cmd.sim() {
		return nil, swWrongCLA
	}
	switch cmd.cla {
	case claISO, claUICC, claSIM:
	default:
		if cmd.cla&0xFC == claISO || cmd.cla&0xFC == claUICC || cmd.cla&0xF0 == 0x40 {
			return nil, swNoChannel
		}
		return nil, swWrongCLA
	}
	switch cmd.ins {
	case insSelect:
		data, sw := c.files.selectFile(cmd)
		if sw != swOK {
			return nil, sw
		}
		return c.withResponse(cmd, data)
	case insStatus:
		c.toolkit.polled()
		c.polled()
		return c.files.status(cmd)
	case insReadBinary:
		return c.files.readBinary(cmd)
	case insReadRecord:
		return c.files.readRecord(cmd)
	case insUpdateBinary, insUpdateRecord:
		return nil, swSecurityStatus
	case insGetResponse:
		return c.getResponse(cmd)
	case insVerify, insUnblock:
		return verify(cmd)
	case insManageChannel:
		return nil, swNoChannel
	}
	if cmd.cla == claISO {
		return nil, swWrongINS
	}
	switch cmd.ins {
	case insTerminalProfile:
		return nil, c.terminalProfile(cmd)
	case insEnvelope:
		return c.envelope(cmd)
	case insFetch:
		return c.toolkit.fetch(cmd)
	case insTerminalResponse:
		return nil, c.toolkit.terminalResponse(cmd)
	}
	return nil, swWrongINS
}

// withResponse keeps data for GET RESPONSE (TS 102 221 12.1.1).
func (c *Card) withResponse(cmd command, data []byte) ([]byte, uint16) {
	if len(data) == 0 {
		return nil, swOK
	}
	c.response = data
	return nil, c.available(cmd)
}

// available is 61xx, or 9Fxx for a SIM (TS 51.011 9.4.1).
func (c *Card) available(cmd command) uint16 {
	n := uint16(len(c.response) & 0xFF)
	if cmd.sim() {
		return 0x9F00 | n
	}
	return 0x6100 | n
}

func (c *Card) getResponse(cmd command) ([]byte, uint16) {
	n := len(c.response)
	switch {
	case n == 0:
		return nil, swConditions
	case cmd.le() > n:
		return nil, wrongLe(n)
	}
	data := c.response[:cmd.le()]
	if c.response = c.response[cmd.le():]; len(c.response) > 0 && !cmd.sim() {
		return data, c.available(cmd)
	}
	c.response = nil
	return data, swOK
}

// polled gives the applet a quiet moment, for what it could not do before. A strict card
// gives it to an applet that has asked for it.
func (c *Card) polled() {
	t := c.toolkit
	if t.running == nil && len(t.queue) == 0 && t.profile != nil && (t.polling || !c.opt.Strict) {
		_ = t.trigger(&uicc.Event{Kind: uicc.Status})
	}
}
