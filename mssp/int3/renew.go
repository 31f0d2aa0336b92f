package int3

import (
	"context"
	"slices"

	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/party"
)

// renew is the lifetime extension with the built-in CA (5.12).
func (d *Desk) renew(ctx context.Context, c *party.Client, m message) (any, error) {
	u, card, _, err := d.user(ctx, c, m.text("msisdn"))
	if err != nil {
		return nil, err
	}
	issuer, err := d.issuer(ctx, &card)
	if err != nil {
		return nil, err
	}
	if len(issuer.CA) > 0 && !slices.Equal(issuer.CA, d.o.CA) {
		return nil, no("policy", "the issuer of the card has a CA of its own: use the three steps of a registration, and bring its certificate")
	}
	return d.o.Operator.Renew(ctx, operator.RenewRequest{
		MSISDN: u.MSISDN.String(), Usage: m.text("usage"), Algorithm: m.text("algorithm"), Question: m.text("question"), Early: m.text("when") == "early", By: c.ID,
	})
}
