package engine

import (
	"bytes"
	"context"
	"errors"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// errOtherTx: an answer that only its transaction number ties to a request, and
// which has another.
var errOtherTx = errors.New("command packet is no answer to this transaction")

// open looks for the one that is authentic among what the parts of a message
// can be: anybody may have sent some of them, also those of an older answer that he
// has seen. It leaves that one in j, rather one to a packet of this flight.
func (x *inbox) open(f *flight, j *store.Joined) (h carriage.Heard, err error) {
	var any *carriage.Heard
	var first [2][]byte
	for udh, ud := range j.Choices() {
		h, why := f.open(udh, ud)
		if why != nil && err == nil {
			err = why // of the newest
		}
		if why != nil {
			continue
		}
		if _, ours := f.asked(&h); ours {
			j.UDH, j.UD = udh, ud
			return h, nil
		}
		if any == nil {
			any, first = &h, [2][]byte{udh, ud}
		}
	}
	if any != nil {
		j.UDH, j.UD = first[0], first[1]
		return *any, nil
	}
	if err == nil {
		err = ota.ErrLength // no choice has the length that it says
	}
	return h, err
}

func (f *flight) open(udh, ud []byte) (carriage.Heard, error) {
	_, cpi, err := sms.ParseConcat(udh)
	if err != nil {
		return carriage.Heard{}, carriage.ErrMark
	}
	h, err := f.ring.way.Open(make([]byte, 0, len(ud)+3), &f.ring.expected, cpi, ud)
	if err == nil && h.Response == nil && h.Request == nil {
		// It may be an old one, or a packet of ours that somebody sends back:
		// with another transaction number it changes nothing.
		if a, err := applet.ParseAnswer(h.INT6); err != nil || a.Transaction != f.tx.AppletTxn {
			return carriage.Heard{}, errOtherTx
		}
	}
	return h, err
}

// asked finds the packet of this flight to which something from the card answers.
// An answer that names neither a counter nor a request has been compared before.
func (f *flight) asked(h *carriage.Heard) (store.Packet, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.packets) - 1; i >= 0; i-- {
		p := &f.packets[i]
		switch {
		case h.Response != nil && p.CNTR == h.Response.CNTR && p.TAR == h.Response.TAR && !p.Applet,
			h.Request != nil && bytes.Equal(p.Request[:], h.Request),
			h.Response == nil && h.Request == nil:
			return *p, true
		}
	}
	return store.Packet{}, false
}

// named is how the rows find the packet to which something from a card answers.
func named(iccid ota.ICCID, h *carriage.Heard) store.Packet {
	p := store.Packet{ICCID: iccid}
	if h.Request != nil {
		p.Request = [16]byte(h.Request)
	}
	if h.Response != nil {
		p.TAR, p.CNTR = h.Response.TAR, h.Response.CNTR
	}
	return p
}

// counted is the counter that an answer packet of the applet uses up, and what it proves
// about the applet's keys; nil when it has none of its own.
func (c *core) counted(r *keyring, iccid ota.ICCID, h *carriage.Heard, packet []byte) (*store.Heard, error) {
	if h.Set == 0 {
		return nil, nil
	}
	out := &store.Heard{ICCID: iccid, KVN: h.Set, CNTR: h.Counter, Digest: store.DigestOf(packet)}
	if r == nil {
		return out, nil
	}
	err := c.proof(r, out)
	return out, err
}

// repeated counts an answer packet that has no effect, and says what it means: a card
// sends the same octets again, and never others under a counter that it has used.
func (x *inbox) repeated(ctx context.Context, iccid ota.ICCID, h *store.Heard) (kind string, err error) {
	if h == nil {
		return "", nil
	}
	err = x.o.Store.HeardBefore(ctx, *h)
	return x.echo(iccid, h, err)
}

// echo is what an error of the store about the counter of an answer packet means.
func (x *inbox) echo(iccid ota.ICCID, h *store.Heard, err error) (kind string, _ error) {
	switch {
	case errors.Is(err, store.ErrHeard):
		return "duplicate", nil
	case errors.Is(err, store.ErrTwin):
		kind = "twin"
		x.log.Error("a card has used a counter twice: it was copied, or somebody has its keys; the packet changes nothing", "iccid", iccid, "kvn", h.KVN, "cntr", h.CNTR.String())
	case errors.Is(err, store.ErrOld):
		kind = "old"
		x.log.Warn("an answer has a counter far below the last one: it changes nothing", "iccid", iccid, "kvn", h.KVN, "cntr", h.CNTR.String())
	default:
		return "", err
	}
	x.m.security(kind)
	return kind, nil
}

// unasked counts an authentic answer packet to a request that this server has
// never made: somebody else prompts with the card's keys, or what is stored is older than
// the card. Its octets are not kept.
func (x *inbox) unasked(iccid ota.ICCID, h *store.Heard) {
	x.m.security("unasked")
	x.log.Error("a card has answered a request that this service has not made: somebody else has its keys, or an old backup was restored", "iccid", iccid, "kvn", h.KVN, "cntr", h.CNTR.String())
}
