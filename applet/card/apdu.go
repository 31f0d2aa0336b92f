package card

// Status words of ISO 7816-4, TS 102 221 10.2.1 and TS 51.011 9.4.
const (
	swOK             = 0x9000
	swBusy           = 0x9300 // toolkit busy, TS 102 221 10.2.1.2
	swTries          = 0x63C0
	swMemoryProblem  = 0x6581
	swWrongLength    = 0x6700
	swNoChannel      = 0x6881
	swIncompatible   = 0x6981 // command incompatible with file structure
	swSecurityStatus = 0x6982
	swPINBlocked     = 0x6983
	swPINDisabled    = 0x6984
	swConditions     = 0x6985
	swNoEF           = 0x6986
	swWrongData      = 0x6A80
	swNotSupported   = 0x6A81
	swNotFound       = 0x6A82
	swNoRecord       = 0x6A83
	swWrongP1P2      = 0x6A86
	swOffset         = 0x6B00
	swWrongINS       = 0x6D00
	swOther          = 0x6F00 // no precise diagnosis: what an applet's exception becomes
	swWrongCLA       = 0x6E00

	sw2GNoEF      = 0x9400
	sw2GNoRecord  = 0x9402
	sw2GNotFound  = 0x9404
	sw2GStructure = 0x9408
	sw2GCHV       = 0x9808 // contradiction with CHV status
)

// Instructions (TS 102 221 10.1.2).
const (
	insTerminalProfile  = 0x10
	insFetch            = 0x12
	insTerminalResponse = 0x14
	insVerify           = 0x20
	insUnblock          = 0x2C
	insManageChannel    = 0x70
	insSelect           = 0xA4
	insReadBinary       = 0xB0
	insReadRecord       = 0xB2
	insGetResponse      = 0xC0
	insEnvelope         = 0xC2
	insUpdateBinary     = 0xD6
	insUpdateRecord     = 0xDC
	insStatus           = 0xF2
)

// Classes: interindustry, UICC, SIM (TS 102 221 10.1.1, TS 51.011 9.2).
const (
	claISO  = 0x00
	claUICC = 0x80
	claSIM  = 0xA0
)

// command is a command TPDU of T=0 (ISO 7816-3 10.3.2). P3 is Lc when data
// follow and Le otherwise; a Le after the data, which some terminals send, is
// not part of T=0 and is dropped.
type command struct {
	cla, ins, p1, p2, p3 byte
	data                 []byte
}

func (c command) sim() bool { return c.cla == claSIM }

// le is the expected length; 0 on the wire means 256 (ISO 7816-3 10.3.2).
func (c command) le() int {
	if c.p3 == 0 {
		return 256
	}
	return int(c.p3)
}

func parseCommand(b []byte) (command, uint16) {
	if len(b) < 4 || len(b) > 4+1+255+1 {
		return command{}, swWrongLength
	}
	c := command{cla: b[0], ins: b[1], p1: b[2], p2: b[3]}
	if len(b) == 4 {
		return c, swOK
	}
	c.p3 = b[4]
	body := b[5:]
	if len(body) == 0 {
		return c, swOK
	}
	if n := int(c.p3); len(body) != n && len(body) != n+1 {
		return c, swWrongLength
	}
	c.data = body[:c.p3]
	return c, swOK
}

// exactly gives data when Le asks for just that many octets.
func exactly(cmd command, data []byte) ([]byte, uint16) {
	if cmd.le() != len(data) {
		return nil, wrongLe(len(data))
	}
	return data, swOK
}

func wrongLe(n int) uint16 { return 0x6C00 | uint16(n&0xFF) }
