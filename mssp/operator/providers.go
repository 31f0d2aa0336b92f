package operator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/store"
)

// AddAP registers an application provider. An AP_ID that is taken is
// ProviderExists, one that had a provider ProviderRemoved.
func (s *Service) AddAP(ctx context.Context, r APRequest) (APAdded, error) {
	ap := mssp.AP{
		ID: mssp.APID(r.ID), Name: r.Name, CertSHA256: r.Certs, Profiles: r.Profiles, Prefixes: r.Prefixes,
		Switches: mssp.Switches(r.APSwitches), CreatedAt: s.Clock(),
	}
	if err := checkName(ap.Name); err != nil {
		return APAdded{}, badf("name: %w", err)
	}
	if ap.ID == "" {
		if ap.ID = apID(ap.Name); ap.ID == "" {
			return APAdded{}, badf("id: the name has no letter a to z and no digit to make one of: give it")
		}
	}
	if !isURI(string(ap.ID)) {
		return APAdded{}, badf("id: %q is not a URI of at most 128 characters: printable ASCII without spaces, with a scheme (ap://example-bank)", ap.ID)
	}
	made, err := setPassword(&ap, r.Password, r.NoPass)
	if err != nil {
		return APAdded{}, err
	}
	if err := s.checkLists(ap.Profiles, ap.Octets, ap.Prefixes, ap.CertSHA256); err != nil {
		return APAdded{}, err
	}
	if err := s.checkLogin(&ap); err != nil {
		return APAdded{}, err
	}
	if err := s.checkAlike(ctx, ap.ID, ap.Name); err != nil {
		return APAdded{}, err
	}
	err = s.Store.AddAP(ctx, ap)
	if have, ok := errors.AsType[*store.Existing[mssp.AP]](err); ok {
		if !have.Row.RemovedAt.IsZero() {
			return APAdded{}, removed(&have.Row)
		}
		return APAdded{}, &Refusal{Reason: ProviderExists, AP: ap.ID, Detail: fmt.Sprintf("%q, %s", have.Row.Name, inService(&have.Row))}
	}
	if err != nil {
		return APAdded{}, err
	}
	ap.Version = 1
	return APAdded{APInfo: apInfo(&ap), Password: made}, nil
}

// EditAP changes an application provider, in one commit.
func (s *Service) EditAP(ctx context.Context, r APEdit) (APInfo, error) {
	if r.Name != nil {
		if err := s.checkAlike(ctx, mssp.APID(r.ID), *r.Name); err != nil {
			return APInfo{}, err
		}
	}
	return s.changeAP(ctx, r.ID, func(ap *mssp.AP) error {
		if r.Version != 0 && r.Version != ap.Version {
			return &Refusal{Reason: ProviderChanged, AP: ap.ID, Detail: fmt.Sprintf("it is version %d now, not %d", ap.Version, r.Version)}
		}
		if r.Name != nil {
			if err := checkName(*r.Name); err != nil {
				return badf("name: %w", err)
			}
		}
		if err := s.checkLists(value(r.Profiles), value(r.Octets), value(r.Prefixes), value(r.Certs)); err != nil {
			return err
		}
		set(&ap.Name, r.Name)
		set(&ap.CertSHA256, r.Certs)
		set(&ap.Profiles, r.Profiles)
		set(&ap.Prefixes, r.Prefixes)
		set(&ap.Octets, r.Octets)
		set(&ap.OtherDisplay, r.OtherDisplay)
		set(&ap.Certificates, r.Certificates)
		set(&ap.UniqueIDs, r.UniqueIDs)
		return s.checkLogin(ap)
	})
}

func set[T any](v *T, to *T) {
	if to != nil {
		*v = *to
	}
}

// SetPassword gives an application provider another password.
func (s *Service) SetPassword(ctx context.Context, r APPassword) (APAdded, error) {
	// Hashed before the commit, which nothing slow may hold.
	var with mssp.AP
	made, err := setPassword(&with, r.Password, r.NoPass)
	if err != nil {
		return APAdded{}, err
	}
	info, err := s.changeAP(ctx, r.ID, func(ap *mssp.AP) error {
		ap.PasswordHash = with.PasswordHash
		return s.checkLogin(ap)
	})
	return APAdded{APInfo: info, Password: made}, err
}

// DisableAP takes an application provider out of service or puts it back.
func (s *Service) DisableAP(ctx context.Context, r APDisable) (APInfo, error) {
	return s.changeAP(ctx, r.ID, func(ap *mssp.AP) error {
		ap.Disabled = !r.Enable
		if r.Enable {
			return s.checkBypass(ap)
		}
		return nil
	})
}

// RemoveAP ends an application provider for good: from this commit on it is
// unknown to the service, and its secrets are gone. The row stays, because
// transactions name it, and with it the AP_ID: whoever got that one anew would
// be answered about transactions that another has asked for.
func (s *Service) RemoveAP(ctx context.Context, r APName) (APRemoved, error) {
	info, err := s.changeAP(ctx, r.ID, func(ap *mssp.AP) error {
		ap.PasswordHash, ap.CertSHA256, ap.RemovedAt = "", nil, s.Clock()
		return nil
	})
	if err != nil {
		return APRemoved{}, err
	}
	gone := APRemoved{APInfo: info}
	open, err := s.Store.Transactions(ctx, store.TransactionFilter{AP: info.ID, Open: true, Limit: 1000})
	if err != nil || s.Engine == nil {
		gone.Open = len(open)
		return gone, err
	}
	for i := range open { // nobody is asked any more on behalf of somebody who is gone
		_, err := s.Engine.Cancel(ctx, open[i].ID, "simsign ap remove")
		switch {
		case err == nil:
			gone.Cancelled++
		case !errors.Is(err, mssp.ErrFinal) && !errors.Is(err, mssp.ErrNotFound):
			return gone, err
		}
	}
	return gone, nil
}

// changeAP changes a provider that is there and not removed.
func (s *Service) changeAP(ctx context.Context, id string, f func(*mssp.AP) error) (APInfo, error) {
	ap, err := s.Store.ChangeAP(ctx, mssp.APID(id), func(ap *mssp.AP) error {
		if !ap.RemovedAt.IsZero() {
			return removed(ap)
		}
		return f(ap)
	})
	if errors.Is(err, mssp.ErrNotFound) {
		return APInfo{}, &Refusal{Reason: NoSuchProvider, AP: mssp.APID(id)}
	}
	if err != nil {
		return APInfo{}, err
	}
	return apInfo(&ap), nil
}

func removed(ap *mssp.AP) *Refusal {
	return &Refusal{Reason: ProviderRemoved, AP: ap.ID, Detail: fmt.Sprintf("%q, on %s", ap.Name, ap.RemovedAt.Format(time.DateOnly))}
}

func inService(ap *mssp.AP) string {
	if ap.Disabled {
		return "disabled"
	}
	return "active"
}

// setPassword gives the provider the hash of a password, of one that is made
// where none is given. It returns the one that was made.
func setPassword(ap *mssp.AP, password string, none bool) (made string, err error) {
	if none && password != "" {
		return "", badf("a password and no password exclude each other")
	}
	ap.PasswordHash, made, err = passwordHash(password, none)
	return made, err
}

// passwordHash is the hash of a password, of one that is made where none is given; ""
// where there shall be none.
func passwordHash(password string, none bool) (hash, made string, err error) {
	switch {
	case none:
		return "", "", nil
	case password == "":
		made, hash, err = service.NewPassword()
		return hash, made, err
	case len(password) < 12:
		return "", "", badf("password: has %d octets, at least 12 are needed", len(password))
	}
	hash, err = service.HashPassword(password)
	return hash, "", err
}

func value(l *[]string) []string {
	if l == nil {
		return nil
	}
	return *l
}

// checkLists checks what is given: what stands in a row already may name a
// profile that the configuration has no more, and must not be in the way of a
// new password.
func (s *Service) checkLists(profiles, octets, prefixes, certs []string) error {
	for _, p := range profiles {
		if !s.knows(p) {
			return badf("profile: no [[signature_profile]] has the uri %q", p)
		}
	}
	for _, p := range octets {
		if !s.knows(p) {
			return badf("octets: no [[signature_profile]] has the uri %q", p)
		}
	}
	for _, p := range prefixes {
		if p == "" || strings.Trim(p, "0123456789") != "" {
			return badf("prefix: %q is not made of digits: the beginning of an international number, without the plus", p)
		}
	}
	for _, c := range certs {
		if b, err := hex.DecodeString(c); err != nil || len(b) != sha256.Size {
			return badf("cert: %q is not the SHA-256 of a certificate in hexadecimal", c)
		}
	}
	return nil
}

// checkLogin: the provider can log in, in one way.
func (s *Service) checkLogin(ap *mssp.AP) error {
	if ap.PasswordHash == "" && len(ap.CertSHA256) == 0 {
		return badf("without a password and without a client certificate nobody could log in")
	}
	return s.checkBypass(ap)
}

// checkBypass: where others reach the API nobody has a pinned certificate and a
// password, by which who knows it passes without the certificate.
func (s *Service) checkBypass(ap *mssp.AP) error {
	if s.Public && len(ap.CertSHA256) > 0 && ap.PasswordHash != "" {
		return badf("a client certificate and a password: while others reach the API, a provider has one of them (--no-password, or --cert none)")
	}
	return nil
}

func (s *Service) knows(uri string) bool {
	for _, p := range s.Profiles {
		if p.URI == uri || slices.Contains(p.Aliases, uri) {
			return true
		}
	}
	return false
}

func apInfo(ap *mssp.AP) APInfo {
	return APInfo{
		ID: ap.ID, Name: ap.Name, Password: ap.PasswordHash != "", Certs: ap.CertSHA256, Profiles: ap.Profiles, Prefixes: ap.Prefixes,
		APSwitches: APSwitches(ap.Switches), Disabled: ap.Disabled, Created: ap.CreatedAt, Removed: ap.RemovedAt, Version: ap.Version,
	}
}

// APs lists the application providers, also those that were removed. Their
// number is small: there are no pages.
func (s *Service) APs(ctx context.Context, _ Page) ([]APInfo, error) {
	aps, err := s.Store.APs(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]APInfo, 0, len(aps))
	for i := range aps {
		out = append(out, apInfo(&aps[i]))
	}
	return out, nil
}

// ProviderInfo shows one application provider, also one that was removed.
func (s *Service) ProviderInfo(ctx context.Context, r APName) (APInfo, error) {
	aps, err := s.APs(ctx, Page{})
	if err != nil {
		return APInfo{}, err
	}
	for _, ap := range aps {
		if string(ap.ID) == r.ID {
			return ap, nil
		}
	}
	return APInfo{}, &Refusal{Reason: NoSuchProvider, AP: mssp.APID(r.ID)}
}
