package uicc

import "github.com/simsign/simsign/applet"

// DisplayText is DISPLAY TEXT (TS 102 223 6.6.1). seconds, where not 0, is how
// long a text waits for the user.
func DisplayText(h Handler, text applet.Text, qualifier, seconds byte) {
	h.Init(CmdDisplayText, qualifier, DeviceDisplay)
	appendText(h, text)
	if qualifier == DisplayWait {
		appendDuration(h, seconds, MaxDisplay-len(text.Octets))
	}
}

// GetInput is GET INPUT (TS 102 223 6.6.3).
func GetInput(h Handler, text applet.Text, lo, hi, qualifier, seconds byte) {
	h.Init(CmdGetInput, qualifier, DeviceTerminal)
	appendText(h, text)
	h.Append(Required|TagResponseLength, lo, hi)
	appendDuration(h, seconds, MaxInput-len(text.Octets))
}

// MoreTime is MORE TIME (TS 102 223 6.6.4).
func MoreTime(h Handler) { h.Init(CmdMoreTime, 0, DeviceTerminal) }

// PollInterval is POLL INTERVAL (TS 102 223 6.6.5).
func PollInterval(h Handler, seconds byte) {
	h.Init(CmdPollInterval, 0, DeviceTerminal)
	h.Append(Required|TagDuration, 0x01, seconds)
}

// SetUpMenu is SET UP MENU (TS 102 223 6.6.7).
func SetUpMenu(h Handler, m List) {
	h.Init(CmdSetUpMenu, 0, DeviceTerminal)
	m.to(h)
}

// SelectItem is SELECT ITEM (TS 102 223 6.6.8).
func SelectItem(h Handler, m List) {
	h.Init(CmdSelectItem, 0, DeviceTerminal)
	m.to(h)
}

// SendShortMessage is SEND SHORT MESSAGE (TS 102 223 6.6.9). Without an smsc (as in EF.ADN) the
// terminal takes the one that it knows.
func SendShortMessage(h Handler, tpdu, smsc []byte) {
	h.Init(CmdSendShortMessage, sendUnpacked, DeviceNetwork)
	if len(smsc) > 0 {
		h.Append(Required|TagAddress, smsc...)
	}
	h.Append(Required|TagTPDU, tpdu...)
}

func appendText(h Handler, t applet.Text) {
	h.Append(Required|TagText, append([]byte{byte(t.Coding)}, t.Octets...)...)
}

// appendDuration adds a time-out in seconds (TS 102 223 8.8) where there is one
// and room for it. It is not marked as required: a terminal without it takes
// its own time.
func appendDuration(h Handler, seconds byte, room int) {
	if seconds != 0 && room >= durationLen {
		h.Append(TagDuration, 0x01, seconds)
	}
}

// List is a title and items: a menu.
type List struct {
	Title string
	Items []Item
}

// Item is an entry of a List.
type Item struct {
	ID   byte
	Text string
}

// Append writes the objects of a list.
func (m List) Append(b []byte) []byte {
	b = AppendTLV(b, Required|TagAlpha, AlphaIdentifier(m.Title)...)
	for _, it := range m.Items {
		b = AppendTLV(b, Required|TagItem, it.octets()...)
	}
	return b
}

func (m List) to(h Handler) {
	h.Append(Required|TagAlpha, AlphaIdentifier(m.Title)...)
	for _, it := range m.Items {
		h.Append(Required|TagItem, it.octets()...)
	}
}

func (i Item) octets() []byte { return append([]byte{i.ID}, AlphaIdentifier(i.Text)...) }
