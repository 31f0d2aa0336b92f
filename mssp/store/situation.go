package store

import (
	"context"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// Situation is what a procedure that changes the standing of a user goes by, and what it
// changes.
type Situation struct {
	User   mssp.Subscriber    // of which it may change the state
	Card   mssp.Card          // nothing of it changes
	Keys   []mssp.KeyPair     // in use, whole, under their certificates: it may change their states
	Certs  []mssp.Certificate // that the built-in CA has issued for these and Former: it may change their statuses
	Duties []mssp.Duty        // that are open: it may change them and add others
	// Former are pairs at cards that he has had, of which an open duty has certificates to
	// be confirmed: it may change their states.
	Former  []mssp.KeyPair
	Notices []Notice // that the user is given

	// Vacated says that nothing is sent to the card any more: what is open at it ends in the
	// same commit, and stands in Ended then.
	Vacated bool
	Ended   []mssp.Transaction
}

// Cert is the certificate with a serial number; nil when the built-in CA knows none of
// these pairs under it.
func (s *Situation) Cert(serial string) *mssp.Certificate {
	for i := range s.Certs {
		if s.Certs[i].Serial == serial {
			return &s.Certs[i]
		}
	}
	return nil
}

// Situation is how it is with a user, in whatever state. ErrNotFound: no such user.
func (s *Duties) Situation(ctx context.Context, n sms.MSISDN) (sit Situation, err error) {
	err = s.read(ctx, func(q querier) error {
		if sit.User, err = oneOf(q, scanSubscriber, sqlSubscriber, string(n)); err != nil {
			return err
		}
		if sit.Card, err = oneOf(q, scanCard, sqlCard, string(sit.User.ICCID)); err != nil {
			return err
		}
		return readSituation(q, &sit)
	})
	return sit, err
}

func readSituation(q querier, s *Situation) error {
	keys, err := allOf(q, wholeUnder(s.Card.ICCID, s.User.MSISDN), sqlPairsUnder, string(s.Card.ICCID))
	if err != nil {
		return err
	}
	s.Keys, s.Certs = nil, nil
	for i := range keys {
		k := &keys[i]
		if k.State == mssp.KeyDeleted {
			continue
		}
		s.Keys = append(s.Keys, *k)
		if err := s.readCert(q, k.Serial); err != nil {
			return err
		}
	}
	if s.Duties, err = allOf(q, scanDuty, sqlDutiesOf, string(s.User.MSISDN)); err != nil {
		return err
	}
	return readFormer(q, s)
}

// ChangeSituation reads how it is with a user, lets f decide, and stores what f has
// changed, in one commit: state of the user, of pairs and of certificates, duties, and
// texts to him. ErrNotFound: no such user. An error of f changes nothing and is returned as
// it is. f may run more than once.
func (s *Duties) ChangeSituation(ctx context.Context, n sms.MSISDN, f func(*Situation) error) (Situation, []Outbound, error) {
	return s.changeSituation(ctx, n, nil, f)
}

// ChangeWithPair is ChangeSituation after a pair of the user's card was stored as
// PutKeyPairs does, in the same commit: f sees it.
func (s *Duties) ChangeWithPair(ctx context.Context, n sms.MSISDN, k mssp.KeyPair, f func(*Situation) error) (Situation, []Outbound, error) {
	return s.changeSituation(ctx, n, &k, f)
}

func (s *Duties) changeSituation(ctx context.Context, n sms.MSISDN, k *mssp.KeyPair, f func(*Situation) error) (sit Situation, texts []Outbound, err error) {
	now := s.clock()
	err = s.change(ctx, func(q *work) error {
		sit = Situation{}
		if sit.User, err = oneOf(q, scanSubscriber, sqlSubscriber, string(n)); err != nil {
			return err
		}
		if sit.Card, err = oneOf(q, scanCard, sqlHoldCard, string(sit.User.ICCID)); err != nil {
			return err
		}
		if sit.User, err = oneOf(q, scanSubscriber, sqlHoldSubscriber, string(n)); err != nil {
			return err
		}
		if sit.User.ICCID != sit.Card.ICCID {
			return errMoved
		}
		if k != nil {
			if err := putKeyPair(q, k, now); err != nil {
				return err
			}
		}
		if err := readSituation(q, &sit); err != nil {
			return err
		}
		was := sit
		was.Keys, was.Certs, was.Duties, was.Former = slices.Clone(sit.Keys), slices.Clone(sit.Certs), slices.Clone(sit.Duties), slices.Clone(sit.Former)
		if err := f(&sit); err != nil {
			return err
		}
		if err := storeSituation(q, &was, &sit, now); err != nil {
			return err
		}
		if sit.Vacated {
			if sit.Ended, err = vacate(q, sit.Card.ICCID, toOperator, now); err != nil {
				return err
			}
		}
		texts, err = tell(q, sit.Notices, now)
		return err
	})
	return sit, texts, err
}

func storeSituation(q querier, was, is *Situation, now time.Time) error {
	if is.User.State != was.User.State {
		is.User.Version++
		if _, err := q.exec(`UPDATE subscriber SET state = $2, version = version + 1 WHERE msisdn = $1`, string(was.User.MSISDN), string(is.User.State)); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "user.change", Subject: audit.User(was.User.MSISDN), Before: string(was.User.State), After: string(is.User.State)})
		if err := tableSubscriber.seal(q, string(was.User.MSISDN)); err != nil {
			return err
		}
	}
	for i := range was.Certs {
		c := &is.Certs[i]
		if c.Status == was.Certs[i].Status {
			continue
		}
		if _, err := setCertStatus(q, c.Serial, c.Status, c.Reason, c.RevokedAt); err != nil {
			return err
		}
	}
	for i := range was.Keys {
		if err := putState(q, &was.Keys[i], is.Keys[i].State); err != nil {
			return err
		}
	}
	for i := range was.Former {
		if err := putState(q, &was.Former[i], is.Former[i].State); err != nil {
			return err
		}
	}
	for i := range is.Duties {
		if i < len(was.Duties) && sameDuty(&was.Duties[i], &is.Duties[i]) {
			continue
		}
		step := mssp.DutyStep("")
		if i < len(was.Duties) {
			step = was.Duties[i].Step
		}
		noteDuty(q, &is.Duties[i], step)
		if err := putDuty(q, &is.Duties[i], now); err != nil {
			return err
		}
	}
	return nil
}

// putState gives a pair another state, which its certificate may have given it already.
func putState(q querier, was *mssp.KeyPair, to mssp.KeyState) error {
	if was.State == to {
		return nil
	}
	k, err := oneOf(q, wholeKeyPair(was.ICCID), sqlOneKeyPair, string(was.ICCID), was.Slot)
	if err != nil || k.State == to {
		return err
	}
	if !k.State.Permits(to) {
		return &Changed[mssp.KeyPair]{Row: k}
	}
	k.State = to
	return putKeyPair(q, &k, k.UpdatedAt)
}

func sameDuty(a, b *mssp.Duty) bool {
	return a.Step == b.Step && a.Reason == b.Reason && a.Tries == b.Tries && a.Failure == b.Failure && a.DueAt.Equal(b.DueAt) &&
		a.EndedAt.Equal(b.EndedAt) && slices.Equal(a.Serials, b.Serials)
}
