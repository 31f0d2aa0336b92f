package service

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"

	"github.com/simsign/simsign/mssp"
)

// ProfileQuery is MSS_ProfileQuery: which signature profiles the user can
// serve now. The card is not asked, and the user does not notice, so it tells
// as little as it can: certificates, which have the user's name, and the states
// of card, code and certificates are for a provider that may have them. Any
// other hears that the user can sign, and with what, or the one fault for
// numbers that are unknown and for users who cannot sign. A certificate that is suspended
// or revoked, or is to be, is inactive from the commit on that makes it so: it is read
// under the row of its pair. The rate is low.
func (s *Service) ProfileQuery(ctx context.Context, d *Dialect, peer Peer, req *ProfileReq) (*ProfileResp, *mssp.Fault) {
	resp, f := s.profileQuery(ctx, d, peer, req)
	code := s.outcome(OpProfileQuery, peer, &req.Header, f)
	if f == nil {
		code = resp.Status.Code
	}
	s.metrics.count(OpProfileQuery, code)
	return resp, f
}

func (s *Service) profileQuery(ctx context.Context, d *Dialect, peer Peer, req *ProfileReq) (*ProfileResp, *mssp.Fault) {
	ap, f := s.begin(ctx, OpProfileQuery, d, peer, &req.Header)
	if f != nil {
		return nil, f
	}
	if s.o.Subscribers == nil {
		return nil, s.notOffered(OpProfileQuery)
	}
	number, f := user(d, ap, req.User)
	if f == nil {
		f = s.meant(req.User)
	}
	if f != nil {
		return nil, f
	}
	if f := s.rates.allowProfile(ap.ID); f != nil {
		return nil, f
	}
	sub, card, keys, err := s.o.Subscribers.Lookup(ctx, number)
	if errors.Is(err, mssp.ErrNotFound) || err == nil && sub.State == mssp.SubscriberRemoved {
		return nil, unknown(ap)
	}
	if err != nil {
		return nil, internal(err)
	}
	resp, err := s.profileOf(ap, req, &sub, &card, keys, d)
	if err != nil {
		return nil, internal(err)
	}
	if !ap.Certificates {
		if resp.User.State != "ACTIVE" {
			return nil, unknown(ap)
		}
		resp.User = UserProfile{State: resp.User.State, Bare: true}
	}
	return resp, nil
}

// unknown is the fault for a number that is not registered; a provider that may
// not know more hears it also of one that is, and cannot sign.
func unknown(ap mssp.AP) *mssp.Fault {
	if ap.Certificates {
		return mssp.Faultf(mssp.UnknownClient, "MobileUser.MSISDN is not registered here")
	}
	return mssp.Faultf(mssp.UnknownClient, "MobileUser.MSISDN is not registered here, or cannot sign now")
}

// profileOf is everything that is known.
func (s *Service) profileOf(ap mssp.AP, req *ProfileReq, sub *mssp.Subscriber, card *mssp.Card, keys []mssp.KeyPair, d *Dialect) (*ProfileResp, error) {
	resp := &ProfileResp{Header: s.reply(d, ap, &req.Header), Status: status(mssp.RequestOK)}
	active := sub.State == mssp.SubscriberActive && card.State != mssp.CardSuspended
	usable := make(map[mssp.KeyUsage]bool)
	now := s.o.Clock()
	for i := range keys {
		k := &keys[i]
		if !k.State.Certified() || len(k.CertDER) == 0 {
			continue
		}
		cert, err := x509.ParseCertificate(k.CertDER)
		if err != nil {
			return nil, err
		}
		c := UserCertificate{State: "INACTIVE", Algorithm: "EC", Subject: cert.Subject.String(), DER: k.CertDER}
		if _, ok := cert.PublicKey.(*rsa.PublicKey); ok {
			c.Algorithm = "RSA"
		}
		if active && k.State == mssp.KeyRegistered && now.After(cert.NotBefore) && now.Before(cert.NotAfter) {
			c.State = "ACTIVE"
			usable[k.Usage] = true
		}
		resp.User.Certificates = append(resp.User.Certificates, c)
	}
	for i := range s.o.Profiles {
		if p := &s.o.Profiles[i]; usable[p.Usage] && permitted(ap, p) && served(p) {
			resp.Profiles = append(resp.Profiles, p.URI)
		}
	}
	resp.User.State = "INACTIVE"
	if len(usable) > 0 {
		resp.User.State = "ACTIVE"
	}
	resp.User.PINBlocked = card.Blocked[0] || card.Blocked[1]
	return resp, nil
}

// Receipt is MSS_Receipt. It is authenticated and then refused: sending a
// text to the user after a signature is not offered yet.
func (s *Service) Receipt(ctx context.Context, d *Dialect, peer Peer, req *ReceiptReq) (*ReceiptResp, *mssp.Fault) {
	_, f := s.begin(ctx, OpReceipt, d, peer, &req.Header)
	if f == nil {
		f = s.notOffered(OpReceipt)
	}
	s.metrics.count(OpReceipt, s.outcome(OpReceipt, peer, &req.Header, f))
	return nil, f
}

func (s *Service) notOffered(op Operation) *mssp.Fault {
	offered := "MSS_Signature, MSS_StatusQuery and MSS_ProfileQuery"
	if s.o.Subscribers == nil {
		offered = "MSS_Signature and MSS_StatusQuery"
	}
	return mssp.Faultf(mssp.IncompatibleInterface, "%s is not offered by this service: offered are %s", op, offered)
}
