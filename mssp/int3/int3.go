// Package int3 is the interface of the registration authority (INT3c) and of the
// operator and his customer care (INT3b): JSON messages, posted over HTTP by clients of
// their own (package party), who log in by HTTP Basic and a password, or by a client
// certificate that is pinned. Application providers have another door, and their
// credentials open nothing here.
//
// The table of operations (table.go) is the interface: path, members and answer of each.
// The decoder, the OpenAPI document and the handler are made of it. Who may do what
// stands in the table of package party. A client that acts for a card issuer reaches the
// users of its cards; any other number is one that nobody has.
//
// What is refused is an answer with a reason, in HTTP status 200 (5-1). Status 400 is for
// what is no JSON, 401 for a failed log-in, 403 for an operation that the role has not,
// 500 for accidents, of which the answer tells no more.
//
// An operation for which a user has to take his phone is a call: it is waited for as
// long as the client says and goes on without it. Its id asks for the answer later, and
// the same request id finds the same call: nobody is asked twice for one thing.
package int3

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Result says what an answer is.
type Result string

// Results.
const (
	OK      Result = "ok"
	Refused Result = "refused"
	Pending Result = "pending" // the call goes on: ask for its status
	failed  Result = "failed"  // an accident: HTTP 500
)

// Answer is what every operation answers.
type Answer struct {
	Result Result `json:"result"`
	Reason string `json:"reason,omitempty"` // why it was refused, one word
	Code   int    `json:"code,omitempty"`   // of TS 102 204, where there is one
	Detail string `json:"detail,omitempty"` // for people
	Call   string `json:"call,omitempty"`   // id of the call
	Data   any    `json:"data,omitempty"`
}

// Registrar is what the desk needs of *registration.Registrar.
type Registrar interface {
	RegisterInit(ctx context.Context, r registration.EnrolRequest) (registration.Enrolment, error)
	RegisterComplete(ctx context.Context, r registration.EnrolRequest) (registration.Enrolment, error)
	CertificateStatus(ctx context.Context, number sms.MSISDN, slot byte, cert []byte) (registration.Enrolment, error)
	Enrol(ctx context.Context, r registration.EnrolRequest) (registration.Enrolment, error)
	CheckPoP(ctx context.Context, number sms.MSISDN, code string) error
}

// Auditor is what the desk needs of *operator.Auditor.
type Auditor interface {
	List(ctx context.Context, q operator.AuditQuestion) (operator.AuditPage, error)
	Verify(ctx context.Context) (operator.AuditVerified, error)
}

// Store is what the desk reads; *store.Store is one.
type Store interface {
	Client(ctx context.Context, id string) (party.Client, error)
	Issuer(ctx context.Context, id string) (party.Issuer, error)
	Card(ctx context.Context, iccid ota.ICCID) (mssp.Card, error)
	Lookup(ctx context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error)

	BeginCall(ctx context.Context, c store.Call, since time.Time) (have store.Call, began bool, err error)
	EndCall(ctx context.Context, client, name string, answer []byte) error
	Call(ctx context.Context, client, id string) (store.Call, error)
	TrimCalls(ctx context.Context, client string, most int) error
}

// Options is what New needs.
type Options struct {
	Store     Store
	Sealer    Sealer
	Operator  operator.Operations
	Registrar Registrar
	Audit     Auditor
	Profiles  []mssp.SignatureProfile
	CA        []byte // certificate of the built-in CA; nil: there is none
	// Find is the certificate (DER) of a public key, of the repositories of CAs; nil where
	// none has it.
	Find     func(ctx context.Context, spki []byte) ([]byte, error)
	Question string // that a user signs who leaves
	// Calls takes into the audit log what is asked and what is refused, in bounds: anybody
	// may call as often as he likes.
	Calls *audit.Calls

	FailureTime time.Duration // see package service
	Clock       func() time.Time
	Steady      func() time.Time // for limits: makes no jumps; nil: Clock
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// Desk does the operations. It is safe for concurrent use.
type Desk struct {
	o     Options
	login *service.Login
	calls *calls
	count *prometheus.CounterVec
	log   *slog.Logger
}

// NewDesk makes one.
func NewDesk(o Options) (*Desk, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Steady == nil {
		o.Steady = o.Clock
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Desk{o: o, calls: newCalls(), log: o.Logger}
	d.login = service.NewLogin(directory{o.Store}, o.FailureTime, o.Steady)
	d.count = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "simsign_int3_requests_total", Help: "Requests of RA and operator (INT3b, INT3c), by operation and result.",
	}, []string{"operation", "result"})
	if o.Registerer == nil {
		return d, nil
	}
	return d, o.Registerer.Register(d.count)
}

// directory shows clients to the log-in.
type directory struct{ Store }

func (d directory) AP(ctx context.Context, id mssp.APID) (mssp.AP, error) {
	c, err := d.Client(ctx, string(id))
	return mssp.AP{ID: id, PasswordHash: c.PasswordHash, CertSHA256: c.CertSHA256, Disabled: c.Disabled}, err
}

// who is the client that asks; a nil client: its log-in has failed.
func (d *Desk) who(ctx context.Context, p service.Peer) (*party.Client, error) {
	id, f := d.login.Check(ctx, p)
	if f != nil {
		if f.Code != mssp.UnauthorizedAccess && f.Code != mssp.MissingParam {
			return nil, f
		}
		return nil, nil
	}
	c, err := d.o.Store.Client(ctx, string(id))
	if err == nil && c.Issuer != "" {
		_, err = d.o.Store.Issuer(ctx, c.Issuer) // nobody acts for one that is gone
	}
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, nil
	}
	return &c, err
}

// actor is a client as the audit log knows it.
func actor(c *party.Client, op *operation) audit.Actor {
	return audit.Actor{Name: c.ID, Role: c.Role, Door: op.door, Issuer: c.Issuer}
}

// do is an operation by a client who may do it. Its message has been read.
func (d *Desk) do(ctx context.Context, c *party.Client, op *operation, m message) Answer {
	switch {
	case op.op == party.CallStatus:
		return d.status(ctx, c, op, m)
	case !op.changes:
		return d.run(ctx, c, op, m)
	}
	meaning := string(op.op) + " " + m.meaning()
	x, fresh, ok := d.calls.begin(c.ID, m.text("request"), meaning, d.o.Clock())
	if !ok {
		return d.tell(ctx, op, m, refuse("too-many-calls", "so many of your calls are under way that there is no place for more: try again when some have ended"))
	}
	if !fresh && x.meaning != meaning {
		return d.tell(ctx, op, m, reused())
	}
	if fresh {
		ctx := context.WithoutCancel(ctx) // the user goes on although the client may have gone
		if a, known := d.known(ctx, op, m, x); known {
			d.calls.end(x, a)
			return a
		}
		go func() { d.calls.end(x, d.perform(ctx, c, op, m, x)) }()
	}
	return x.wait(ctx, waitOf(m, defaultWait))
}

// How long a call is waited for.
const (
	defaultWait = 60 * time.Second
	mostWait    = 300 // seconds
)

func waitOf(m message, otherwise time.Duration) time.Duration {
	if _, ok := m["wait"]; !ok {
		return otherwise
	}
	return time.Duration(m.number("wait")) * time.Second
}

func refuse(reason, detail string) Answer {
	return Answer{Result: Refused, Reason: reason, Detail: detail}
}

// run does it, and says what came of it.
func (d *Desk) run(ctx context.Context, c *party.Client, op *operation, m message) Answer {
	data, err := op.do(d, ctx, c, m)
	a := d.answer(c, data, err)
	switch {
	case a.Result == Refused:
		return d.tell(ctx, op, m, a)
	case a.Result == OK && !op.changes && !op.secret: // what changes something has its entries in its commit
		d.o.Calls.Count(audit.Entry{Actor: audit.From(ctx), Action: op.door + "." + string(op.op), Subject: subject(m)})
	}
	if a.Result == failed {
		d.log.Error("int3: an operation has failed", "operation", op.op, "client", c.ID, "error", err)
	}
	return a
}

// tell takes a refusal into the audit log.
func (d *Desk) tell(ctx context.Context, op *operation, m message, a Answer) Answer {
	e := audit.Entry{Actor: audit.From(ctx), Action: op.door + "." + string(op.op), Subject: subject(m), Outcome: audit.Refused, Reason: a.Reason}
	if err := d.o.Calls.Tell(ctx, e); err != nil {
		d.log.Error("auditing a refusal", "operation", op.op, "error", err)
		return Answer{Result: failed}
	}
	return a
}

// subject is whom a message is about.
func subject(m message) audit.Subject {
	if n, err := sms.ParseMSISDN(m.text("msisdn")); err == nil {
		return audit.User(n)
	}
	if id, err := ota.ParseICCID(m.text("iccid")); err == nil {
		return audit.Card(id)
	}
	return audit.Of("int3", "")
}

// answer is the answer of an operation.
func (d *Desk) answer(c *party.Client, data any, err error) Answer {
	if err == nil {
		return Answer{Result: OK, Data: data}
	}
	if a, ok := errors.AsType[*refusal](err); ok {
		return Answer(*a)
	}
	if r, ok := errors.AsType[*standing.Refusal](err); ok {
		return refuse(string(r.Reason), r.Detail)
	}
	if r, ok := errors.AsType[*operator.Refusal](err); ok {
		detail := r.Error()
		switch r.Reason {
		case operator.NumberTaken, operator.CardTaken: // whose it is may be another issuer's secret
			detail = "a user has this number, or another user this card"
		}
		return refuse(string(r.Reason), detail)
	}
	if f, ok := errors.AsType[*mssp.Fault](err); ok {
		if f.Code == mssp.InternalError {
			return Answer{Result: failed}
		}
		if f.Code == mssp.UnknownClient {
			return unknownUser()
		}
		return Answer{Result: Refused, Reason: strings.ToLower(strings.ReplaceAll(f.Code.String(), "_", "-")), Code: int(f.Code), Detail: f.Detail}
	}
	return Answer{Result: failed}
}

// refusal is an answer as an error.
type refusal Answer

func (r *refusal) Error() string { return r.Reason + ": " + r.Detail }

func no(reason, detail string) error {
	a := refusal(refuse(reason, detail))
	return &a
}

// unknownUser is the same for a number that nobody has and one of another issuer.
func unknownUser() Answer {
	return refuse(string(operator.NoSuchUser), "no user with this number")
}

// user is the user of a number, whom the client may reach, with card and keys.
func (d *Desk) user(ctx context.Context, c *party.Client, msisdn string) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	n, err := sms.ParseMSISDN(msisdn)
	if err != nil {
		return mssp.Subscriber{}, mssp.Card{}, nil, no("bad-request", "msisdn: "+err.Error())
	}
	u, card, keys, err := d.o.Store.Lookup(ctx, n)
	if errors.Is(err, mssp.ErrNotFound) || err == nil && !reaches(c, &card) {
		a := refusal(unknownUser())
		return mssp.Subscriber{}, mssp.Card{}, nil, &a
	}
	return u, card, keys, err
}

// card is a card that the client may reach.
func (d *Desk) card(ctx context.Context, c *party.Client, iccid string) (mssp.Card, error) {
	id, err := ota.ParseICCID(iccid)
	if err != nil {
		return mssp.Card{}, no("bad-request", "iccid: "+err.Error())
	}
	card, err := d.o.Store.Card(ctx, id)
	if errors.Is(err, mssp.ErrNotFound) || err == nil && !reaches(c, &card) {
		return mssp.Card{}, no(string(operator.NoSuchCard), "no card with this number")
	}
	return card, err
}

func reaches(c *party.Client, card *mssp.Card) bool { return c.Issuer == "" || card.Issuer == c.Issuer }
