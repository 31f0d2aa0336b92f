package admin

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/display"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// Store is what the operations need of *store.Store.
type Store interface {
	pki.Store
	PutAP(ctx context.Context, ap mssp.AP) error
	AP(ctx context.Context, id mssp.APID) (mssp.AP, error)
	APs(ctx context.Context) ([]mssp.AP, error)
	ImportCard(ctx context.Context, c mssp.Card, ks []mssp.KeySet) error
	Card(ctx context.Context, iccid ota.ICCID) (mssp.Card, error)
	PutCard(ctx context.Context, c mssp.Card) error
	KeySets(ctx context.Context, iccid ota.ICCID) ([]mssp.KeySet, error)
	UpdateKeySet(ctx context.Context, iccid ota.ICCID, kvn byte, f func(*mssp.KeySet) error) error
	Cards(ctx context.Context, after ota.ICCID, limit int) ([]mssp.Card, error)
	PutSubscriber(ctx context.Context, sub mssp.Subscriber) error
	Subscribers(ctx context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error)
	SubscriberByICCID(ctx context.Context, iccid ota.ICCID) (mssp.Subscriber, error)
	Lookup(ctx context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error)
}

// Vault seals card keys and the CA key; *keys.Vault is one.
type Vault interface {
	pki.Sealer
	SealMaterial(iccid ota.ICCID, m keys.Material) ([]byte, error)
	OpenCounter(iccid ota.ICCID, kvn byte, blob []byte) (ota.CNTR, error)
	SealCounter(iccid ota.ICCID, kvn byte, c ota.CNTR) ([]byte, error)
}

// Engine is what the operations need of *engine.Engine.
type Engine interface {
	Enrol(ctx context.Context, r engine.EnrolRequest) (engine.Enrolment, error)
	ManageCode(ctx context.Context, number sms.MSISDN, u mssp.KeyUsage, op engine.CodeOperation) (mssp.Transaction, error)
	QueryState(ctx context.Context, number sms.MSISDN) (engine.AppletState, error)
}

// Service does the operations.
type Service struct {
	Store        Store
	Vault        Vault
	Engine       Engine // nil where no service runs: such operations are ErrNotRunning
	SMSCs        SMSCs  // likewise
	CardProfiles map[string]mssp.CardProfile
	Profiles     []mssp.SignatureProfile
	Clock        func() time.Time
	Logger       *slog.Logger
}

var _ Backend = (*Service)(nil)

// limit of a page.
func (p Page) limit() int {
	if p.Limit <= 0 || p.Limit > 1000 {
		return 1000
	}
	return p.Limit
}

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

// ImportCards imports a card file: all of it is read and checked before the
// first card is stored. Cards that are there already are left alone.
func (s *Service) ImportCards(ctx context.Context, r CardImport) (CardImported, error) {
	var done CardImported
	cards, err := ParseCards(r.CSV, s.CardProfiles)
	if err != nil {
		return done, err
	}
	for _, c := range cards {
		sets := make([]mssp.KeySet, len(c.Keys))
		for i, m := range c.Keys {
			sets[i] = mssp.KeySet{ICCID: c.Card.ICCID, KVN: m.KVN}
			if sets[i].Keys, err = s.Vault.SealMaterial(c.Card.ICCID, m); err != nil {
				return done, err
			}
			last, err := keys.ImportCounter(c.Last[i], s.Clock(), s.counterMode(c.Card.Profile))
			if err != nil {
				return done, fmt.Errorf("after %d cards: key set %d of the next: %w", done.Imported, m.KVN, err)
			}
			if sets[i].Counter, err = s.Vault.SealCounter(c.Card.ICCID, m.KVN, last); err != nil {
				return done, err
			}
		}
		c.Card.CreatedAt = s.Clock()
		switch err := s.Store.ImportCard(ctx, c.Card, sets); {
		case errors.Is(err, store.ErrExists):
			done.Present++
		case err != nil:
			return done, fmt.Errorf("after %d cards: %w", done.Imported, err)
		default:
			done.Imported++
		}
	}
	return done, nil
}

// Cards lists cards in the order of their numbers.
func (s *Service) Cards(ctx context.Context, r Page) ([]CardInfo, error) {
	cards, err := s.Store.Cards(ctx, ota.ICCID(r.After), r.limit())
	if err != nil {
		return nil, err
	}
	out := make([]CardInfo, 0, len(cards))
	for _, c := range cards {
		out = append(out, cardInfo(c))
	}
	return out, nil
}

func cardInfo(c mssp.Card) CardInfo {
	return CardInfo{ICCID: c.ICCID.String(), IMSI: c.IMSI, Profile: c.Profile, State: c.State}
}

// InitCA makes the CA.
func (s *Service) InitCA(ctx context.Context, r CARequest) (CAInfo, error) {
	err := pki.Create(ctx, s.Store, s.Vault, pki.CreateOptions{
		Name: r.Name, Organization: r.Organization, Country: r.Country, Key: pki.KeySpec(r.Key),
		Test: r.Test, UnderRoot: r.UnderRoot, Now: s.Clock(),
	})
	if err != nil {
		return CAInfo{}, err
	}
	ca, err := pki.Load(ctx, pki.Options{Store: s.Store, Sealer: s.Vault, Clock: s.Clock})
	if err != nil {
		return CAInfo{}, err
	}
	return caInfo(ca.Certificate(), ca.Root(), s.Engine != nil), nil
}

func caInfo(cert, root *x509.Certificate, running bool) CAInfo {
	info := CAInfo{Subject: cert.Subject.String(), NotAfter: cert.NotAfter, Certificate: cert.Raw, Restart: running}
	if !root.Equal(cert) {
		info.Root = root.Raw
	}
	return info
}

// PEM is what somebody who verifies signatures trusts: the CA's certificate
// and, as OpenSSL wants the chain to its end, that of the root above it.
func (c CAInfo) PEM() []byte {
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate})
	if c.Root != nil {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Root})...)
	}
	return out
}
