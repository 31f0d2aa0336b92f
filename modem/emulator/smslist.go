package emulator

import (
	"fmt"
	"slices"
	"strconv"
)

// pdu is a message as PDU mode shows it: service centre and TPDU in hex.
func (msg *message) pdu() string {
	b := append([]byte{byte(len(msg.sca))}, msg.sca...)
	return fmt.Sprintf("%X%X", b, msg.tpdu)
}

// cmgl is +CMGL (TS 27.005 3.4.2, TS 27.005 4.1): the messages of the first memory.
func cmgl(x *execution, c command) final {
	m := x.m
	if c.form == test {
		if m.set.text {
			x.info(`+CMGL: ("REC UNREAD","REC READ","STO UNSENT","STO SENT","ALL")`)
		} else {
			x.info("+CMGL: (0-4)")
		}
		return ok
	}
	if f := m.sim.noSMS(); f != ok {
		return f
	}
	want := unread
	if a := fields(c.args); len(a) > 0 {
		n := slices.Index(statusNames[:], a[0])
		if !m.set.text {
			var err error
			if n, err = strconv.Atoi(a[0]); err != nil {
				n = -1
			}
		}
		if n < 0 || n > int(all) {
			return failSMS(cmsOperation)
		}
		want = status(n)
	}
	s := m.mem[m.set.mem[0]]
	for i, msg := range s.slots {
		if msg == nil || want != all && msg.status != want {
			continue
		}
		if m.set.text {
			x.info("+CMGL: %d,\"%s\",%s", i+1, statusNames[msg.status], m.set.toText(msg, m.sim.smsc, true))
		} else {
			x.info("+CMGL: %d,%d,,%d\r\n%s", i+1, msg.status, len(msg.tpdu), msg.pdu())
		}
		if msg.status == unread {
			msg.status = seen
		}
	}
	return ok
}

// cmgr is +CMGR (TS 27.005 3.4.3, TS 27.005 4.2): one message, which is then read.
func cmgr(x *execution, c command) final {
	m := x.m
	if c.form == test {
		return ok
	}
	if f := m.sim.noSMS(); f != ok {
		return f
	}
	i, err := strconv.Atoi(c.args)
	msg := m.mem[m.set.mem[0]].at(i)
	if err != nil || msg == nil {
		return failSMS(cmsIndex)
	}
	if m.set.text {
		x.info("+CMGR: \"%s\",%s", statusNames[msg.status], m.set.toText(msg, m.sim.smsc, false))
	} else {
		x.info("+CMGR: %d,,%d\r\n%s", msg.status, len(msg.tpdu), msg.pdu())
	}
	if msg.status == unread {
		msg.status = seen
	}
	return ok
}

// cmgd is +CMGD: one message, or by delflag 1 all read, 2 also sent, 3 also
// unsent, 4 all (TS 27.005 3.5.4).
func cmgd(x *execution, c command) final {
	m := x.m
	s := m.mem[m.set.mem[0]]
	if c.form == test {
		var used []int
		for i, msg := range s.slots {
			if msg != nil {
				used = append(used, i+1)
			}
		}
		x.info("+CMGD: %s,(0-4)", list(used))
		return ok
	}
	if f := m.sim.noSMS(); f != ok {
		return f
	}
	a := fields(c.args)
	if len(a) == 0 || len(a) > 2 {
		return failSMS(cmsIndex)
	}
	i, err := strconv.Atoi(a[0])
	flag := 0
	if err == nil && len(a) == 2 {
		flag, err = strconv.Atoi(a[1])
	}
	if err != nil || flag < 0 || flag > 4 || flag == 0 && (i < 1 || i > len(s.slots)) {
		return failSMS(cmsIndex)
	}
	for k, msg := range s.slots {
		if msg == nil {
			continue
		}
		del := k == i-1
		if flag > 0 {
			del = flag == 4 || msg.status == seen || flag >= 2 && msg.status == sent || flag >= 3 && msg.status == unsent
		}
		if del {
			s.slots[k] = nil
		}
	}
	m.radio.roomAgain()
	return ok
}
