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

// AddAP registers an application provider.
func (s *Service) AddAP(ctx context.Context, r APRequest) (APAdded, error) {
	if err := checkName(r.Name); err != nil {
		return APAdded{}, fmt.Errorf("name: %w", err)
	}
	ap := mssp.AP{ID: mssp.APID(r.ID), Name: r.Name, CertSHA256: r.Certs, Profiles: r.Profiles, Prefixes: r.Prefixes, CreatedAt: s.Clock()}
	if ap.ID == "" {
		ap.ID = apID(r.Name)
	}
	if u, err := url.Parse(string(ap.ID)); err != nil || u.Scheme == "" || len(ap.ID) > 128 {
		return APAdded{}, fmt.Errorf("id: %q is not a URI of at most 128 characters", ap.ID)
	}
	for _, p := range r.Profiles {
		if !s.knows(p) {
			return APAdded{}, fmt.Errorf("profile: no [[signature_profile]] has the uri %q", p)
		}
	}
	if r.NoPass && len(r.Certs) == 0 {
		return APAdded{}, errors.New("without a password and without a client certificate nobody could log in")
	}
	switch _, err := s.Store.AP(ctx, ap.ID); {
	case err == nil:
		return APAdded{}, fmt.Errorf("an application provider with the id %q exists already", ap.ID)
	case !errors.Is(err, mssp.ErrNotFound):
		return APAdded{}, err
	}
	password := r.Password
	if !r.NoPass {
		made := password == ""
		if made {
			password = rand.Text()
		}
		if len(password) < 12 {
			return APAdded{}, fmt.Errorf("password: has %d octets, at least 12 are needed", len(password))
		}
		hash, err := service.HashPassword(password)
		if err != nil {
			return APAdded{}, err
		}
		ap.PasswordHash = hash
		if !made {
			password = ""
		}
	}
	if err := s.Store.PutAP(ctx, ap); err != nil {
		return APAdded{}, err
	}
	return APAdded{APInfo: apInfo(ap), Password: password}, nil
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
	ap, err := s.Store.AP(ctx, mssp.APID(r.ID))
	if errors.Is(err, mssp.ErrNotFound) {
		return APInfo{}, fmt.Errorf("no application provider has the id %q", r.ID)
	} else if err != nil {
		return APInfo{}, err
	}
	ap.Disabled = !r.Enable
	if err := s.Store.PutAP(ctx, ap); err != nil {
		return APInfo{}, err
	}
	return apInfo(ap), nil
}
