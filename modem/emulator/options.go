package emulator

import (
	"errors"
	"log/slog"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// Card is the SIM in the modem as a reader sees it: one APDU in, one answer
// out. *card.Card is one.
type Card interface {
	Transmit(apdu []byte) []byte
}

// Identity is what the modem says of itself.
type Identity struct {
	Manufacturer, Model, Revision string
	IMEI                          string // 15 digits
}

// Options make a modem. Number is required.
type Options struct {
	Number sms.MSISDN        // of the subscription; +CNUM
	Dial   loopback.DialFunc // the way to the network; nil is a modem without antenna
	Card   Card              // nil is an empty slot
	// HostToolkit leaves the card's toolkit to the host (+CUSATE, +CUSATP,
	// +CUSATT): messages for the card are handed over like others.
	// Otherwise the modem gives them to the card itself and the host never sees them.
	HostToolkit bool

	PIN, PUK string // of the SIM; "" is a SIM without PIN. PUK "" is 12345678
	Identity Identity
	SMSC     string        // +CSCA, with "+"; "" is +0000001
	Operator string        // five or six digits; "" is 99901, a test network
	SM, ME   int           // slots of the SIM's and of the modem's message memory; 0 is 20 and 100
	CSMS     []int         // services of +CSMS=?; nil is 0 and 1
	DS       []int         // values of <ds> that +CNMI takes; nil is 0, 1, 2
	AckPDU   bool          // +CMGS gives the network's report when +CSMS=1
	AckWait  time.Duration // for +CNMA; 0 is 15 s
	Answer   time.Duration // for the network's answer to a submission; 0 is 45 s
	// Reenumerate makes a reset (+CFUN=1,1) and Reboot leave the bus for so
	// long, as USB modems do; 0 keeps the port.
	Reenumerate time.Duration

	Logger *slog.Logger
	Clock  func() time.Time
	// Trace sees the octets that the modem reads (toHost false) and writes.
	// It is called with a lock held and must not block or call the modem.
	Trace func(toHost bool, b []byte)
}

func (o *Options) complete() error {
	if _, err := sms.ParseMSISDN(string(o.Number)); err != nil {
		return errors.New("emulated modem needs a Number of 3 to 15 digits")
	}
	def(&o.PUK, "12345678")
	def(&o.Identity.Manufacturer, "simsign")
	def(&o.Identity.Model, "EMU900")
	def(&o.Identity.Revision, "1.0")
	def(&o.Identity.IMEI, "490154203237518")
	def(&o.SMSC, "+0000001")
	def(&o.Operator, "99901")
	def(&o.SM, 20)
	def(&o.ME, 100)
	def(&o.AckWait, 15*time.Second)
	def(&o.Answer, 45*time.Second)
	if o.CSMS == nil {
		o.CSMS = []int{0, 1}
	}
	if o.DS == nil {
		o.DS = []int{0, 1, 2}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
