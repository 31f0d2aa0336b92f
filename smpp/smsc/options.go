package smsc

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// Account is one application that may bind.
type Account struct {
	SystemID string
	Password string
	// Numbers are the short numbers whose messages go to this account, 3 to 15
	// digits. The first is the source of what is submitted without one.
	Numbers []string
	Binds   BindKinds // allowed [AnyBind]
	// MaxBinds at the same time [10].
	MaxBinds int
	// Window is the number of deliver_sm under way on one bind [10].
	Window int
	// Rate is the number of messages taken a second, over all binds; what is
	// more gets ESME_RTHROTTLED (SMPP 3.4 5.1.3). 0 is no limit.
	Rate float64
}

// BindKinds is a set of kinds of bind.
type BindKinds byte

// Kinds of bind (SMPP 3.4 4.1).
const (
	Receiver    BindKinds = 1
	Transmitter BindKinds = 2
	Transceiver BindKinds = 4
	AnyBind               = Receiver | Transmitter | Transceiver
)

func (k BindKinds) receives() bool { return k&(Receiver|Transceiver) != 0 }
func (k BindKinds) submits() bool  { return k&(Transmitter|Transceiver) != 0 }

// Receipts say how delivery receipts look. The zero value has the text of
// SMPP 3.4 appendix B and the parameters receipted_message_id and message_state.
type Receipts struct {
	NoText, NoTLV bool // both: there are none
	// ID is the form of the id in receipts where it differs from that in the
	// response, as with centres that answer in hexadecimal and report in decimal.
	ID *IDFormat
	// First sends the receipt before the response where the message ends soon.
	First bool
}

// Limits bound memory and time. Zero values take the defaults in brackets.
type Limits struct {
	Conns       int           // connections; the oldest that is not bound gives way to a new one [200]
	Messages    int           // submitted and not at their end [20,000]
	Octets      int           // of those [16 MiB]
	Finals      int           // at their end, for query_sm [10,000]
	Keep        time.Duration // how long those are remembered [15 min]
	PerAccount  int           // deliver_sm waiting for one account, and receipts to come [30,000]
	Validity    time.Duration // validity_period (SMPP 3.4 5.2.16) when the ESME gives none, and for deliver_sm [24 h]
	MaxValidity time.Duration // [7 days]
	RetryFirst  time.Duration // pause before another try; doubles [5 s]
	RetryMost   time.Duration // [5 min]
	BindTimeout time.Duration // a connection must bind within: session_init_timer of SMPP 3.4 7.2 [10 s]
	Response    time.Duration // a deliver_sm must be answered within: response_timer [10 s]
	Enquire     time.Duration // silence after which the link is asked: enquire_link_timer [30 s]
}

// Options of an SMSC. Zero values take the defaults in brackets.
type Options struct {
	Accounts []Account
	Network  *loopback.Network // [one of its own]
	// Sink names numbers that need no handset: what is sent to them counts as
	// delivered at once. [none]
	Sink     func(sms.MSISDN) bool
	SystemID string // ours in bind responses (SMPP 3.4 4.1.2) ["simsign"]
	IDs      IDFormat
	Receipts Receipts
	NoAlerts bool // no alert_notification (SMPP 3.4 4.12) when a subscriber is back
	Faults   *Script
	// Ledger hears what was promised, before the promise leaves. It is called
	// with a lock held: it must neither block nor call the SMSC.
	Ledger func(Entry)
	// Trace sees every PDU; link numbers the connections from 1.
	Trace  func(link uint64, out bool, pdu []byte)
	Limits Limits
	Logger *slog.Logger     // [none]
	Clock  func() time.Time // for stamps and validity [time.Now]
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (o *Options) defaults() {
	def(&o.SystemID, "simsign")
	l := &o.Limits
	def(&l.Conns, 200)
	def(&l.Messages, 20_000)
	def(&l.Octets, 16<<20)
	def(&l.Finals, 10_000)
	def(&l.Keep, 15*time.Minute)
	def(&l.PerAccount, 30_000)
	def(&l.Validity, 24*time.Hour)
	def(&l.MaxValidity, 7*24*time.Hour)
	def(&l.RetryFirst, 5*time.Second)
	def(&l.RetryMost, 5*time.Minute)
	def(&l.BindTimeout, 10*time.Second)
	def(&l.Response, 10*time.Second)
	def(&l.Enquire, 30*time.Second)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// ErrAccount: an account cannot be used; the text says why.
var ErrAccount = errors.New("account")

// check says what is wrong with an account and reads its numbers. The lengths
// are those of SMPP 3.4 5.2.1 and 5.2.2, less the terminator.
func (a *Account) check() ([]sms.MSISDN, error) {
	if a.SystemID == "" || len(a.SystemID) > 15 || strings.ContainsRune(a.SystemID, 0) {
		return nil, fmt.Errorf("%w %q: the system id has 1 to 15 characters", ErrAccount, a.SystemID)
	}
	if len(a.Password) > 8 || strings.ContainsRune(a.Password, 0) {
		return nil, fmt.Errorf("%w %q: the password has at most 8 characters", ErrAccount, a.SystemID)
	}
	numbers := make([]sms.MSISDN, 0, len(a.Numbers))
	for _, n := range a.Numbers {
		m, err := sms.ParseMSISDN(n)
		if err != nil {
			return nil, fmt.Errorf("%w %q: number %q: %w", ErrAccount, a.SystemID, n, err)
		}
		numbers = append(numbers, m)
	}
	def(&a.Binds, AnyBind)
	def(&a.MaxBinds, 10)
	def(&a.Window, 10)
	return numbers, nil
}

// ParseAccount reads SYSTEM_ID:PASSWORD:NUMBER[,NUMBER...], the form of the
// command line.
func ParseAccount(s string) (Account, error) {
	parts := strings.SplitN(s, ":", 3)
	if len(parts) < 2 {
		return Account{}, fmt.Errorf("%w: write SYSTEM_ID:PASSWORD:NUMBER", ErrAccount)
	}
	a := Account{SystemID: parts[0], Password: parts[1]}
	if len(parts) == 3 && parts[2] != "" {
		a.Numbers = strings.Split(parts[2], ",")
	}
	_, err := a.check()
	return a, err
}

// address is a number of ours in SMPP (SMPP 3.4 5.2.5): short ones have no
// international form.
func address(n sms.MSISDN) smpp.Address {
	if len(n) <= 6 {
		return smpp.Address{TON: 0, NPI: 1, Addr: string(n)}
	}
	return smpp.Address{TON: 1, NPI: 1, Addr: string(n)}
}
