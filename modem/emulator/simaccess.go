package emulator

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// cimi is +CIMI (TS 27.007 5.6), from EF IMSI (TS 31.102 4.2.2).
func cimi(x *execution, c command) final {
	if c.form == test {
		return ok
	}
	if f := x.m.sim.unusable(); f != ok {
		return f
	}
	b := x.m.sim.file(0x6F07)
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
	if x.m.sim.card == nil {
		return fail(cmeNoSIM)
	}
	x.info("%s: %s", c.name, digits(x.m.sim.file(0x2FE2)))
	return ok
}

// cnum is +CNUM (TS 27.007 7.1).
func cnum(x *execution, c command) final {
	if c.form == test {
		return ok
	}
	if f := x.m.sim.unusable(); f != ok {
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
	if f := m.sim.unusable(); f != ok && f.code == cmeNoSIM {
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
	if len(a) > 1 && fid != 0x2FE2 && !m.sim.pin.ready() {
		return m.sim.unusable()
	}
	data, sw := []byte(nil), uint16(0x9000)
	if len(a) > 1 {
		data, sw = m.sim.selectFile(fid)
	}
	switch {
	case sw == 0x6A82:
	case n[0] == 192 && len(a) > 1:
	case n[0] == 176 || n[0] == 178:
		data, sw = m.sim.apdu([]byte{0, byte(n[0]), byte(n[2]), byte(n[3]), byte(n[4])})
	case (n[0] == 214 || n[0] == 220) && len(a) > 5:
		b, err := hex.DecodeString(a[5])
		if err != nil || len(b) != n[4] {
			return fail(cmeParameters)
		}
		data, sw = m.sim.apdu(append([]byte{0, byte(n[0]), byte(n[2]), byte(n[3]), byte(n[4])}, b...))
	case n[0] == 242:
		data, sw = m.sim.apdu([]byte{0x80, 242, 0, 0, byte(n[4])})
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
	if m.sim.card == nil {
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
	r := strings.ToUpper(hex.EncodeToString(m.sim.card.Transmit(b)))
	x.info(`+CSIM: %d,"%s"`, len(r), r)
	return ok
}

func simstate(x *execution, _ command) final {
	n := 0
	if x.m.sim.card != nil {
		n = 1
	}
	x.info("+SIMSTATE: %d", n)
	return ok
}
