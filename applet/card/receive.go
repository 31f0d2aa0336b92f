package card

import (
	"errors"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// received is a command packet that passed every check, with what is needed
// to answer it.
type received struct {
	origin
	message applet.Message
	err     error // of Parse
	data    []byte
	// inline: nobody was asked yet, and the answer may go into the
	// SMS-DELIVER-REPORT; it is then left in report.
	inline bool
	report []byte
	done   bool // the answer is made: who asks again is answered from memory
}

// origin says how a packet is answered: TAR and counter are echoed, the keys
// and SPI2 are those of the command.
type origin struct {
	spi  ota.SPI
	kvn  byte
	cntr ota.CNTR
	from sms.Address // where answers go when no server address is set
}

// maxReport is the most that an SMS-DELIVER-REPORT carries for the card.
const maxReport = 128

// receive checks a command packet and gives the user data of the
// SMS-DELIVER-REPORT. The order is: level, keys, checksum, TAR, counter; the
// counter is stored before anything runs. Nothing below the card's level and
// nothing unauthenticated ever makes the card ask the user or send a message.
func (c *Card) receive(packet []byte, from sms.Address) []byte {
	c.trace(EventPacket, "command packet", "", packet)
	h, err := ota.ParseHeader(packet)
	if err != nil {
		c.log.Warn("packet refused", "err", err)
		return nil
	}
	if !atLeast(h.SPI[0], c.opt.MSL) {
		return c.refuse(h, ota.StatusSecurityLevel)
	}
	kvn := h.KIc >> 4
	ks := c.keySets[kvn]
	if ks == nil || h.KID>>4 != kvn && h.SPI.Integrity() == ota.IntegrityCC {
		return c.refuse(h, ota.StatusUnidentified)
	}
	cmd, err := ks.Open(nil, packet)
	switch {
	case errors.Is(err, ota.ErrIntegrity):
		return c.refuse(h, ota.StatusIntegrity)
	case errors.Is(err, ota.ErrPadding), err == nil && cmd.Block > 0 && int(cmd.PCNTR) >= cmd.Block:
		return c.refuse(h, ota.StatusCiphering)
	case err != nil:
		c.log.Warn("packet refused", "err", err)
		return c.refuse(h, ota.StatusUnidentified)
	}
	o := origin{spi: cmd.SPI, kvn: kvn, cntr: cmd.CNTR, from: from}
	if cmd.TAR != c.opt.TAR {
		return c.report(o, cmd.TAR, ota.StatusTARUnknown)
	}
	if st := c.checkCounter(kvn, cmd.SPI.Counter(), cmd.CNTR); st != ota.StatusOK {
		return c.report(o, cmd.TAR, st)
	}
	return c.accept(o, cmd.Data)
}

// accept hands a message to the applet.
func (c *Card) accept(o origin, data []byte) []byte {
	c.trace(EventMessage, "INT6 message", "", data)
	r := &received{origin: o, data: data, inline: o.spi.PoR() == ota.PoRAlways && !o.spi.PoRSubmit()}
	r.message, r.err = applet.Parse(data)
	// The counter must be durable before the command runs.
	if c.nv.commit() != nil {
		return nil
	}
	if same := c.waiting(r.message.Transaction); same != nil {
		// Asked again while the user is being asked: one answer, to the later.
		same.origin, same.inline = o, false
	} else {
		c.enqueue(&job{run: (*session).answerMessage, msg: r})
		if c.running == nil {
			c.advance()
		}
	}
	if r.report != nil {
		return r.report
	}
	r.inline = false
	if o.spi.PoR() != ota.PoRAlways {
		return nil
	}
	return c.seal(o, ota.StatusFollowsInSubmit, nil, true)
}

// waiting finds the message of a transaction that is running or queued.
func (c *Card) waiting(transaction uint32) *received {
	if transaction == 0 {
		return nil
	}
	if s := c.running; s != nil && s.job.msg != nil && !s.job.msg.done && s.job.msg.message.Transaction == transaction {
		return s.job.msg
	}
	for _, j := range c.queue {
		if j.msg != nil && j.msg.message.Transaction == transaction {
			return j.msg
		}
	}
	return nil
}

// atLeast compares SPI1 octets: integrity, ciphering and counter each must
// reach the minimum. A digital signature is not an integrity that we check.
func atLeast(spi1, msl byte) bool {
	s, m := ota.SPI{spi1}, ota.SPI{msl}
	return s.Integrity() >= m.Integrity() && s.Integrity() != ota.IntegrityDS &&
		(s.Ciphered() || !m.Ciphered()) && s.Counter() >= m.Counter()
}

// checkCounter compares with the last counter of the key set and takes the
// new one (TS 102 225 5.1.4). The caller commits.
func (c *Card) checkCounter(kvn byte, mode ota.CounterMode, n ota.CNTR) ota.ResponseStatus {
	if mode == ota.CounterNone || mode == ota.CounterUnchecked {
		return ota.StatusOK
	}
	last := decodeCounter(c.nv.get(keyCounter(kvn)))
	switch {
	case last == ota.MaxCNTR:
		return ota.StatusCounterBlocked
	case n <= last:
		return ota.StatusCounterLow
	case mode == ota.CounterNext && n != last+1:
		return ota.StatusCounterHigh
	}
	c.nv.put(keyCounter(kvn), encodeCounter(n))
	return ota.StatusOK
}

// refuse answers a packet that is not authenticated: in clear, counter 0, and
// only in the SMS-DELIVER-REPORT, so that nobody can make the card send short
// messages or sign chosen octets (SRLabs 2013).
func (c *Card) refuse(h ota.Header, st ota.ResponseStatus) []byte {
	c.log.Warn("packet refused", "spi", h.SPI.String(), "status", st.String())
	if c.opt.Mute || h.SPI.PoR() != ota.PoRAlways && h.SPI.PoR() != ota.PoROnError {
		return nil
	}
	b := []byte{0x02, 0x71, 0x00}
	for _, ks := range c.keySets { // any: a plain answer uses no key
		b, err := ks.SealResponse(b, h.SPI.PlainPoR(), &ota.Response{TAR: h.TAR, Status: st})
		if err != nil {
			return nil
		}
		return b
	}
	return nil
}

// report answers an authenticated packet with an error, on the way that its
// SPI2 asks for.
func (c *Card) report(o origin, tar ota.TAR, st ota.ResponseStatus) []byte {
	c.log.Warn("packet refused", "spi", o.spi.String(), "cntr", o.cntr.String(), "status", st.String())
	if p := o.spi.PoR(); p != ota.PoRAlways && p != ota.PoROnError {
		return nil
	}
	ks := c.keySets[o.kvn]
	packet, err := ks.SealResponse(nil, o.spi, &ota.Response{TAR: tar, CNTR: o.cntr, Status: st})
	if err != nil {
		c.log.Error("answer cannot be sealed", "err", err)
		return nil
	}
	if !o.spi.PoRSubmit() {
		return append([]byte{0x02, 0x71, 0x00}, packet...)
	}
	c.enqueue(&job{run: func(s *session) { s.submit(packet, s.c.destination(o)) }})
	if c.running == nil {
		c.advance()
	}
	return nil
}

// seal makes a response packet for our TAR, with the UDH in front when it is
// for an SMS-DELIVER-REPORT.
func (c *Card) seal(o origin, st ota.ResponseStatus, data []byte, udh bool) []byte {
	b := make([]byte, 0, 64+len(data))
	if udh {
		b = append(b, 0x02, 0x71, 0x00)
	}
	b, err := c.keySets[o.kvn].SealResponse(b, o.spi, &ota.Response{TAR: c.opt.TAR, CNTR: o.cntr, Status: st, Data: data})
	if err != nil {
		c.log.Error("answer cannot be sealed", "err", err)
		return nil
	}
	c.trace(EventPacket, "response packet", st.String(), b)
	return b
}
