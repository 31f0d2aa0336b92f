package registration

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// Summer makes and checks sums under a key of this installation (keys.Vault): whoever reads
// the database cannot try all codes.
type Summer interface {
	AppendTag(b []byte, purpose string, parts ...[]byte) ([]byte, error)
	CheckTag(tag []byte, purpose string, parts ...[]byte) error
}

const popPurpose = "proof of possession code"

// MakePoP draws a code for the next registration of a user, and the row that is kept of it.
func MakePoP(s Summer, n sms.MSISDN, digits, tries int, now time.Time, life time.Duration) (code string, p mssp.PoP, err error) {
	if code, err = NewPoPCode(digits); err != nil {
		return "", p, err
	}
	p = mssp.PoP{MSISDN: n, ID: rand.Text(), State: mssp.PoPGiven, Tries: tries, MadeAt: now, ExpiresAt: now.Add(life)}
	p.Sum, err = s.AppendTag(nil, popPurpose, []byte(n), []byte(p.ID), []byte(code))
	return code, p, err
}

// given is the code that was made for a user, when it is still good.
func (g *Registrar) given(ctx context.Context, n sms.MSISDN) (mssp.PoP, error) {
	p, err := g.o.Store.PoP(ctx, n)
	switch {
	case errors.Is(err, mssp.ErrNotFound):
		return p, mssp.Faultf(mssp.RegistrationNOK, "no Proof of Possession code was made for this user: have one made (simsign user pop)")
	case err != nil:
		return p, g.engine.Internal("reading a code", err)
	}
	if f := stale(&p, g.o.Clock()); f != nil {
		return p, f
	}
	return p, nil
}

// CheckPoP is the RA's check of a code that its user has told it by another way than the
// card: the right one is used up, and a wrong one counts.
func (g *Registrar) CheckPoP(ctx context.Context, n sms.MSISDN, code string) error {
	p, err := g.given(ctx, n)
	if err != nil {
		return err
	}
	right := g.o.Sums.CheckTag(p.Sum, popPurpose, []byte(n), []byte(p.ID), []byte(code)) == nil
	switch err := g.o.Store.EndPoP(ctx, n, store.PoPEnd{ID: p.ID, Right: right}); {
	case errors.Is(err, store.ErrChanged):
		return mssp.Faultf(mssp.RegistrationNOK, "the user's Proof of Possession code was used meanwhile")
	case err != nil:
		return g.engine.Internal("checking a code", err)
	case !right:
		return mssp.Faultf(mssp.RegistrationNOK, "this is not the Proof of Possession code that the user was given; %d tries are left", p.Tries-1)
	}
	return nil
}

// stale says why a code is worth nothing; nil when it is good.
func stale(p *mssp.PoP, now time.Time) *mssp.Fault {
	switch {
	case p.State == mssp.PoPUsed:
		return mssp.Faultf(mssp.RegistrationNOK, "the user's Proof of Possession code was used by a registration: have another one made (simsign user pop)")
	case p.State == mssp.PoPSpent:
		return mssp.Faultf(mssp.RegistrationNOK, "too many wrong Proof of Possession codes were entered, the right one is not good any more: have another one made (simsign user pop)")
	case !p.ExpiresAt.After(now):
		return mssp.Faultf(mssp.RegistrationNOK, "the user's Proof of Possession code has expired: have another one made (simsign user pop)")
	}
	return nil
}

// popFits finds the code that the RA made here, of which the card checks the check digit.
func (g *Registrar) popFits(ctx context.Context, r *EnrolRequest) error {
	if !r.PoPMade {
		return nil
	}
	if r.PoPCode != "" {
		return mssp.Faultf(mssp.WrongParam, "a Proof of Possession code was made here, and another one is given")
	}
	p, err := g.given(ctx, r.MSISDN)
	r.PoP, r.popID = applet.PoPChecked, p.ID
	return err
}

// proves checks the code that the user has entered against the one that was made for him,
// which it uses up.
func (p *register) proves(ctx context.Context, tx *mssp.Transaction, code string) (*store.PoPEnd, *mssp.Fault, error) {
	if p.PoPID == "" {
		return nil, nil, nil
	}
	have, err := p.g.o.Store.PoP(ctx, tx.MSISDN)
	if err != nil && !errors.Is(err, mssp.ErrNotFound) {
		return nil, nil, err
	}
	if err != nil || have.ID != p.PoPID {
		return nil, mssp.Faultf(mssp.RegistrationNOK, "another Proof of Possession code was made for the user meanwhile: begin again"), nil
	}
	if f := stale(&have, p.g.o.Clock()); f != nil {
		return nil, f, nil
	}
	if p.g.o.Sums.CheckTag(have.Sum, popPurpose, []byte(tx.MSISDN), []byte(p.PoPID), []byte(code)) == nil {
		return &store.PoPEnd{ID: p.PoPID, Right: true}, nil, nil
	}
	end := &store.PoPEnd{ID: p.PoPID}
	if have.Tries <= 1 {
		return end, mssp.Faultf(mssp.RegistrationNOK, "the user entered a wrong Proof of Possession code once too often: have another one made (simsign user pop)"), nil
	}
	return end, mssp.Faultf(mssp.RegistrationNOK, "the user entered another Proof of Possession code than he was given; %d tries are left", have.Tries-1), nil
}

// wrongPoP is the end of a registration whose code the card took and we did not: the user,
// whose phone knows nothing of it, is told.
func (p *register) wrongPoP(tx *mssp.Transaction, f *mssp.Fault, end *store.PoPEnd) engine.Outcome {
	out := engine.Failure(f)
	out.CodeSet, out.PoP = true, end
	out.Notices = []store.Notice{p.g.engine.Notice(tx.MSISDN, p.Language, notice.WrongPoP, string(tx.ID), time.Time{})}
	return out
}

// usedUp counts the wrong entries that made the card give up as one.
func (p *register) usedUp(fin *store.Finish) {
	tx := mssp.Transaction{State: mssp.Failed, Result: fin.Result}
	if no, err := engine.ParseRefusal(&tx); err == nil && no.Word == applet.StatusWrongCode && p.PoPID != "" {
		fin.PoP = &store.PoPEnd{ID: p.PoPID}
	}
}
