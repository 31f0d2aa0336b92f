package modem

import (
	"strings"

	"github.com/simsign/simsign/ota"
)

// Info is what a modem has told about itself.
type Info struct {
	Manufacturer, Model, Revision, IMEI string

	ICCID    ota.ICCID
	Lock     string // +CPIN (TS 27.007 8.3): "READY", "SIM PIN", "SIM PUK"...; "" when the modem does not say
	PINTries int    // attempts left, of +CPINR (TS 27.007 8.65); -1: not known

	Registered   bool
	Registration int    // <stat> of +CREG or +CEREG (TS 27.007 7.2); -1: not known
	Operator     string // of +COPS (TS 27.007 7.3)
	Signal       int    // dBm; 0: not known
	SMSC         string // +CSCA (TS 27.005 3.3.1)

	Memories    []string // that are emptied, for example SM and ME (TS 27.005 3.1)
	Stored      int      // messages in them
	Places      int
	Indications [5]int // +CNMI as set (TS 27.005 3.4.1)
	Polling     bool   // the modem announces nothing: messages are found by looking
	Reports     bool   // status reports arrive
}

// SIM names the SIM in the state: its ICCID, or the modem where that cannot be
// read.
func (c *Info) SIM() string {
	if c.ICCID != "" {
		return c.ICCID.String()
	}
	return "imei:" + c.IMEI
}

// registration in words: <stat> of +CREG (TS 27.007 7.2), with what +CEREG has
// beside it (TS 27.007 10.1.22).
func registration(stat int) (registered bool, words string) {
	switch stat {
	case 0:
		return false, "not registered, not searching"
	case 1:
		return true, "registered at home"
	case 2:
		return false, "searching for a network"
	case 3:
		return false, "the network has refused the SIM"
	case 5:
		return true, "registered, roaming"
	case 6:
		return true, "registered at home for short messages only"
	case 7:
		return true, "registered for short messages only, roaming"
	case 8:
		return false, "registered for emergency calls only"
	}
	return false, "unknown"
}

// signal is <rssi> of +CSQ in dBm, 0 when it is not known. TS 27.007 8.5.
func signal(rssi int) int {
	switch {
	case rssi >= 0 && rssi <= 31:
		return -113 + 2*rssi
	case rssi >= 100 && rssi <= 191: // TD-SCDMA
		return -116 + rssi - 100
	}
	return 0
}

// iccidIn finds an ICCID in the lines of an answer: 18 to 20 digits, perhaps
// with a filler.
func iccidIn(lines []string) ota.ICCID {
	for _, l := range lines {
		if _, rest, ok := strings.Cut(l, ":"); ok {
			l = rest
		}
		for word := range strings.FieldsFuncSeq(l, func(r rune) bool { return r == '"' || r == ' ' || r == ',' }) {
			if id, err := ota.ParseICCID(strings.TrimRight(strings.ToUpper(word), "F")); err == nil {
				return id
			}
		}
	}
	return ""
}

// iccidOf reads EF ICCID as +CRSM gives it: digits swapped. TS 102 221 13.2.
func iccidOf(lines []string) ota.ICCID {
	for _, l := range lines {
		f := fields(l)
		if number(f, 0) != 0x90 && number(f, 0) != 0x91 || len(f) < 3 {
			continue
		}
		b := []byte(f[2])
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
		return iccidIn([]string{string(b)})
	}
	return ""
}
