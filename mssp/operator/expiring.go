package operator

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/expiry"
	"github.com/simsign/simsign/ota/sms"
)

// ExpiringQuestion asks whose certificates end within some days (3.5.13-1).
type ExpiringQuestion struct {
	Days   int    `json:"days"`
	Limit  int    `json:"limit"`
	Issuer string `json:"issuer,omitempty"` // of whose cards; "": of all
}

// ExpiringInfo is a certificate that ends and has no successor.
type ExpiringInfo struct {
	MSISDN   string    `json:"msisdn"`
	Name     string    `json:"name"`
	State    string    `json:"state"` // of the user
	Slot     byte      `json:"slot"`
	Usage    string    `json:"usage"`
	Serial   string    `json:"serial"`
	NotAfter time.Time `json:"notAfter"`
}

// ofIssuer reads the users of an issuer's cards; of all where it is "".
type ofIssuer struct {
	Store
	issuer string
}

func (s ofIssuer) Subscribers(ctx context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error) {
	if s.issuer == "" {
		return s.Store.Subscribers(ctx, after, limit)
	}
	return s.SubscribersOf(ctx, s.issuer, after, limit)
}

var errEnough = errors.New("enough")

// Expiring lists the certificates that end within some days and have no successor, in
// the order of the users' numbers.
func (s *Service) Expiring(ctx context.Context, r ExpiringQuestion) ([]ExpiringInfo, error) {
	if r.Days < 1 || r.Days > 3660 {
		return nil, badf("days: must be 1 to 3660, is %d", r.Days)
	}
	limit, out := Page{Limit: r.Limit}.limit(), []ExpiringInfo{}
	err := expiry.Soon(ctx, ofIssuer{s.Store, r.Issuer}, s.Clock(), time.Duration(r.Days)*24*time.Hour, func(e expiry.Ending) error {
		if len(out) == limit {
			return errEnough
		}
		k := keyInfo(e.Key)
		out = append(out, ExpiringInfo{
			MSISDN: e.Subscriber.MSISDN.String(), Name: e.Subscriber.Name, State: string(e.Subscriber.State),
			Slot: k.Slot, Usage: mssp.KeyUsage(e.Key.Usage).String(), Serial: k.Serial, NotAfter: e.NotAfter,
		})
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}
