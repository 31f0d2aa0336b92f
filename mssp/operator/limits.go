package operator

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/ota/sms"
)

// limits is what protects a number from requests now.
func (s *Service) limits(ctx context.Context, n sms.MSISDN) (out []LimitInfo, err error) {
	rec, err := s.Store.Standing(ctx, n)
	if errors.Is(err, abuse.ErrRecord) {
		return []LimitInfo{{Damaged: true}}, nil
	}
	if err != nil {
		return nil, err
	}
	now := s.Clock()
	if now.Before(rec.Peace) {
		out = append(out, LimitInfo{Peace: rec.Peace})
	}
	for i := range rec.By {
		l := LimitInfo{AP: rec.By[i].ID}
		l.Prompts, l.Unsigned, l.Peace = rec.By[i].At(now)
		if l.AP == "" {
			l.AP = "(before the upgrade)"
		}
		if l != (LimitInfo{AP: l.AP}) {
			out = append(out, l)
		}
	}
	return out, nil
}

// LiftLimits takes away what counts at a user's number, and shows what is left. A
// number where nothing counts is no error.
func (s *Service) LiftLimits(ctx context.Context, r Lift) (UserInfo, error) {
	u, err := s.User(ctx, UserName{MSISDN: r.MSISDN})
	if err != nil {
		return u, err
	}
	number, err := sms.ParseMSISDN(r.MSISDN)
	if err != nil {
		return u, bad(err)
	}
	if _, err := s.Store.Lift(ctx, number, r.AP); err != nil {
		return u, err
	}
	s.Logger.Info("limits of a user are lifted", "msisdn", number, "ap", r.AP)
	u.Limits, err = s.limits(ctx, number)
	return u, err
}
