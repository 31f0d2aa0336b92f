package operator

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// EraseUser erases what is kept of a person. Once it has begun it goes on, in the
// running service or the next one, even if whoever asked goes away.
func (s *Service) EraseUser(ctx context.Context, r UserErase) (UserErased, error) {
	number, err := sms.ParseMSISDN(r.MSISDN)
	if err != nil {
		return UserErased{}, bad(err)
	}
	by, err := named(r.By)
	if err != nil {
		return UserErased{}, err
	}
	switch err := s.Store.EraseUser(ctx, number, s.Clock()); {
	case errors.Is(err, mssp.ErrNotFound):
		return UserErased{}, &Refusal{Reason: NoSuchUser, MSISDN: number}
	case errors.Is(err, store.ErrOpen):
		return UserErased{}, &Refusal{Reason: UserAsked, MSISDN: number}
	case err != nil:
		return UserErased{}, err
	}
	if s.Revoked != nil {
		s.Revoked()
	}
	u := UserErased{MSISDN: number.String()}
	for more := true; more; {
		var gone store.Erased
		if gone, more, err = s.Store.EraseMarked(ctx, s.Clock()); err != nil {
			return u, err
		}
		u.Transactions += gone[mssp.Numbers]
	}
	if err := s.Store.Scrub(ctx); err != nil {
		u.Pending = err.Error()
	}
	s.Logger.Info("a user was erased", "msisdn", number, "transactions", u.Transactions, "by", by)
	return u, nil
}
