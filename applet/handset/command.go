package handset

import "fmt"

// CommandType is the type of a proactive command (TS 102 223 9.4).
type CommandType byte

// The commands that this terminal knows.
const (
	Refresh          CommandType = 0x01
	MoreTime         CommandType = 0x02
	PollInterval     CommandType = 0x03
	SetUpEventList   CommandType = 0x05
	SendShortMessage CommandType = 0x13
	PlayTone         CommandType = 0x20
	DisplayText      CommandType = 0x21
	GetInkey         CommandType = 0x22
	GetInput         CommandType = 0x23
	SelectItem       CommandType = 0x24
	SetUpMenu        CommandType = 0x25
	ProvideLocal     CommandType = 0x26
	TimerManagement  CommandType = 0x27
	SetUpIdleText    CommandType = 0x28
)

// String is the name in TS 102 223.
func (t CommandType) String() string {
	switch t {
	case Refresh:
		return "REFRESH"
	case MoreTime:
		return "MORE TIME"
	case PollInterval:
		return "POLL INTERVAL"
	case SetUpEventList:
		return "SET UP EVENT LIST"
	case SendShortMessage:
		return "SEND SHORT MESSAGE"
	case PlayTone:
		return "PLAY TONE"
	case DisplayText:
		return "DISPLAY TEXT"
	case GetInkey:
		return "GET INKEY"
	case GetInput:
		return "GET INPUT"
	case SelectItem:
		return "SELECT ITEM"
	case SetUpMenu:
		return "SET UP MENU"
	case ProvideLocal:
		return "PROVIDE LOCAL INFORMATION"
	case TimerManagement:
		return "TIMER MANAGEMENT"
	case SetUpIdleText:
		return "SET UP IDLE MODE TEXT"
	}
	return fmt.Sprintf("command %02X", byte(t))
}

// command is one proactive command. Slices point into the fetched octets,
// which stay untouched until its TERMINAL RESPONSE.
type command struct {
	number    byte
	kind      CommandType
	qualifier byte
	device    byte // destination

	text, alpha, address, tpdu   []byte // values; text with its DCS octet
	defaultText, respLength      []byte
	duration                     []byte
	itemID, timerID, timerValue  []byte
	items                        [][]byte // identifier and alpha of each
	immediate, hasAlpha, hasText bool

	// For a strict phone.
	hasDevices, hasEvents bool
	icon                  bool // one is wanted
	unknown               bool // an object that must be understood is not
}

// parseCommand reads a whole D0 object. Objects with the comprehension bit
// that we do not know are not refused: we show and send only what we know.
func parseCommand(b []byte) (command, error) {
	var c command
	if len(b) < 2 || b[0] != berProactive {
		return c, fmt.Errorf("%w: a proactive command begins with D0", errTLV)
	}
	n, body := int(b[1]), b[2:]
	if n == 0x81 && len(b) > 2 {
		n, body = int(b[2]), b[3:]
	} else if n > 0x7F {
		return c, fmt.Errorf("%w: length octet %02X", errTLV, n)
	}
	if len(body) < n {
		return c, fmt.Errorf("%w: proactive command of %d octets, have %d", errTLV, n, len(body))
	}
	body = body[:n]
	for first := true; len(body) > 0; first = false {
		tag, v, rest, err := takeTLV(body)
		if err != nil {
			return c, err
		}
		if first && (tag != tagDetails || len(v) != 3) {
			return c, fmt.Errorf("%w: command details (3 octets) must come first", errTLV)
		}
		c.set(tag, v)
		c.unknown = c.unknown || body[0]&comprehension != 0 && !understood(tag)
		body = rest
	}
	if c.kind == 0 {
		return c, fmt.Errorf("%w: no command details", errTLV)
	}
	return c, nil
}

func (c *command) set(tag byte, v []byte) {
	switch tag {
	case tagDetails:
		if len(v) == 3 {
			c.number, c.kind, c.qualifier = v[0], CommandType(v[1]), v[2]
		}
	case tagDevices:
		if len(v) == 2 {
			c.device, c.hasDevices = v[1], true
		}
	case tagText:
		c.text, c.hasText = v, true
	case tagAlpha:
		if !c.hasAlpha {
			c.alpha, c.hasAlpha = v, true
		}
	case tagAddress:
		c.address = v
	case tagTPDU:
		c.tpdu = v
	case tagDefault:
		c.defaultText = v
	case tagRespLength:
		c.respLength = v
	case tagDuration:
		c.duration = v
	case tagItem:
		c.items = append(c.items, v)
	case tagItemID:
		c.itemID = v
	case tagTimerID:
		c.timerID = v
	case tagTimerValue:
		c.timerValue = v
	case tagEvents:
		c.hasEvents = true
	case tagIcon, tagItemIcons:
		c.icon = true
	case tagImmediate:
		c.immediate = true
	}
}
