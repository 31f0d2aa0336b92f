package operator

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// AddUser registers a subscriber with a card that has been imported. A number
// or a card that somebody has is NumberTaken or CardTaken.
func (s *Service) AddUser(ctx context.Context, r UserRequest) (UserInfo, error) {
	sub, err := s.newUser(&r)
	if err != nil {
		return UserInfo{}, bad(err)
	}
	err = s.Store.AddSubscriber(ctx, sub)
	if have, ok := errors.AsType[*store.Existing[mssp.Subscriber]](err); ok {
		return UserInfo{}, taken(&sub, have)
	}
	if err != nil {
		return UserInfo{}, noCard(sub.ICCID, err)
	}
	return userInfo(sub, mssp.Card{}, nil), nil
}

// newUser is the subscriber of a request.
func (s *Service) newUser(r *UserRequest) (mssp.Subscriber, error) {
	sub := mssp.Subscriber{Name: r.Name, Serial: r.Serial, Language: r.Language, State: mssp.SubscriberActive, CreatedAt: s.Clock()}
	var err error
	if sub.MSISDN, err = sms.ParseMSISDN(r.MSISDN); err != nil {
		return sub, err
	}
	if sub.ICCID, err = ota.ParseICCID(r.ICCID); err != nil {
		return sub, err
	}
	if len(r.Language) != 0 && len(r.Language) != 2 {
		return sub, errors.New("language needs the two letters of ISO 639-1")
	}
	if sub.Serial == "" {
		// 16 characters: some providers' software takes no other length.
		sub.Serial = "SIM" + rand.Text()[:13]
	}
	return sub, pki.SubjectOf(sub).Check()
}

// Users lists subscribers in the order of their numbers, without their keys.
func (s *Service) Users(ctx context.Context, r Page) ([]UserInfo, error) {
	var after sms.MSISDN
	if r.After != "" {
		var err error
		if after, err = sms.ParseMSISDN(r.After); err != nil {
			return nil, bad(err)
		}
	}
	var subs []mssp.Subscriber
	var err error
	if r.Issuer == "" {
		subs, err = s.Store.Subscribers(ctx, after, r.limit())
	} else {
		subs, err = s.Store.SubscribersOf(ctx, r.Issuer, after, r.limit())
	}
	if err != nil {
		return nil, err
	}
	out := make([]UserInfo, 0, len(subs))
	for _, sub := range subs {
		out = append(out, userInfo(sub, mssp.Card{}, nil))
	}
	return out, nil
}

// User shows one subscriber with everything that belongs to him.
func (s *Service) User(ctx context.Context, r UserName) (UserInfo, error) {
	number, err := sms.ParseMSISDN(r.MSISDN)
	if err != nil {
		return UserInfo{}, bad(err)
	}
	sub, card, pairs, err := s.Store.Lookup(ctx, number)
	if errors.Is(err, mssp.ErrNotFound) {
		return UserInfo{}, &Refusal{Reason: NoSuchUser, MSISDN: number}
	} else if err != nil {
		return UserInfo{}, err
	}
	u := userInfo(sub, card, pairs)
	if u.Identity, err = identity(ctx, s.Store, number); err != nil {
		return u, err
	}
	if u.Device, err = device(ctx, s.Store, number); err != nil {
		return u, err
	}
	if u.Limits, err = s.limits(ctx, number); err != nil {
		return u, err
	}
	sit, err := s.Store.Situation(ctx, number)
	u.Open = dutyInfos(sit.Duties)
	return u, err
}

// Register makes a key pair on the card and a certificate for it; the user
// chooses or enters the personal code meanwhile.
func (s *Service) Register(ctx context.Context, r Registration) (Registered, error) {
	if s.Engine == nil {
		return Registered{}, ErrNotRunning
	}
	number, usage, err := subject(r.MSISDN, r.Usage)
	if err != nil {
		return Registered{}, err
	}
	req := registration.EnrolRequest{MSISDN: number, Usage: usage, Flow: registration.FlowA, PoPCode: r.PoP, PoPMade: r.PoPMade, SamePair: r.SamePair}
	if r.Algorithm != "" {
		alg, err := applet.ParseAlgorithm(r.Algorithm)
		if err != nil {
			return Registered{}, badf("algorithm: %w", err)
		}
		req.Algorithm = alg
	}
	switch r.Flow {
	case "", "A":
	case "B":
		req.Flow = registration.FlowB
	default:
		return Registered{}, badf("flow: must be A or B, is %q", r.Flow)
	}
	if r.PoP != "" {
		req.PoP = applet.PoPAsk
	}
	e, err := s.Engine.Enrol(ctx, req)
	if err != nil {
		return Registered{}, err
	}
	return Registered{
		Key: keyInfo(mssp.KeyPair{
			Slot: e.Slot, Usage: e.Usage, Algorithm: byte(e.Algorithm), State: e.State, Serial: e.Serial, CertDER: e.Certificate,
		}),
		Certificate: e.Certificate,
	}, nil
}

// ManageCode has the applet create, reset, unblock or change a personal code
// and returns when the user has done so (INT3b, 5.3-1 and 5.4-1).
func (s *Service) ManageCode(ctx context.Context, r CodeRequest) (Outcome, error) {
	if s.Engine == nil {
		return Outcome{}, ErrNotRunning
	}
	number, usage, err := subject(r.MSISDN, r.Usage)
	if err != nil {
		return Outcome{}, err
	}
	op, ok := map[string]applet.CodeOperation{
		"create": applet.CodeCreate, "reset": applet.CodeReset, "unblock": applet.CodeUnblock, "change": applet.CodeChange,
	}[r.Operation]
	if !ok {
		return Outcome{}, badf("operation: must be create, reset, unblock or change, is %q", r.Operation)
	}
	tx, err := s.Engine.ManageCode(ctx, number, usage, op)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Status: tx.Status, Detail: tx.Detail}, nil
}

// AppletState asks the applet how it is.
func (s *Service) AppletState(ctx context.Context, r UserName) (AppletInfo, error) {
	if s.Engine == nil {
		return AppletInfo{}, ErrNotRunning
	}
	number, err := sms.ParseMSISDN(r.MSISDN)
	if err != nil {
		return AppletInfo{}, bad(err)
	}
	state, err := s.Engine.QueryState(ctx, number)
	if err != nil {
		return AppletInfo{}, err
	}
	return appletInfo(state), nil
}

func appletInfo(state applet.State) AppletInfo {
	info := AppletInfo{Language: state.Language, LifeCycle: word(byte(state.LifeCycle), "", "installed", "active", "deactivated")}
	for _, c := range state.Codes {
		info.Codes = append(info.Codes, CodeInfo{
			Usage: mssp.KeyUsage(c.Code).String(), State: word(byte(c.Status), "not set", "set", "blocked"), TriesLeft: int(c.TriesLeft),
		})
	}
	for _, slot := range state.Slots {
		k := KeyInfo{Slot: slot.Number, State: word(byte(slot.Status), "empty", "generated", "registering", "registered")}
		if slot.Status != applet.SlotEmpty {
			k.Usage, k.Algorithm = mssp.KeyUsage(slot.Usage).String(), slot.Algorithm.String()
		}
		info.Slots = append(info.Slots, k)
	}
	return info
}

// word names a state; the applet may know more of them than we do.
func word(b byte, words ...string) string {
	if int(b) < len(words) && words[b] != "" {
		return words[b]
	}
	return fmt.Sprintf("state %02X", b)
}

func subject(msisdn, usage string) (sms.MSISDN, mssp.KeyUsage, error) {
	number, err := sms.ParseMSISDN(msisdn)
	if err != nil {
		return "", 0, bad(err)
	}
	for _, u := range []mssp.KeyUsage{mssp.Authentication, mssp.NonRepudiation} {
		if u.String() == usage {
			return number, u, nil
		}
	}
	return "", 0, badf("usage: must be authentication or non-repudiation, is %q", usage)
}

func userInfo(sub mssp.Subscriber, card mssp.Card, pairs []mssp.KeyPair) UserInfo {
	u := UserInfo{
		MSISDN: sub.MSISDN.String(), ICCID: sub.ICCID.String(), Name: sub.Name, Serial: sub.Serial,
		Language: sub.Language, State: string(sub.State), Blocked: card.Blocked,
	}
	for _, k := range pairs {
		u.Keys = append(u.Keys, keyInfo(k))
	}
	return u
}

func keyInfo(k mssp.KeyPair) KeyInfo {
	info := KeyInfo{
		Slot: k.Slot, Usage: k.Usage.String(), Algorithm: applet.Algorithm(k.Algorithm).String(),
		State: string(k.State), Serial: k.Serial, NotAfter: time.Time{},
	}
	if cert, err := x509.ParseCertificate(k.CertDER); err == nil {
		info.NotAfter = cert.NotAfter
	}
	return info
}
