package operator

import (
	"context"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// Identification records who has identified a user (3.5.1-1, 3.5.1-11), before he is
// registered.
type Identification struct {
	MSISDN   string    `json:"msisdn"`
	How      string    `json:"how"`                // face-to-face, portal, partner, eid or kiosk
	By       string    `json:"by"`                 // who has identified him
	At       time.Time `json:"at,omitzero"`        // when; zero: now
	Email    string    `json:"email,omitempty"`    // private address (3.5.4-4)
	Document string    `json:"document,omitempty"` // reference of what was shown
}

// IdentityInfo is what was recorded.
type IdentityInfo struct {
	How      string    `json:"how"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Email    string    `json:"email,omitempty"`
	Document string    `json:"document,omitempty"`
	Recorder string    `json:"recorder"`
	Recorded time.Time `json:"recorded"`
}

// maxDocument is how long the note on a document may be.
const maxDocument = 200

// IdentifyUser stores the record of a person, in the place of an earlier one.
func (s *Service) IdentifyUser(ctx context.Context, r Identification) (UserInfo, error) {
	i, err := newIdentity(&r, s.Clock())
	if err != nil {
		return UserInfo{}, err
	}
	i.Recorder = audit.From(ctx).Name
	if _, err := s.Store.Identify(ctx, i); errors.Is(err, mssp.ErrNotFound) {
		return UserInfo{}, &Refusal{Reason: NoSuchUser, MSISDN: i.MSISDN}
	} else if err != nil {
		return UserInfo{}, err
	}
	s.Logger.Info("a user was identified", "msisdn", i.MSISDN, "how", string(i.How))
	return s.User(ctx, UserName{MSISDN: r.MSISDN})
}

func newIdentity(r *Identification, now time.Time) (i mssp.Identity, err error) {
	i = mssp.Identity{How: mssp.Identified(r.How), At: r.At, Email: r.Email, Document: strings.TrimSpace(r.Document), RecordedAt: now}
	if i.MSISDN, err = sms.ParseMSISDN(r.MSISDN); err != nil {
		return i, bad(err)
	}
	if i.By, err = named(r.By); err != nil {
		return i, err
	}
	if i.At.IsZero() {
		i.At = now
	}
	switch {
	case !slices.Contains(mssp.Identifications(), i.How):
		return i, badf("how: must be face-to-face, portal, partner, eid or kiosk, is %q", r.How)
	case i.At.After(now):
		return i, badf("at: is later than now")
	case i.At.Year() < 1970:
		return i, badf("at: is before 1970")
	case len(i.Document) > maxDocument || strings.ContainsFunc(i.Document, func(c rune) bool { return !unicode.IsPrint(c) }):
		return i, badf("document: must be a line of at most %d octets of text", maxDocument)
	case r.Email != "":
		return i, checkEmail(r.Email)
	}
	return i, nil
}

// checkEmail wants one address and nothing around it: no name, no second one, and no
// line break that would begin a header of its own.
func checkEmail(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" || len(s) > 254 || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7F }) {
		return badf("email: must be an address such as anna@example.com, and nothing else")
	}
	return nil
}

// identity is what was recorded of a user; nil when nothing was.
func identity(ctx context.Context, st Store, n sms.MSISDN) (*IdentityInfo, error) {
	i, err := st.Identity(ctx, n)
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &IdentityInfo{How: string(i.How), By: i.By, At: i.At, Email: i.Email, Document: i.Document, Recorder: i.Recorder, Recorded: i.RecordedAt}, nil
}
