package standing

import (
	"context"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// Asker asks a user by his card, and answers what he has signed, verified as any
// signature is (5.2). What he or his card refused is a *mssp.Fault.
type Asker interface {
	Ask(ctx context.Context, number sms.MSISDN, question string) (signed []byte, err error)
}

// Left is the answer to Unregister.
type Left struct {
	Duty   mssp.Duty
	Signed []byte // CMS of the consent; nil when none was asked for
	// Ended are the requests that were open at the card of a user who is Gone.
	Ended []mssp.Transaction
}

// Unregister is 5.7, 1 to 9: with a question, the user signs it first. What he refuses
// changes nothing and is a Refusal, Declined. From the good answer on nothing is signed for
// him.
func (s *Standing) Unregister(ctx context.Context, c Call, question string) (Left, error) {
	var l Left
	var err error
	c.Procedure = mssp.Leaving
	if question != "" {
		sit, err := s.o.Store.Situation(ctx, c.MSISDN)
		if err != nil {
			return l, Unknown(err)
		}
		if _, err := begin(&sit, &c, s.o.Clock()); err != nil { // of a copy: nobody is asked in vain
			return l, err
		}
		if s.o.Asker == nil {
			return l, refusef(Declined, "the user cannot be asked: no service runs")
		}
		if l.Signed, err = s.o.Asker.Ask(ctx, c.MSISDN, question); err != nil {
			return l, refusef(Declined, "the user has not consented: %v", err)
		}
	}
	l.Duty, l.Ended, err = s.precondition(ctx, &c)
	return l, err
}
