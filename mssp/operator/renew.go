package operator

import (
	"context"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/renewal"
)

// Renewal is *renewal.Renewal.
type Renewal interface {
	Renew(ctx context.Context, c renewal.Call) (renewal.Renewed, error)
}

// RenewRequest invites a user to renew a certificate that ends.
type RenewRequest struct {
	MSISDN    string `json:"msisdn"`
	Usage     string `json:"usage"`
	Algorithm string `json:"algorithm,omitempty"` // empty: the first of the card profile
	Question  string `json:"question,omitempty"`  // what the user signs; empty: that of the configuration
	Early     bool   `json:"early,omitempty"`     // the certificate need not end soon
	Note      string `json:"note,omitempty"`
	By        string `json:"by,omitempty"`
}

// Renewed is a renewal that was done.
type Renewed struct {
	MSISDN      string  `json:"msisdn"`
	Before      string  `json:"before"` // serial number of the certificate before
	Key         KeyInfo `json:"key"`
	Certificate []byte  `json:"certificate"`       // DER
	Signed      []byte  `json:"signed"`            // what the user has signed, CMS
	Revoked     bool    `json:"revoked,omitempty"` // the certificate before is being revoked
}

// Renew has a user sign with the certificate that is still valid that he wants another one,
// and registers another pair for him (5.12).
func (s *Service) Renew(ctx context.Context, r RenewRequest) (Renewed, error) {
	if s.Renewal == nil {
		return Renewed{}, ErrNotRunning
	}
	number, usage, err := subject(r.MSISDN, r.Usage)
	if err != nil {
		return Renewed{}, err
	}
	by, err := named(r.By)
	if err != nil {
		return Renewed{}, err
	}
	c := renewal.Call{MSISDN: number, Usage: usage, Question: r.Question, Early: r.Early, By: by, Note: r.Note}
	if r.Algorithm != "" {
		if c.Algorithm, err = applet.ParseAlgorithm(r.Algorithm); err != nil {
			return Renewed{}, badf("algorithm: %w", err)
		}
	}
	x, err := s.Renewal.Renew(ctx, c)
	if err != nil {
		return Renewed{}, refusedStanding(number, err)
	}
	if x.Duty.ID != "" {
		s.ra.Kick()
	}
	return Renewed{
		MSISDN: number.String(), Before: x.Before, Certificate: x.Certificate, Signed: x.Signed, Revoked: x.Duty.ID != "",
		Key: keyInfo(mssp.KeyPair{Slot: x.Slot, Usage: x.Usage, Algorithm: byte(x.Algorithm), State: x.State, Serial: x.Serial, CertDER: x.Certificate}),
	}, nil
}
