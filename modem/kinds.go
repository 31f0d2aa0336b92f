package modem

import (
	"strconv"
	"strings"
)

// kind of a line.
type kind byte

const (
	kindOther  kind = iota // text without a prefix, or what nobody asked for
	kindAnswer             // belongs to the command that runs
	kindFinal
	kindURC
	kindPDU  // hexadecimal digits
	kindCall // somebody telephones: never an answer, never a PDU
)

// indications are the unsolicited lines that mean something to us, by prefix;
// true: a PDU follows on the next line. TS 27.005 3.4.1, TS 27.007 7.2.
var indications = map[string]bool{
	"+CMT": true, "+CDS": true, "+CBM": true,
	"+CMTI": false, "+CDSI": false, "+CBMI": false,
	"+CREG": false, "+CEREG": false, "+CGREG": false,
	"^SMMEMFULL": false, "+CIEV": false,
}

// bootLines are lines of a modem that has just started.
var bootLines = map[string]bool{
	"RDY": true, "SMS Ready": true, "SMS READY": true, "Call Ready": true, "SMS DONE": true, "+PBREADY": true, "PB DONE": true,
	"^SYSSTART": true, "START": true, "+SIM READY": true, "NORMAL POWER DOWN": true, "POWERED DOWN": true, "MODEM:STARTUP": true,
}

// finals are final codes in the words of the standard (ITU-T V.250 5.7.1) and of
// vendors.
var finals = map[string]string{
	"OK": "OK", "ERROR": "ERROR",
	"COMMAND NOT SUPPORT": "ERROR", "COMMAND NOT SUPPORTED": "ERROR", "TOO MANY PARAMETERS": "ERROR", "ABORTED": "ERROR",
	"INVALID COMMAND": "ERROR", "NO CARRIER": "ERROR", "BUSY": "ERROR", "NO ANSWER": "ERROR", "NO DIALTONE": "ERROR",
	// ATV0, before it is turned off: ITU-T V.250 6.2.6.
	"0": "OK", "4": "ERROR",
}

// bareAnswers have lines without a prefix, or with another one.
var bareAnswers = map[string]bool{
	"+CGMI": true, "+CGMM": true, "+CGMR": true, "+CGSN": true, "+CIMI": true, "+CCID": true, "+QCCID": true, "+ICCID": true, "+CICCID": true, "I": true,
}

// kindOf sorts a line, given the command that runs (nil: none), and returns it
// in the form that package at reads.
func kindOf(s string, cur *running) (kind, string) {
	if k, norm, ok := finalOf(s, cur); ok {
		return k, norm
	}
	if bootLines[s] {
		return kindURC, s
	}
	if s == "RING" {
		return kindCall, s
	}
	name, _, prefixed := strings.Cut(s, ":")
	if prefixed && len(name) > 1 && strings.IndexByte("+^*#$%_", name[0]) >= 0 && !strings.Contains(name, " ") {
		if cur != nil && cur.name == name && !(name == "+CREG" || name == "+CEREG" || name == "+CGREG") {
			return kindAnswer, s
		}
		if cur != nil && cur.name == name && solicited(s) {
			return kindAnswer, s
		}
		if _, known := indications[name]; known || name[0] == '^' {
			return kindURC, s
		}
		if cur != nil && cur.bare {
			return kindAnswer, s
		}
		return kindURC, s
	}
	if isHex(s) {
		return kindPDU, s
	}
	return kindOther, s
}

// solicited tells "+CREG: <n>,<stat>..." from the indication "+CREG: <stat>...":
// the second value is a number without quotes. TS 27.007 7.2.
func solicited(s string) bool {
	f := strings.Split(s, ",")
	if len(f) < 2 {
		return false
	}
	n, err := strconv.Atoi(strings.TrimSpace(f[1])) // an area in quotes is none
	return err == nil && n < 32
}

func finalOf(s string, cur *running) (kind, string, bool) {
	for _, p := range [...]string{"+CMS ERROR", "+CME ERROR"} {
		if rest, ok := strings.CutPrefix(s, p); ok {
			return kindFinal, p + ": " + strings.TrimSpace(strings.TrimPrefix(rest, ":")), true
		}
	}
	norm, ok := finals[s]
	if !ok {
		return 0, "", false
	}
	if cur == nil && norm != "OK" && s != "ERROR" && s != "4" {
		return kindCall, s, true // the end of a call, for example
	}
	if (s == "0" || s == "4") && cur != nil {
		return kindOther, s, true
	}
	return kindFinal, norm, true
}

// isHex reports whether a line is a PDU, or what is left of one.
func isHex(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) > 0
}

// fields are the values behind the colon: commas cut, but not within quotes or
// brackets. Quotes are taken off.
func fields(s string) []string {
	if _, rest, ok := strings.Cut(s, ":"); ok {
		s = rest
	}
	var out []string
	depth, quoted, from := 0, false, 0
	add := func(v string) { out = append(out, strings.Trim(strings.TrimSpace(v), `"`)) }
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth <= 0:
			add(s[from:i])
			from = i + 1
		}
	}
	add(s[from:])
	return out
}

// number is field i as a number, or -1.
func number(f []string, i int) int {
	if i < 0 || i >= len(f) {
		return -1
	}
	n, err := strconv.Atoi(f[i])
	if err != nil {
		return -1
	}
	return n
}

// urc is an unsolicited line.
type urc struct {
	name string
	args []string
	pdu  string
	two  bool // a PDU follows
	boot bool
}

func newURC(s string) urc {
	if bootLines[s] {
		return urc{name: s, boot: true}
	}
	name, _, _ := strings.Cut(s, ":")
	return urc{name: name, args: fields(s), two: indications[name]}
}
