package engine

import (
	"errors"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Why a packet is no answer to the transaction at the card, beside what package
// ota finds.
var (
	errNoMark   = errors.New("no mark of a secured packet in its first part")
	errOtherTAR = errors.New("for an application that was not asked")
	errOtherTx  = errors.New("command packet is no answer to this transaction")
)

// opened is an authentic packet: a response, or where the applet answers with a
// command packet of its own counter, the INT6 message in it.
type opened struct {
	response ota.Response
	int6     []byte
}

// open looks for the one that is authentic among what the parts of a message
// can be: anybody may have sent some of them, also those of an older answer that he
// has seen. It leaves that one in j, rather one to a packet of this flight.
func (x *inbox) open(f *flight, j *store.Joined) (o opened, err error) {
	p := x.o.CardProfiles[f.request.Card]
	var any *opened
	var first [2][]byte
	for udh, ud := range j.Choices() {
		o, why := openOne(f, &p, udh, ud)
		if why != nil && err == nil {
			err = why // of the newest
		}
		if why != nil {
			continue
		}
		if _, ours := f.packet(o.response.CNTR); ours || o.int6 != nil {
			j.UDH, j.UD = udh, ud
			return o, nil
		}
		if any == nil {
			any, first = &o, [2][]byte{udh, ud}
		}
	}
	if any != nil {
		j.UDH, j.UD = first[0], first[1]
		return *any, nil
	}
	if err == nil {
		err = ota.ErrLength // no choice has the length that it says
	}
	return opened{}, err
}

func openOne(f *flight, p *mssp.CardProfile, udh, ud []byte) (o opened, err error) {
	_, cpi, err := sms.ParseConcat(udh)
	if err != nil || cpi == sms.NoCPI {
		return o, errNoMark
	}
	sec := ota.Security{SPI: p.SPI, Lab: p.Lab}
	if cpi == sms.CommandCPI {
		o.int6, err = openCommand(f, p, sec, ud)
		return o, err
	}
	o.response, err = f.set.OpenResponse(make([]byte, 0, len(ud)+3), ud, p.SPI)
	if err == nil {
		err = sec.CheckResponse(p.SPI, &o.response)
	}
	return o, err
}

// openCommand opens an answer that the applet sent as a command packet of its
// own counter, as some card profiles have it. The transaction number in
// it, which is used once, is all that ties it to the request: without it the
// packet changes nothing. It may be an old one, or one of our own packets that
// somebody sends back to us, which has the right keys and TAR.
func openCommand(f *flight, p *mssp.CardProfile, sec ota.Security, ud []byte) ([]byte, error) {
	c, err := f.set.Open(nil, ud)
	if err == nil {
		err = sec.CheckIncoming(&c)
	}
	if err != nil {
		return nil, err
	}
	if c.TAR != p.TAR {
		return nil, errOtherTAR
	}
	if a, err := applet.ParseAnswer(c.Data); err != nil || a.Transaction != f.tx.AppletTxn {
		return nil, errOtherTx
	}
	return c.Data, nil
}
