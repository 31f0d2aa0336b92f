package operator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/display"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// maxName is how many characters a provider's name may have: it stands before
// every text, on a screen of as little as 120.
const maxName = 40

func checkName(name string) error {
	if strings.TrimSpace(name) == "" {
		return errors.New("is blank: users see it on the handset, before every text")
	}
	if n := sms.UCS2Len(name); n > maxName {
		return fmt.Errorf("has %d characters, at most %d are allowed: it takes room from every text on the handset", n, maxName)
	}
	return display.CheckName(name)
}

// AddAP registers an application provider. An AP_ID that is taken is ProviderExists.
func (s *Service) AddAP(ctx context.Context, r APRequest) (APAdded, error) {
	ap, err := s.newAP(&r)
	if err != nil {
		return APAdded{}, err
	}
	password := r.Password
	if password == "" && !r.NoPass {
		password = rand.Text()
	}
	if password != "" && !r.NoPass {
		if len(password) < 12 {
			return APAdded{}, badf("password: has %d octets, at least 12 are needed", len(password))
		}
		if ap.PasswordHash, err = service.HashPassword(password); err != nil {
			return APAdded{}, err
		}
	}
	err = s.Store.AddAP(ctx, ap)
	if have, ok := errors.AsType[*store.Existing[mssp.AP]](err); ok {
		return APAdded{}, &Refusal{Reason: ProviderExists, AP: ap.ID, Detail: fmt.Sprintf("%q, %s", have.Row.Name, inService(&have.Row))}
	}
	if err != nil {
		return APAdded{}, err
	}
	added := APAdded{APInfo: apInfo(ap)}
	if r.Password == "" && !r.NoPass {
		added.Password = password // made here: it is shown this once
	}
	return added, nil
}

func inService(ap *mssp.AP) string {
	if ap.Disabled {
		return "disabled"
	}
	return "active"
}

// newAP is the provider of a request, without a password.
func (s *Service) newAP(r *APRequest) (mssp.AP, error) {
	ap := mssp.AP{ID: mssp.APID(r.ID), Name: r.Name, CertSHA256: r.Certs, Profiles: r.Profiles, Prefixes: r.Prefixes, CreatedAt: s.Clock()}
	if err := checkName(r.Name); err != nil {
		return ap, badf("name: %w", err)
	}
	if ap.ID == "" {
		ap.ID = apID(r.Name)
	}
	if u, err := url.Parse(string(ap.ID)); err != nil || u.Scheme == "" || len(ap.ID) > 128 {
		return ap, badf("id: %q is not a URI of at most 128 characters", ap.ID)
	}
	for _, p := range r.Profiles {
		if !s.knows(p) {
			return ap, badf("profile: no [[signature_profile]] has the uri %q", p)
		}
	}
	if r.NoPass && len(r.Certs) == 0 {
		return ap, badf("without a password and without a client certificate nobody could log in")
	}
	return ap, nil
}

func (s *Service) knows(uri string) bool {
	for _, p := range s.Profiles {
		if p.URI == uri {
			return true
		}
	}
	return false
}

// apID makes an AP_ID from a name: lower-case letters and digits, "-" between.
func apID(name string) mssp.APID {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	return mssp.APID("ap://" + strings.Join(words, "-"))
}

func apInfo(ap mssp.AP) APInfo {
	return APInfo{ID: ap.ID, Name: ap.Name, Password: ap.PasswordHash != "", Certs: len(ap.CertSHA256), Disabled: ap.Disabled}
}

// APs lists the application providers. Their number is small: there are no pages.
func (s *Service) APs(ctx context.Context, _ Page) ([]APInfo, error) {
	aps, err := s.Store.APs(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]APInfo, 0, len(aps))
	for _, ap := range aps {
		out = append(out, apInfo(ap))
	}
	return out, nil
}

// DisableAP takes an application provider out of service or puts it back.
func (s *Service) DisableAP(ctx context.Context, r APDisable) (APInfo, error) {
	id := mssp.APID(r.ID)
	ap, err := s.Store.ChangeAP(ctx, id, func(ap *mssp.AP) error {
		ap.Disabled = !r.Enable
		return nil
	})
	if errors.Is(err, mssp.ErrNotFound) {
		return APInfo{}, &Refusal{Reason: NoSuchProvider, AP: id}
	}
	return apInfo(ap), err
}
