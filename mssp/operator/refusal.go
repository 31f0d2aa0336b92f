package operator

import (
	"fmt"
	"log/slog"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Reason is why an operation was refused, one word for whoever must tell the
// cases apart. The words are part of the protocol of the admin socket.
type Reason string

// Reasons.
const (
	BadRequest        Reason = "bad-request"     // the request is wrong in itself: Detail says what
	NotRunning        Reason = "not-running"     // only the running service can do that
	NoSuchCard        Reason = "no-such-card"    //
	NoSuchUser        Reason = "no-such-user"    //
	NoSuchProvider    Reason = "no-such-ap"      //
	NumberTaken       Reason = "number-taken"    // a user has the number: MSISDN and ICCID are his
	CardTaken         Reason = "card-taken"      // another user has the card: MSISDN and ICCID are his
	ProviderExists    Reason = "ap-exists"       // AP is there, Detail says how
	ProviderChanged   Reason = "ap-changed"      // AP is not what was read, Detail says what it is now
	ProviderRemoved   Reason = "ap-removed"      // AP was removed, Detail says when: its id stays with its history
	CardInService     Reason = "card-in-service" // there is nothing to release
	CounterExact      Reason = "counter-exact"   // the card takes no higher counter
	CAExists          Reason = "ca-exists"       // Detail says which
	NoSuchTransaction Reason = "no-such-tx"      // Detail says it
	TransactionEnded  Reason = "tx-ended"        // Detail says how
	SameChannel       Reason = "same-channel"    // a code would go to the phone on which it is entered: Detail says what to do
	SlotInUse         Reason = "slot-in-use"     // Detail says what is in it
	NoUnblocking      Reason = "no-unblocking"   // nothing is known of a code of this card
	ShownBefore       Reason = "shown-before"    // Detail says when and to whom
	NotDelivered      Reason = "not-delivered"   // a code: Detail says why
	StandingRefused   Reason = "standing"        // of suspension, re-activation, revocation, leaving: Detail says why
	UserAsked         Reason = "user-asked"      // a transaction of this user is open
	NoSuchIssuer      Reason = "no-such-issuer"  // Party is not there
	IssuerExists      Reason = "issuer-exists"   // Party is there, Detail says how
	IssuerRemoved     Reason = "issuer-removed"  // Party was removed, Detail says when
	NoSuchClient      Reason = "no-such-client"  //
	ClientExists      Reason = "client-exists"   //
	ClientRemoved     Reason = "client-removed"  //
)

// Refusal is an operation that was not done, and what is there already. Nothing
// has changed. Error is fit for a log: it shows numbers masked. Whole is for
// the operator.
type Refusal struct {
	Reason Reason     `json:"reason"`
	Detail string     `json:"detail,omitempty"`
	MSISDN sms.MSISDN `json:"msisdn,omitempty"`
	ICCID  ota.ICCID  `json:"iccid,omitempty"`
	AP     mssp.APID  `json:"ap,omitempty"`
	Party  string     `json:"party,omitempty"` // id of a card issuer or a client
	err    error      // of which Detail is the text
}

// ErrNotRunning means that the operation needs the running service: only it
// can reach a card.
var ErrNotRunning = &Refusal{Reason: NotRunning}

// Is compares reasons: errors.Is(err, &Refusal{Reason: CardTaken}).
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal)
	return ok && t.Reason == r.Reason
}

// Unwrap is what was wrong with the request.
func (r *Refusal) Unwrap() error { return r.err }

func (r *Refusal) Error() string {
	return r.text(func(v slog.LogValuer) string { return v.LogValue().String() })
}

// Whole is Error with whole numbers.
func (r *Refusal) Whole() string {
	return r.text(func(v slog.LogValuer) string { return v.(fmt.Stringer).String() })
}

func (r *Refusal) text(show func(slog.LogValuer) string) string {
	switch r.Reason {
	case NotRunning:
		return "this needs the running service (simsign serve)"
	case NoSuchCard:
		return "no card with this iccid: " + show(r.ICCID) + "; import it first (simsign card import)"
	case NoSuchUser:
		return "no user with this number: " + show(r.MSISDN)
	case NoSuchProvider:
		return fmt.Sprintf("no application provider has the id %q", r.AP)
	case NoUnblocking:
		return "no unblocking code of this card is known: " + show(r.ICCID) + "; its user has the code reset (simsign user code reset)"
	case ShownBefore:
		return "the unblocking code of this card: " + r.Detail + "; it is shown again only with --again"
	case NotDelivered:
		return "the code was not delivered, and is worth nothing: " + r.Detail
	case UserAsked:
		return "a request to this user is open: " + show(r.MSISDN) + "; wait for its end, or cancel it"
	case NumberTaken:
		return "a user with this number exists already: " + show(r.MSISDN) + ", with card " + show(r.ICCID)
	case CardTaken:
		return "this card belongs to another user already: card " + show(r.ICCID) + ", user " + show(r.MSISDN)
	case ProviderExists:
		return fmt.Sprintf("an application provider with the id %q exists already: %s", r.AP, r.Detail)
	case ProviderChanged:
		return fmt.Sprintf("the application provider %q has changed since it was read: %s", r.AP, r.Detail)
	case ProviderRemoved:
		return fmt.Sprintf("the application provider %q was removed: %s; its id stays with its history", r.AP, r.Detail)
	case CardInService:
		return "this card is in service already: " + show(r.ICCID) + "; there is nothing to release"
	case CounterExact:
		return "this card takes exactly the next counter: " + show(r.ICCID) + " would refuse a higher one for good"
	}
	return r.aboutParty()
}

// aboutParty is the text of what is refused about an issuer or a client, or Detail.
func (r *Refusal) aboutParty() string {
	switch r.Reason {
	case NoSuchIssuer:
		return fmt.Sprintf("no card issuer has the id %q", r.Party)
	case IssuerExists:
		return fmt.Sprintf("a card issuer with the id %q exists already: %s", r.Party, r.Detail)
	case IssuerRemoved:
		return fmt.Sprintf("the card issuer %q was removed: %s", r.Party, r.Detail)
	case NoSuchClient:
		return fmt.Sprintf("no client has the id %q", r.Party)
	case ClientExists:
		return fmt.Sprintf("a client with the id %q exists already: %s", r.Party, r.Detail)
	case ClientRemoved:
		return fmt.Sprintf("the client %q was removed: %s", r.Party, r.Detail)
	}
	return r.Detail
}

// bad refuses a request that is wrong in itself.
func bad(err error) *Refusal { return &Refusal{Reason: BadRequest, Detail: err.Error(), err: err} }

func badf(format string, args ...any) *Refusal { return bad(fmt.Errorf(format, args...)) }

// taken says what of a new user another one has.
func taken(wanted *mssp.Subscriber, have *store.Existing[mssp.Subscriber]) *Refusal {
	r := &Refusal{Reason: CardTaken, MSISDN: have.Row.MSISDN, ICCID: have.Row.ICCID}
	if have.Row.MSISDN == wanted.MSISDN {
		r.Reason = NumberTaken
	}
	return r
}
