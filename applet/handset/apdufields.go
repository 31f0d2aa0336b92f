package handset

import "fmt"

// selectable names the files that a handset selects (TS 102 221 13.1 to 13.4,
// TS 31.102 4.2).
var selectable = map[uint16]string{
	0x3F00: "MF", 0x2FE2: "EF.ICCID", 0x2F00: "EF.DIR", 0x2F05: "EF.PL", 0x7FFF: "ADF.USIM", 0x7F20: "DF.GSM", 0x7F10: "DF.TELECOM",
	0x6F07: "EF.IMSI", 0x6F38: "EF.UST", 0x6F42: "EF.SMSP", 0x6F46: "EF.SPN", 0x6FAD: "EF.AD",
}

// commandFields decodes a command APDU for the trace: header, and what
// follows it (TS 102 221 10.1).
func commandFields(b []byte) []Field {
	if len(b) < 4 {
		return nil
	}
	f := []Field{{"CLA INS", fmt.Sprintf("%02X %02X", b[0], b[1])}, {"P1 P2", fmt.Sprintf("%02X %02X", b[2], b[3])}}
	switch n := len(b) - 5; {
	case n == 0:
		f = append(f, Field{"Le", fmt.Sprint(expected(b[4]))})
	case n > 0:
		f = append(f, Field{"Lc", fmt.Sprintf("%d octets", b[4])})
	}
	if b[1] != insSelect || len(b) < 7 {
		return f
	}
	if b[2] == 0x04 {
		return append(f, Field{"AID", fmt.Sprintf("%X", b[5:min(len(b), 5+int(b[4]))])})
	}
	id := uint16(b[5])<<8 | uint16(b[6])
	return append(f, Field{"file", fmt.Sprintf("%04X %s", id, selectable[id])})
}

// expected is the length that Le asks for; 0 stands for 256.
func expected(le byte) int {
	if le == 0 {
		return 256
	}
	return int(le)
}

// responseFields decodes a response APDU for the trace.
func responseFields(r []byte) []Field {
	n := len(r) - 2
	sw := status(r[n])<<8 | status(r[n+1])
	f := []Field{{"status", sw.String() + " " + sw.meaning()}}
	if n > 0 {
		f = append(f, Field{"data", fmt.Sprintf("%d octets", n)})
	}
	return f
}

// meaning is what a status says, in words (TS 102 221 10.2.1).
func (s status) meaning() string {
	switch s {
	case statusOK:
		return "done"
	case statusBusy:
		return "toolkit is busy"
	case 0x6A82:
		return "no such file"
	case 0x6A86:
		return "wrong P1 P2"
	case 0x6D00:
		return "instruction unknown"
	case 0x6E00:
		return "class unknown"
	}
	switch s.sw1() {
	case 0x91:
		return fmt.Sprintf("done, a proactive command of %d octets waits", expected(s.sw2()))
	case 0x61, 0x9F:
		return fmt.Sprintf("%d octets to be had with GET RESPONSE", expected(s.sw2()))
	case 0x6C:
		return fmt.Sprintf("wrong length, %d octets are there", expected(s.sw2()))
	case 0x67:
		return "wrong length"
	case 0x62, 0x63:
		return "warning"
	}
	return "error"
}
