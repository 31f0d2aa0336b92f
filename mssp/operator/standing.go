package operator

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/ota/sms"
)

// RA does what is left to do of a procedure; *ra.Worker is one.
type RA interface {
	Do(ctx context.Context, id string) error
	Kick()
}

// Standings is the part of the operations that changes the standing of users.
type Standings struct {
	of    *Service
	rules *standing.Standing
	ra    RA
}

// WithStanding gives a Service the rules of 5.7 to 5.10, and the RA that does what they leave.
func (s *Service) WithStanding(rules *standing.Standing, ra RA) *Service {
	s.Standings = Standings{s, rules, ra}
	return s
}

// reasons by which certificates are revoked, in the words of commands.
var reasons = map[string]int{
	"": pki.Unspecified, "unspecified": pki.Unspecified, "lost": pki.KeyCompromise, "compromise": pki.KeyCompromise, "changed": pki.AffiliationChanged,
	"superseded": pki.Superseded, "ceased": pki.CessationOfOperation, "withdrawn": pki.PrivilegeWithdrawn,
}

// StandingRequest has a user suspended, re-activated, revoked, or lets him leave.
type StandingRequest struct {
	MSISDN      string         `json:"msisdn"`
	Procedure   mssp.Procedure `json:"procedure"`
	Certificate string         `json:"certificate,omitempty"` // its serial number; "": every one of the user
	Reason      string         `json:"reason,omitempty"`      // a word, see reasons
	Note        string         `json:"note,omitempty"`
	Question    string         `json:"question,omitempty"` // what the user signs before he leaves; "": he is not asked
	By          string         `json:"by,omitempty"`
	Gone        bool           `json:"gone,omitempty"`    // who leaves has gone to another operator
	Foreign     bool           `json:"foreign,omitempty"` // only the pre-condition call: another RA goes on with it
}

// CertificateInfo is a pair with its certificate, as everybody sees it.
type CertificateInfo struct {
	Serial string `json:"serial"`
	State  string `json:"state"`
}

// StandingInfo is how it is with a user after a call.
type StandingInfo struct {
	MSISDN       string            `json:"msisdn"`
	ICCID        string            `json:"iccid"`
	State        string            `json:"state"`
	Certificates []CertificateInfo `json:"certificates,omitempty"`
	Open         []DutyInfo        `json:"open,omitempty"`
	Signed       []byte            `json:"signed,omitempty"` // the consent, CMS
}

// DutyInfo is what is left to do of a procedure.
type DutyInfo struct {
	ID           string    `json:"id"`
	MSISDN       string    `json:"msisdn,omitempty"`
	Procedure    string    `json:"procedure"`
	Step         string    `json:"step"`
	Certificates []string  `json:"certificates,omitempty"`
	Own          bool      `json:"own"`
	By           string    `json:"by,omitempty"`
	Note         string    `json:"note,omitempty"`
	Tries        int       `json:"tries,omitempty"`
	Failure      string    `json:"failure,omitempty"`
	Since        time.Time `json:"since"`
}

// ChangeStanding is the built-in RA's way through 5.7 to 5.10: the pre-condition call, the
// CA, the notification. What the CA has not confirmed when it returns is open, and goes on
// in the service. Certificates of another CA are open until its RA has notified.
func (s Standings) ChangeStanding(ctx context.Context, r StandingRequest) (StandingInfo, error) {
	number, err := sms.ParseMSISDN(r.MSISDN)
	if err != nil {
		return StandingInfo{}, bad(err)
	}
	by, err := named(r.By)
	if err != nil {
		return StandingInfo{}, err
	}
	reason, ok := reasons[r.Reason]
	if !ok {
		return StandingInfo{}, badf("reason: must be unspecified, lost, compromise, changed, superseded, ceased or withdrawn, is %q", r.Reason)
	}
	if r.Gone && (r.Procedure != mssp.Leaving || r.Question != "") {
		return StandingInfo{}, badf("gone: is of somebody who leaves, and whom nobody asks")
	}
	c := standing.Call{MSISDN: number, Procedure: r.Procedure, Serial: r.Certificate, Reason: reason, Note: r.Note, By: by, Own: !r.Foreign, Gone: r.Gone}
	if c.Own {
		if c.Own, err = s.issuedHere(ctx, &c); err != nil {
			return StandingInfo{}, err
		}
	}
	var l standing.Left
	switch r.Procedure {
	case mssp.Leaving:
		l, err = s.rules.Unregister(ctx, c, r.Question)
	case mssp.Revoking, mssp.Suspending, mssp.Reactivating:
		l.Duty, err = s.rules.Precondition(ctx, c)
	default:
		return StandingInfo{}, badf("procedure: must be suspend, reactivate, revoke or unregister, is %q", r.Procedure)
	}
	if err != nil {
		return StandingInfo{}, refusedStanding(number, err)
	}
	if s.of.Engine != nil {
		s.of.Engine.Ended(l.Ended)
	}
	serials := l.Duty.Serials
	info, err := s.goOn(ctx, number, &l.Duty)
	if err == nil {
		err = s.withoutPair(ctx, &info, serials)
	}
	info.Signed = l.Signed
	return info, err
}

// withoutPair adds the certificates whose pairs the card has deleted meanwhile.
func (s Standings) withoutPair(ctx context.Context, info *StandingInfo, serials []string) error {
	for _, serial := range serials {
		if slices.ContainsFunc(info.Certificates, func(c CertificateInfo) bool { return c.Serial == serial }) {
			continue
		}
		cert, err := s.of.Store.Certificate(ctx, serial)
		if errors.Is(err, mssp.ErrNotFound) { // of another CA
			continue
		}
		if err != nil {
			return err
		}
		info.Certificates = append(info.Certificates, CertificateInfo{Serial: serial, State: string(cert.Status)})
	}
	return nil
}

// issuedHere reports whether the built-in CA has issued every certificate that a call is
// about, so that it can be asked for all of them.
func (s Standings) issuedHere(ctx context.Context, c *standing.Call) (bool, error) {
	sit, err := s.of.Store.Situation(ctx, c.MSISDN)
	if err != nil {
		return true, ignoreNotFound(err) // the rules say it
	}
	now := s.of.Clock()
	for i := range sit.Keys {
		if k := &sit.Keys[i]; k.State.Certified() && !k.Ended(now) && (c.Serial == "" || c.Serial == k.Serial) && sit.Cert(k.Serial) == nil {
			return false, nil
		}
	}
	return true, nil
}

func ignoreNotFound(err error) error {
	if errors.Is(err, mssp.ErrNotFound) {
		return nil
	}
	return err
}

// awaitCA waits until the CA has answered about a duty, once: the rest of it takes as long
// as the card needs.
func (s Standings) awaitCA(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		d, err := s.of.Store.Duty(ctx, id)
		if err != nil || d.Step != mssp.DutyCA || d.Tries > 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// refusedStanding is the Refusal for one of package standing.
func refusedStanding(number sms.MSISDN, err error) error {
	r, ok := errors.AsType[*standing.Refusal](err)
	switch {
	case !ok:
		return err
	case r.Reason == standing.NotRegistered:
		return &Refusal{Reason: StandingRefused, MSISDN: number, Detail: r.Detail + ": nothing was changed", err: err}
	}
	return &Refusal{Reason: StandingRefused, MSISDN: number, Detail: r.Detail, err: err}
}

func (s Standings) standingOf(ctx context.Context, n sms.MSISDN) (StandingInfo, error) {
	sit, err := s.of.Store.Situation(ctx, n)
	if err != nil {
		return StandingInfo{}, err
	}
	info := StandingInfo{MSISDN: n.String(), ICCID: sit.Card.ICCID.String(), State: string(sit.User.State)}
	for i := range sit.Keys {
		if k := &sit.Keys[i]; k.State.Certified() {
			info.Certificates = append(info.Certificates, CertificateInfo{Serial: k.Serial, State: string(k.State)})
		}
	}
	info.Open = dutyInfos(sit.Duties)
	return info, nil
}

func dutyInfos(ds []mssp.Duty) (out []DutyInfo) {
	for i := range ds {
		d := &ds[i]
		info := DutyInfo{
			ID: d.ID, Procedure: string(d.Procedure), Step: string(d.Step), Certificates: d.Serials, Own: d.Own, By: d.By, Note: d.Note,
			Tries: d.Tries, Failure: d.Failure, Since: d.CreatedAt,
		}
		if d.MSISDN != "" {
			info.MSISDN = d.MSISDN.String()
		}
		out = append(out, info)
	}
	return out
}

// Duties lists what is left to do of the procedures of all users.
func (s Standings) Duties(ctx context.Context, r Page) ([]DutyInfo, error) {
	var ds []mssp.Duty
	var err error
	if r.Issuer == "" {
		ds, err = s.of.Store.OpenDuties(ctx, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), r.limit())
	} else {
		ds, err = s.of.Store.DutiesOf(ctx, r.Issuer, r.limit())
	}
	return dutyInfos(ds), err
}

// StandingNotice is what a CA says of a certificate, by the mouth of its RA.
type StandingNotice struct {
	MSISDN      string          `json:"msisdn,omitempty"` // "": of a user who was erased
	Certificate string          `json:"certificate"`
	Status      mssp.CertStatus `json:"status"`
	Reason      string          `json:"reason,omitempty"`
	By          string          `json:"by,omitempty"`
}

// NotifyStanding is the notification call of 5.7 to 5.10, for a CA that is not built in.
func (s Standings) NotifyStanding(ctx context.Context, r StandingNotice) (StandingInfo, error) {
	if r.MSISDN == "" {
		return s.notifyErased(ctx, &r)
	}
	number, err := sms.ParseMSISDN(r.MSISDN)
	if err != nil {
		return StandingInfo{}, bad(err)
	}
	by, err := named(r.By)
	if err != nil {
		return StandingInfo{}, err
	}
	reason, ok := reasons[r.Reason]
	if !ok {
		return StandingInfo{}, badf("reason: is %q", r.Reason)
	}
	if r.Status == mssp.CertSuspended {
		reason = pki.CertificateHold
	}
	if _, err := s.rules.Notify(ctx, standing.Notice{MSISDN: number, Serial: r.Certificate, Status: r.Status, Reason: reason, By: by}); err != nil {
		return StandingInfo{}, refusedStanding(number, err)
	}
	if s.of.Revoked != nil {
		s.of.Revoked()
	}
	s.ra.Kick()
	return s.standingOf(ctx, number)
}

// notifyErased takes a certificate out of the duty that has waited for its revocation since
// its user was erased: whose it was nobody knows any more.
func (s Standings) notifyErased(ctx context.Context, r *StandingNotice) (StandingInfo, error) {
	if r.Status != mssp.CertRevoked {
		return StandingInfo{}, badf("msisdn: must be given, but for a certificate that is revoked and whose user was erased")
	}
	ds, err := s.of.Store.OpenDuties(ctx, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt32)
	if err != nil {
		return StandingInfo{}, err
	}
	i := slices.IndexFunc(ds, func(d mssp.Duty) bool {
		return d.MSISDN == "" && d.Step == mssp.DutyCA && slices.Contains(d.Serials, r.Certificate)
	})
	if i < 0 {
		return StandingInfo{}, &Refusal{Reason: StandingRefused, Detail: "nothing is to be confirmed about a certificate " + r.Certificate + " of an erased user: name the user (msisdn)"}
	}
	d, err := s.of.Store.ChangeDuty(ctx, ds[i].ID, func(d *mssp.Duty) error {
		d.Serials = slices.DeleteFunc(slices.Clone(d.Serials), func(serial string) bool { return serial == r.Certificate })
		if d.Failure = ""; len(d.Serials) == 0 {
			d.Step = mssp.DutyDone
		}
		return nil
	})
	if errors.Is(err, mssp.ErrNotFound) { // it has ended meanwhile
		return StandingInfo{State: string(mssp.SubscriberRemoved)}, nil
	}
	info := StandingInfo{State: string(mssp.SubscriberRemoved), Certificates: []CertificateInfo{{Serial: r.Certificate, State: string(mssp.CertRevoked)}}}
	if d.Step != mssp.DutyDone {
		info.Open = dutyInfos([]mssp.Duty{d})
	}
	return info, err
}
