package signature

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
)

const defaultTimeOut = 2 * time.Minute

// Sign accepts a request for a signature and returns once it is durable; the
// error is a *mssp.Fault. A repeat of an earlier request returns the same
// transaction, whatever became of it, and never prompts again (I12), see Repeat.
func (s *Signer) Sign(ctx context.Context, r Request) (mssp.Transaction, error) {
	if r.ProfileURI == "" {
		r.ProfileURI = r.Profile.URI
	}
	if r.Format == "" {
		r.Format = CMS
	}
	o := engine.Order{
		Kind: mssp.KindSign, Operation: Operation, AP: r.AP.ID, APTransID: r.APTransID, Instant: r.Instant, Once: r.AP.UniqueIDs, RequestHash: r.RequestHash,
		Mode: r.Mode, Profile: r.ProfileURI, Language: r.Language, Life: r.Life(), Code: r.Profile.Usage, Ask: true, At: s.o.Clock(), Observer: r.Observer,
	}
	t, err := s.order(ctx, &r, &o)
	if err != nil {
		return s.engine.Refuse(ctx, &o, err)
	}
	return s.engine.Accept(ctx, t, o)
}

// Repeat answers a request that came before: the same AP, AP_TransID, Instant and
// meaning within a day, or without an Instant while the first is open. Another
// meaning under the same Instant is fault 101, and so is a new Instant where the
// provider's record asks for identifiers that are used once. found is false for a
// new request.
func (s *Signer) Repeat(ctx context.Context, r Request) (tx mssp.Transaction, found bool, err error) {
	return s.engine.Repeat(ctx, store.RequestKey{
		AP: r.AP.ID, TransID: r.APTransID, Instant: r.Instant, Hash: r.RequestHash, Once: r.AP.UniqueIDs,
	})
}

// order checks everything and composes the message; nothing is stored yet.
func (s *Signer) order(ctx context.Context, r *Request, o *engine.Order) (*engine.Target, error) {
	if r.Profile.Usage != mssp.Authentication && r.Profile.Usage != mssp.NonRepudiation {
		return nil, mssp.Faultf(mssp.UnsupportedProfile, "SignatureProfile %s names no key usage", r.ProfileURI)
	}
	if r.Profile.LoA != 0 && r.Profile.LoA < 4 {
		// 1-2, 3.5.2-1: every signature here is made with the personal code;
		// "click OK" would be LoA3 and does not exist.
		return nil, mssp.Faultf(mssp.UnsupportedProfile, "SignatureProfile %s asks for LoA%d: only LoA4 is served", r.ProfileURI, r.Profile.LoA)
	}
	t, err := s.engine.Target(ctx, r.MSISDN)
	if err != nil {
		return nil, err
	}
	k, cert, err := s.signingKey(ctx, t, r.Profile.Usage)
	if err != nil {
		return nil, err
	}
	return t, s.compose(r, t, k, cert, o)
}

// Life is how long the request may live.
func (r *Request) Life() time.Duration {
	d := r.TimeOut
	if d <= 0 {
		d = r.Profile.TimeOut
	}
	if d <= 0 {
		d = defaultTimeOut
	}
	if m := r.Profile.MaxTimeOut; m > 0 && d > m {
		d = m
	}
	return max(d, time.Second)
}
