package emulator

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Instructions (TS 102 221 10.1.2).
const (
	insSelect      = 0xA4
	insGetResponse = 0xC0
)

// usimAID is the beginning of the identifier of any USIM (TS 101 220 annex E).
const usimAID = "\xA0\x00\x00\x00\x87\x10\x02"

// apdu runs a command with what belongs to it: GET RESPONSE after 61xx and
// 9Fxx, the right length after 6Cxx; mu is held. It returns data and SW.
func (m *Modem) apdu(b []byte) ([]byte, uint16) {
	first := b
	for range 4 {
		r := m.o.Card.Transmit(b)
		if len(r) < 2 {
			return nil, 0x6F00
		}
		data, sw := r[:len(r)-2], uint16(r[len(r)-2])<<8|uint16(r[len(r)-1])
		switch sw >> 8 {
		case 0x61, 0x9F:
			b = []byte{first[0] & 0xF3, insGetResponse, 0, 0, byte(sw)}
			if first[0] == 0x80 {
				b[0] = 0
			}
		case 0x6C:
			b = append(append([]byte(nil), b[:4]...), byte(sw))
		default:
			return data, sw
		}
	}
	return nil, 0x6F00
}

func (m *Modem) selectUSIM() ([]byte, uint16) {
	return m.apdu(append([]byte{0, insSelect, 4, 4, byte(len(usimAID))}, usimAID...))
}

// selectFile finds a file by its identifier in the USIM, the MF or DF.TELECOM.
// DF.GSM is left out: with its EF.PHASE a host would take the USIM for a SIM.
func (m *Modem) selectFile(fid uint16) ([]byte, uint16) {
	by := func(id uint16) ([]byte, uint16) {
		return m.apdu([]byte{0, insSelect, 0, 4, 2, byte(id >> 8), byte(id)})
	}
	for _, path := range [][]uint16{{0x7FFF}, {0x3F00}, {0x3F00, 0x7F10}} {
		if path[0] == 0x7FFF {
			m.selectUSIM()
		} else {
			for _, id := range path {
				by(id)
			}
		}
		if data, sw := by(fid); sw == 0x9000 || sw>>8 == 0x91 {
			return data, sw
		}
	}
	return nil, 0x6A82
}

// file reads a transparent file of the MF or the USIM.
func (m *Modem) file(fid uint16) []byte {
	if _, sw := m.selectFile(fid); sw == 0x6A82 {
		return nil
	}
	data, _ := m.apdu([]byte{0, 0xB0, 0, 0, 0})
	return data
}

func digits(b []byte) string {
	var out []byte
	for _, o := range b {
		for _, d := range [2]byte{o & 15, o >> 4} {
			if d < 10 {
				out = append(out, '0'+d)
			}
		}
	}
	return string(out)
}

func cimi(x *execution, c command) final {
	if c.form == test {
		return ok
	}
	if f := x.m.simError(); f != ok {
		return f
	}
	b := x.m.file(0x6F07)
	if len(b) < 3 {
		return fail(cmeSIMFailure)
	}
	x.info("%s", digits(b[1:min(len(b), 1+int(b[0]))])[1:]) // the first digit is parity
	return ok
}

func ccid(x *execution, c command) final {
	if c.form == test {
		return ok
	}
	if x.m.o.Card == nil {
		return fail(cmeNoSIM)
	}
	x.info("%s: %s", c.name, digits(x.m.file(0x2FE2)))
	return ok
}

func cnum(x *execution, c command) final {
	if c.form == test {
		return ok
	}
	if f := x.m.simError(); f != ok {
		return f
	}
	x.info(`+CNUM: "","+%s",145`, string(x.m.o.Number))
	return ok
}

// crsm is +CRSM (TS 27.007 8.18): files by their identifier, the rest is the
// modem's work.
func crsm(x *execution, c command) final {
	m := x.m
	if c.form == test {
		return ok
	}
	if f := m.simError(); f != ok && f.code == cmeNoSIM {
		return f
	}
	a := fields(c.args)
	n := make([]int, 5)
	for i := range min(len(a), 5) {
		v, err := strconv.Atoi(a[i])
		if err != nil || v < 0 || v > 65535 {
			return fail(cmeParameters)
		}
		n[i] = v
	}
	fid := uint16(n[1])
	if len(a) > 1 && fid != 0x2FE2 && !m.pin.ready() {
		return m.simError()
	}
	data, sw := []byte(nil), uint16(0x9000)
	if len(a) > 1 {
		data, sw = m.selectFile(fid)
	}
	switch {
	case sw == 0x6A82:
	case n[0] == 192 && len(a) > 1:
	case n[0] == 176 || n[0] == 178:
		data, sw = m.apdu([]byte{0, byte(n[0]), byte(n[2]), byte(n[3]), byte(n[4])})
	case (n[0] == 214 || n[0] == 220) && len(a) > 5:
		b, err := hex.DecodeString(a[5])
		if err != nil || len(b) != n[4] {
			return fail(cmeParameters)
		}
		data, sw = m.apdu(append([]byte{0, byte(n[0]), byte(n[2]), byte(n[3]), byte(n[4])}, b...))
	case n[0] == 242:
		data, sw = m.apdu([]byte{0x80, 242, 0, 0, byte(n[4])})
	default:
		return fail(cmeNotSupported)
	}
	if len(data) == 0 {
		x.info("+CRSM: %d,%d", sw>>8, sw&0xFF)
	} else {
		x.info(`+CRSM: %d,%d,"%X"`, sw>>8, sw&0xFF, data)
	}
	return ok
}

// csim is +CSIM (TS 27.007 8.17): one APDU as it is.
func csim(x *execution, c command) final {
	m := x.m
	if c.form == test {
		return ok
	}
	if m.o.Card == nil {
		return fail(cmeNoSIM)
	}
	a := fields(c.args)
	if len(a) != 2 {
		return fail(cmeParameters)
	}
	n, err := strconv.Atoi(a[0])
	b, err2 := hex.DecodeString(a[1])
	if err != nil || err2 != nil || n != len(a[1]) || len(b) < 4 {
		return fail(cmeParameters)
	}
	r := strings.ToUpper(hex.EncodeToString(m.o.Card.Transmit(b)))
	x.info(`+CSIM: %d,"%s"`, len(r), r)
	return ok
}

func simstate(x *execution, _ command) final {
	n := 0
	if x.m.o.Card != nil {
		n = 1
	}
	x.info("+SIMSTATE: %d", n)
	return ok
}
