package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/ota/sms"
)

// Data objects of the card application toolkit (TS 102 223 9.3, TS 31.111 9.3), with and
// without the bit that asks for comprehension.
const (
	catProactive   = 0xD0
	catSMSDownload = 0xD1

	catDetails  = 0x01
	catDevices  = 0x02
	catResult   = 0x03
	catAddress  = 0x06
	catTPDU     = 0x0B
	catComplete = 0x80 // the bit
)

var errCAT = errors.New("not a whole data object of the toolkit")

// readObject takes a data object off b: tag, value, rest. Lengths have one octet, or two
// after 81 (TS 101 220 7.1.2).
func readObject(b []byte) (tag byte, value, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, errCAT
	}
	tag, n, at := b[0], int(b[1]), 2
	if n == 0x81 && len(b) > 2 {
		n, at = int(b[2]), 3
	} else if n > 0x7F {
		return 0, nil, nil, errCAT
	}
	if len(b) < at+n {
		return 0, nil, nil, fmt.Errorf("%w: %02X says %d octets, %d are there", errCAT, tag, n, len(b)-at)
	}
	return tag, b[at : at+n], b[at+n:], nil
}

func appendObject(b []byte, tag byte, value ...byte) []byte {
	b = append(b, tag)
	if len(value) > 0x7F {
		b = append(b, 0x81)
	}
	return append(append(b, byte(len(value))), value...)
}

// objects are those in a command or an envelope, without the bit.
func objects(b []byte) (map[byte][]byte, error) {
	out := map[byte][]byte{}
	for len(b) > 0 {
		tag, v, rest, err := readObject(b)
		if err != nil {
			return nil, err
		}
		out[tag&^catComplete], b = v, rest
	}
	return out, nil
}

// withoutHeader takes the header of a command APDU off its data: ENVELOPE or TERMINAL RESPONSE,
// of a USIM or a SIM (TS 102 221 10.1.2).
func withoutHeader(b []byte) []byte {
	const header = 5
	if len(b) > header && (b[0] == 0x80 || b[0] == 0xA0) && (b[1] == 0xC2 || b[1] == 0x14) && b[2]|b[3] == 0 && len(b)-header >= int(b[4]) && len(b)-header <= int(b[4])+1 {
		return b[header : header+int(b[4])] // Le may stand behind
	}
	return b
}

// OTAShowCmd says what octets are.
type OTAShowCmd struct {
	Octets []string `arg:"" placeholder:"HEX|@FILE|-" help:"A proactive command (D0), ENVELOPE or TERMINAL RESPONSE (its data or the whole APDU), SMS-DELIVER or SMS-SUBMIT."`
}

// Run prints the fields of each, one a line. A code that was entered is among them.
func (k *OTAShowCmd) Run(c *cli) error {
	for i, arg := range k.Octets {
		what := fmt.Sprintf("octets %d", i+1)
		b, err := c.octets(what, arg)
		if err != nil {
			return err
		}
		name, fields, err := handset.Explain(withoutHeader(b))
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		c.printf("%s\n", name)
		for _, f := range fields {
			indent(c.stdout, "  ", fmt.Sprintf("%-10s %s", f.Name, strings.ReplaceAll(printable(f.Value), "\n", "\n           ")))
		}
	}
	return nil
}

// partOf is the short message in octets that somebody has: a packet alone, header and
// data, a TPDU, or what a card and a phone say around one. The first octet tells: a
// packet begins with its length and a header with its own, both small, a TPDU with a
// header has bit 40.
func partOf(b []byte) (sms.Part, error) {
	b = withoutHeader(b)
	if len(b) < 3 {
		return sms.Part{UD: b}, nil
	}
	switch {
	case b[0] == catProactive || b[0] == catSMSDownload:
		_, inside, _, err := readObject(b)
		if err != nil {
			return sms.Part{}, err
		}
		all, err := objects(inside)
		if err != nil {
			return sms.Part{}, err
		}
		tpdu, ok := all[catTPDU]
		if !ok {
			return sms.Part{}, fmt.Errorf("%w: there is no TPDU (8B) in it", errCAT)
		}
		return ofTPDU(tpdu)
	case b[0]&0x40 != 0:
		return ofTPDU(b)
	case b[2] >= 10: // CHL or RHL, where a header has the length of an element
		return sms.Part{UD: b}, nil
	}
	n := 1 + int(b[0])
	if n > len(b) {
		return sms.Part{}, fmt.Errorf("%w: it overruns", sms.ErrUDH)
	}
	return sms.Part{UDH: b[:n], UD: b[n:]}, nil
}

func ofTPDU(b []byte) (sms.Part, error) {
	if len(b) > 0 && b[0]&3 == 1 {
		s, err := sms.ParseSubmit(b)
		return sms.Part{UDH: s.UDH, UD: s.UD}, err
	}
	d, err := sms.ParseDeliver(b)
	return sms.Part{UDH: d.UDH, UD: d.UD}, err
}

// envelope is the ENVELOPE (SMS-PP DOWNLOAD) with which a phone gives a card a TPDU
// (TS 31.111 7.1.1.2): from the network to the card.
func envelope(tpdu []byte) []byte {
	b := appendObject(nil, catDevices|catComplete, 0x83, 0x81)
	return appendObject(nil, catSMSDownload, appendObject(b, catTPDU|catComplete, tpdu...)...)
}

// OTARespondCmd answers a proactive command as a phone does.
type OTARespondCmd struct {
	Result  string `default:"00" placeholder:"HEX" help:"General result (${default}: performed), with its additional information behind it."`
	Text    string `placeholder:"TEXT|@FILE" help:"What the user enters (GET INPUT)."`
	Coding  string `enum:"04,00,08" default:"04" help:"How the phone codes it: 04 an octet a character, 00 packed, 08 UCS2 (${default})."`
	Item    string `placeholder:"HEX" help:"Identifier of the item that he chooses (SELECT ITEM)."`
	Command string `arg:"" placeholder:"HEX|@FILE|-" help:"The proactive command as FETCH gives it (D0)."`
}

// lineOf is a value, or the line in a file that it names (@FILE).
func lineOf(flag, value string) (string, error) {
	name, file := strings.CutPrefix(value, "@")
	if !file {
		return value, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// Run prints the data of the TERMINAL RESPONSE.
func (k *OTARespondCmd) Run(c *cli) error {
	b, err := c.octets("the command", k.Command)
	if err != nil {
		return err
	}
	tag, inside, _, err := readObject(b)
	if err == nil && tag != catProactive {
		err = fmt.Errorf("%w: it begins with %02X", errCAT, tag)
	}
	if err != nil {
		return fmt.Errorf("a proactive command is D0, its length and what is in it: %w", err)
	}
	all, err := objects(inside)
	if err != nil {
		return err
	}
	details := all[catDetails]
	if len(details) != 3 {
		return fmt.Errorf("%w: there are no command details (81 03)", errCAT)
	}
	result, err := c.octets("--result", k.Result)
	if err != nil || len(result) == 0 {
		return usage("--result needs a general result in hexadecimal, for example 00 or 10")
	}
	out := appendObject(nil, catDetails|catComplete, details...)
	out = appendObject(out, catDevices|catComplete, 0x82, 0x81)
	out = appendObject(out, catResult|catComplete, result...)
	if k.Text != "" {
		text, err := lineOf("--text", k.Text)
		if err != nil {
			return err
		}
		if !utf8.ValidString(text) {
			return usage("--text is not UTF-8")
		}
		out = append(out, handset.TextObject(text, k.Coding == "00", k.Coding == "08")...)
	}
	if k.Item != "" {
		id, err := strconv.ParseUint(k.Item, 16, 8)
		if err != nil {
			return usage("--item needs one octet in hexadecimal")
		}
		out = appendObject(out, 0x10|catComplete, byte(id))
	}
	c.printf("%X\n", out)
	return nil
}
