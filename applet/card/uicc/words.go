package uicc

// BER and comprehension TLV tags (TS 101 220 7.2). Bit 8 of the latter says
// that the receiver must understand them; reading ignores it.
const (
	TagProactive     = 0xD0
	TagSMSDownload   = 0xD1
	TagMenuSelection = 0xD3

	TagCommandDetails = 0x01
	TagDevices        = 0x02
	TagResult         = 0x03
	TagDuration       = 0x04
	TagAlpha          = 0x05
	TagAddress        = 0x06
	TagTPDU           = 0x0B
	TagText           = 0x0D
	TagItem           = 0x0F
	TagItemID         = 0x10
	TagResponseLength = 0x11
	TagHelpRequest    = 0x15

	Required = 0x80
)

// Proactive commands (TS 102 223 9.4).
const (
	CmdMoreTime         = 0x02
	CmdPollInterval     = 0x03
	CmdSendShortMessage = 0x13
	CmdDisplayText      = 0x21
	CmdGetInput         = 0x23
	CmdSelectItem       = 0x24
	CmdSetUpMenu        = 0x25
)

// Devices (TS 102 223 8.7).
const (
	DeviceDisplay  = 0x02
	DeviceUICC     = 0x81
	DeviceTerminal = 0x82
	DeviceNetwork  = 0x83
)

// Qualifiers (TS 102 223 8.6).
const (
	DisplayHigh  = 0x01 // high priority, cleared after a delay
	DisplayWait  = 0x81 // high priority, the user clears it
	InputDigits  = 0x00 // 0-9 * # +, shown
	InputHidden  = 0x04 // 0-9 * # +, not shown
	sendUnpacked = 0x00
)

// Limits of a text, and of a menu's objects, in octets, so that the command
// fits a FETCH of 256 (INT6, What the user sees).
const (
	MaxDisplay  = 240
	MaxInput    = 236
	MaxMenu     = 244
	durationLen = 4
)

// CommandName is the name in TS 102 223.
func CommandName(t byte) string {
	switch t {
	case CmdMoreTime:
		return "MORE TIME"
	case CmdPollInterval:
		return "POLL INTERVAL"
	case CmdSendShortMessage:
		return "SEND SHORT MESSAGE"
	case CmdDisplayText:
		return "DISPLAY TEXT"
	case CmdGetInput:
		return "GET INPUT"
	case CmdSelectItem:
		return "SELECT ITEM"
	case CmdSetUpMenu:
		return "SET UP MENU"
	}
	return "proactive command"
}

// Facilities in TERMINAL PROFILE (TS 102 223 5.2): octet << 8 | bit.
const (
	FacilityMoreTime  = 2<<8 | 0x08
	FacilitySetUpMenu = 3<<8 | 0x20
)

// ResultHighest is the highest general result that says that a command was performed
// (TS 102 223 8.12).
const ResultHighest = 0x0F
