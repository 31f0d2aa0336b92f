package card

import (
	"errors"
	"log/slog"

	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// packetSecurity opens the command packets that reach the card and seals its
// answers (TS 102 225 5.1, TS 102 225 5.2): level, key sets and counters are
// those of the card.
type packetSecurity struct {
	profile *Profile
	log     *slog.Logger
	observe observer
	nv      *nvm
	keySets map[byte]*ota.KeySet
}

// opened is a command packet that was authenticated.
type opened struct {
	uicc.Origin
	kic    byte
	kid    byte
	tar    ota.TAR
	data   []byte
	status ota.ResponseStatus // OK: the packet is for the applet and not a replay
}

// authentic says whether whoever made the packet has keys of the domain.
func (o *opened) authentic() bool { return o.SPI.Integrity() == ota.IntegrityCC }

// maxReport is the most that an SMS-DELIVER-REPORT carries for the card.
const maxReport = 128

// responseUDH is the header in front of a response packet: element 71, empty
// (TS 31.115 4.4).
const responseUDH = "\x02\x71\x00"

// open checks a command packet. The order is: level, keys, checksum, TAR,
// counter (INT6, Carriages). When ok is false the packet is not authenticated,
// and refusal is all that may be said about it.
func (p *packetSecurity) open(packet []byte, from sms.Address) (o opened, refusal []byte, ok bool) {
	p.observe.see(EventPacket, "command packet", "", packet)
	h, err := ota.ParseHeader(packet)
	if err != nil {
		p.log.Warn("packet refused", "error", err)
		return o, nil, false
	}
	if !atLeast(h.SPI[0], p.profile.level(h.TAR)) {
		return o, p.refuse(h, ota.StatusSecurityLevel), false
	}
	kvn := h.KIc >> 4
	ks := p.keySets[kvn]
	if h.SPI == (ota.SPI{}) && h.TAR == p.profile.TAR && p.profile.Carriage == (carriage.Own{}).Name() {
		ks = noKeys // around a packet that is sealed itself; the applet sees to that
	} else if ks == nil || h.KID>>4 != kvn && h.SPI.Integrity() == ota.IntegrityCC {
		return o, p.refuse(h, ota.StatusUnidentified), false
	}
	cmd, err := ks.Open(nil, packet)
	switch {
	case errors.Is(err, ota.ErrIntegrity):
		return o, p.refuse(h, ota.StatusIntegrity), false
	case errors.Is(err, ota.ErrPadding), err == nil && cmd.Block > 0 && int(cmd.PCNTR) >= cmd.Block:
		return o, p.refuse(h, ota.StatusCiphering), false
	case err != nil:
		p.log.Warn("packet refused", "error", err)
		return o, p.refuse(h, ota.StatusUnidentified), false
	}
	o = opened{uicc.Origin{SPI: cmd.SPI, KVN: kvn, CNTR: cmd.CNTR, From: from}, h.KIc, h.KID, cmd.TAR, cmd.Data, ota.StatusOK}
	if o.tar != p.profile.TAR && !p.profile.toNeighbour(o.tar) {
		o.status = ota.StatusTARUnknown
	} else {
		o.status = p.checkCounter(kvn, cmd.SPI.Counter(), cmd.CNTR)
	}
	return o, nil, true
}

// noKeys opens packets without security.
var noKeys = func() *ota.KeySet {
	ks, err := ota.NewKeySet(0, ota.Key{}, ota.Key{}, 0)
	if err != nil {
		panic(err)
	}
	return ks
}()

// atLeast compares SPI1 octets (TS 102 225 5.1.1): integrity, ciphering and
// counter each must reach the minimum. A digital signature is not an integrity
// that we check.
func atLeast(spi1, msl byte) bool {
	s, m := ota.SPI{spi1}, ota.SPI{msl}
	return s.Integrity() >= m.Integrity() && s.Integrity() != ota.IntegrityDS &&
		(s.Ciphered() || !m.Ciphered()) && s.Counter() >= m.Counter()
}

// checkCounter compares with the last counter of the key set and takes the
// new one (TS 102 225 5.1.4). The caller commits.
func (p *packetSecurity) checkCounter(kvn byte, mode ota.CounterMode, n ota.CNTR) ota.ResponseStatus {
	if mode == ota.CounterNone || mode == ota.CounterUnchecked {
		return ota.StatusOK
	}
	last := uicc.Counter(p.nv.Get(keyCounter(kvn)))
	switch {
	case last == ota.MaxCNTR:
		return ota.StatusCounterBlocked
	case n <= last:
		return ota.StatusCounterLow
	case mode == ota.CounterNext && n != last+1:
		return ota.StatusCounterHigh
	}
	p.nv.Put(keyCounter(kvn), uicc.CounterOctets(n))
	return ota.StatusOK
}

// refuse answers a packet that is not authenticated: in clear, counter 0, and
// only in the SMS-DELIVER-REPORT, so that nobody can make the card send short
// messages or sign chosen octets (SRLabs 2013).
func (p *packetSecurity) refuse(h ota.Header, st ota.ResponseStatus) []byte {
	p.log.Warn("packet refused", "spi", h.SPI.String(), "status", st.String())
	if p.profile.Mute || h.SPI.PoR() != ota.PoRAlways && h.SPI.PoR() != ota.PoROnError {
		return nil
	}
	for _, ks := range p.keySets { // any: a plain answer uses no key
		b, err := ks.SealResponse([]byte(responseUDH), h.SPI.PlainPoR(), &ota.Response{TAR: h.TAR, Status: st})
		if err != nil {
			return nil
		}
		return b
	}
	return nil
}

// fault makes the answer to an authenticated packet that is refused; nil when
// SPI2 asks for none.
func (p *packetSecurity) fault(o opened) []byte {
	p.log.Warn("packet refused", "spi", o.SPI.String(), "cntr", o.CNTR.String(), "status", o.status.String())
	if por := o.SPI.PoR(); por != ota.PoRAlways && por != ota.PoROnError {
		return nil
	}
	spi := o.SPI
	if !o.authentic() {
		spi = spi.PlainPoR()
	}
	packet, err := p.keySets[o.KVN].SealResponse(nil, spi, &ota.Response{TAR: o.tar, CNTR: o.CNTR, Status: o.status})
	if err != nil {
		p.log.Error("answer cannot be sealed", "error", err)
		return nil
	}
	return packet
}

// seal makes a response packet for the TAR of an applet, with the UDH in front
// when it is for an SMS-DELIVER-REPORT.
func (p *packetSecurity) seal(tar ota.TAR, o uicc.Origin, st ota.ResponseStatus, data []byte, udh bool) []byte {
	b := make([]byte, 0, 64+len(data))
	if udh {
		b = append(b, responseUDH...)
	}
	b, err := p.keySets[o.KVN].SealResponse(b, o.SPI, &ota.Response{TAR: tar, CNTR: o.CNTR, Status: st, Data: data})
	if err != nil {
		p.log.Error("answer cannot be sealed", "error", err)
		return nil
	}
	p.observe.see(EventPacket, "response packet", st.String(), b)
	return b
}
