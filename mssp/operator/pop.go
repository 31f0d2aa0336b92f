package operator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/letter"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/ota/sms"
)

// PoPRules are how Proof of Possession codes are made and delivered.
type PoPRules struct {
	Digits, Tries int
	Life          time.Duration
	SamePhone     bool         // an SMS to the phone on which the code is entered is warned of, and not refused
	Letters       string       // folder; "": nothing is printed
	Mail          *letter.Mail // nil: none is sent
}

// PoPRequest makes a code for the next registration of a user and delivers it by a channel: sms,
// email, print or screen.
type PoPRequest struct {
	MSISDN  string `json:"msisdn"`
	Channel string `json:"channel"`
	To      string `json:"to,omitempty"` // number or address; empty: the user's
}

// PoPMade says how a code was delivered.
type PoPMade struct {
	MSISDN  string    `json:"msisdn"`
	Channel string    `json:"channel"`
	Until   time.Time `json:"until"`
	Tries   int       `json:"tries"`
	Code    string    `json:"code,omitempty"`    // to be shown once; of channel screen only
	File    string    `json:"file,omitempty"`    // of channel print
	Warning string    `json:"warning,omitempty"` // what is weak about it
}

const samePhone = "the code goes by SMS to the phone on which it will be entered: whoever has the phone reads it (3.5.1-12)"

// MakePoP makes a code and delivers it. An earlier one is worth nothing from then on, and neither is
// this one when it cannot be delivered.
func (s *Service) MakePoP(ctx context.Context, r PoPRequest) (PoPMade, error) {
	number, err := sms.ParseMSISDN(r.MSISDN)
	if err != nil {
		return PoPMade{}, bad(err)
	}
	channel := mssp.PoPChannel(r.Channel)
	if !slices.Contains(mssp.PoPChannels(), channel) {
		return PoPMade{}, badf("channel: must be sms, email, print or screen, is %q", r.Channel)
	}
	sub, _, _, err := s.Store.Lookup(ctx, number)
	if errors.Is(err, mssp.ErrNotFound) {
		return PoPMade{}, &Refusal{Reason: NoSuchUser, MSISDN: number}
	} else if err != nil {
		return PoPMade{}, err
	}
	done := PoPMade{MSISDN: number.String(), Channel: r.Channel, Tries: s.PoP.Tries}
	deliver, err := s.delivery(ctx, &sub, channel, r.To, &done)
	if err != nil {
		return PoPMade{}, err
	}
	code, p, err := registration.MakePoP(s.Vault, number, s.PoP.Digits, s.PoP.Tries, s.Clock(), s.PoP.Life)
	if err != nil {
		return PoPMade{}, err
	}
	p.Channel, done.Until = channel, p.ExpiresAt
	if err := s.Store.GivePoP(ctx, p); err != nil {
		return PoPMade{}, err
	}
	if err := deliver(&p, letter.Letter{Code: code, Until: p.ExpiresAt, Name: sub.Name, Language: sub.Language}); err != nil {
		return PoPMade{}, errors.Join(&Refusal{Reason: NotDelivered, Detail: err.Error(), err: err}, s.Store.TakePoP(ctx, number, p.ID))
	}
	s.Logger.Info("a registration code was made", "msisdn", number, "channel", r.Channel)
	return done, nil
}

// delivery is how a code will go to its user, when there is a way.
func (s *Service) delivery(ctx context.Context, sub *mssp.Subscriber, channel mssp.PoPChannel, to string, done *PoPMade) (func(*mssp.PoP, letter.Letter) error, error) {
	if to != "" && channel != mssp.PoPBySMS && channel != mssp.PoPByEmail {
		return nil, badf("to: is for channels sms and email")
	}
	switch channel {
	case mssp.PoPBySMS:
		return s.bySMS(ctx, sub, to, done)
	case mssp.PoPByEmail:
		return s.byEmail(ctx, sub, to)
	case mssp.PoPByPrint:
		if s.PoP.Letters == "" {
			return nil, badf("channel: nothing is printed here: letters of [registration] names no folder")
		}
		return func(p *mssp.PoP, l letter.Letter) (err error) {
			done.File, err = letter.Print(s.PoP.Letters, strings.ToLower(p.ID[:12]), l)
			return err
		}, nil
	default:
		return func(_ *mssp.PoP, l letter.Letter) error { done.Code = l.Code; return nil }, nil
	}
}

// bySMS holds the policy that delivery and verification go by two channels: the code is
// entered on the phone that has the card.
func (s *Service) bySMS(ctx context.Context, sub *mssp.Subscriber, to string, done *PoPMade) (func(*mssp.PoP, letter.Letter) error, error) {
	if s.Engine == nil {
		return nil, ErrNotRunning
	}
	number := sub.MSISDN
	if to != "" {
		var err error
		if number, err = sms.ParseMSISDN(to); err != nil {
			return nil, bad(err)
		}
	}
	if number == sub.MSISDN {
		if !s.PoP.SamePhone {
			return nil, &Refusal{Reason: SameChannel, Detail: samePhone + ": name another number (--to) or another channel"}
		}
		done.Warning = samePhone
	}
	return func(_ *mssp.PoP, l letter.Letter) error {
		l.Name = ""
		return s.Engine.Say(ctx, number, l.Text(), min(s.PoP.Life, 24*time.Hour))
	}, nil
}

func (s *Service) byEmail(ctx context.Context, sub *mssp.Subscriber, to string) (func(*mssp.PoP, letter.Letter) error, error) {
	if s.PoP.Mail == nil {
		return nil, badf("channel: no e-mail is sent from here: mail_server of [registration] names none")
	}
	if to == "" {
		i, err := identity(ctx, s.Store, sub.MSISDN)
		if err != nil {
			return nil, err
		}
		if i == nil || i.Email == "" {
			return nil, badf("to: no e-mail address of the user is known: record it (simsign user identify --email), or name one (--to)")
		}
		to = i.Email
	}
	if err := checkEmail(to); err != nil {
		return nil, err
	}
	return func(_ *mssp.PoP, l letter.Letter) error { return s.PoP.Mail.Send(ctx, to, l) }, nil
}
