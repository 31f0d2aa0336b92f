package operator

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// PartyStore is what Parties needs of *store.Store.
type PartyStore interface {
	AddIssuer(ctx context.Context, v party.Issuer) error
	ChangeIssuer(ctx context.Context, id string, f func(*party.Issuer) error) (party.Issuer, error)
	Issuers(ctx context.Context) ([]party.Issuer, error)
	AddClient(ctx context.Context, v party.Client) error
	ChangeClient(ctx context.Context, id string, f func(*party.Client) error) (party.Client, error)
	Clients(ctx context.Context) ([]party.Client, error)
}

// PartyOperations are those about card issuers (W-8) and the clients of INT3b and INT3c
// (W-2).
type PartyOperations interface {
	AddIssuer(ctx context.Context, r IssuerRequest) (IssuerInfo, error)
	Issuers(ctx context.Context, r Page) ([]IssuerInfo, error)
	EditIssuer(ctx context.Context, r IssuerEdit) (IssuerInfo, error)
	RemoveIssuer(ctx context.Context, r PartyName) (IssuerInfo, error)
	AssignCard(ctx context.Context, r CardOwner) (CardInfo, error)

	AddClient(ctx context.Context, r ClientRequest) (ClientAdded, error)
	Clients(ctx context.Context, r Page) ([]ClientInfo, error)
	SetClientLogin(ctx context.Context, r ClientLogin) (ClientAdded, error)
	DisableClient(ctx context.Context, r ClientDisable) (ClientInfo, error)
	RemoveClient(ctx context.Context, r PartyName) (ClientInfo, error)
}

// Parties does them; it is a part of a Service.
type Parties struct {
	rows PartyStore
	of   *Service
}

// WithParties gives a Service its Parties.
func (s *Service) WithParties(rows PartyStore) *Service {
	s.Parties = Parties{rows, s}
	return s
}

// PartyName names an issuer or a client.
type PartyName struct {
	ID string `json:"id"`
}

// IssuerRequest makes a card issuer.
type IssuerRequest struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Profiles []string `json:"profiles,omitempty"` // signature profiles for which its users may be registered; empty: all
	CA       []byte   `json:"ca,omitempty"`       // certificate (DER) of the CA whose certificates its RA brings; nil: any
}

// IssuerEdit changes what is not nil.
type IssuerEdit struct {
	ID       string    `json:"id"`
	Name     *string   `json:"name,omitempty"`
	Profiles *[]string `json:"profiles,omitempty"`
	CA       *[]byte   `json:"ca,omitempty"`
}

// IssuerInfo is a card issuer.
type IssuerInfo struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Profiles []string  `json:"profiles,omitempty"` // empty: all
	CA       string    `json:"ca,omitempty"`       // subject of the CA's certificate; empty: any CA
	CACert   []byte    `json:"caCert,omitempty"`   // DER
	Created  time.Time `json:"created,omitzero"`
	Removed  time.Time `json:"removed,omitzero"`
	Version  int64     `json:"version"`
}

// CardOwner gives a card to an issuer; "": to none.
type CardOwner struct {
	ICCID  string `json:"iccid"`
	Issuer string `json:"issuer"`
}

// ClientRequest makes a client. It logs in by password or by certificate.
type ClientRequest struct {
	ID       string   `json:"id"`
	Role     string   `json:"role"`
	Issuer   string   `json:"issuer,omitempty"`   // for which it acts; empty: for all
	Password string   `json:"password,omitempty"` // empty, and no certificate: one is made
	Certs    []string `json:"certs,omitempty"`    // SHA-256 of client certificates (DER), hexadecimal
}

// ClientAdded holds the password that was made: it is shown once.
type ClientAdded struct {
	ClientInfo
	Made string `json:"made,omitempty"`
}

// ClientInfo is a client without its secrets.
type ClientInfo struct {
	ID       string    `json:"id"`
	Role     string    `json:"role"`
	Issuer   string    `json:"issuer,omitempty"`
	Password bool      `json:"password"`
	Certs    []string  `json:"certs,omitempty"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created,omitzero"`
	Removed  time.Time `json:"removed,omitzero"`
	Version  int64     `json:"version"`
}

// ClientLogin gives a client another password, or certificates in place of one; what it
// had before opens nothing any more.
type ClientLogin struct {
	ID       string   `json:"id"`
	Password string   `json:"password,omitempty"` // empty, and no certificate: one is made
	Certs    []string `json:"certs,omitempty"`
}

// ClientDisable takes a client out of service, or puts it back.
type ClientDisable struct {
	ID     string `json:"id"`
	Enable bool   `json:"enable,omitempty"`
}

// checkID: what people type, and what stands in logs and in HTTP Basic.
func checkID(id string) error {
	if id == "" || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
		return badf("id: %q is not made of 1 to 64 of a to z, 0 to 9, - . _", id)
	}
	return nil
}

// AddIssuer makes a card issuer.
func (p Parties) AddIssuer(ctx context.Context, r IssuerRequest) (IssuerInfo, error) {
	v := party.Issuer{ID: r.ID, Name: r.Name, Profiles: r.Profiles, CA: r.CA, CreatedAt: p.of.Clock()}
	if err := checkID(v.ID); err != nil {
		return IssuerInfo{}, err
	}
	if err := p.checkIssuer(&v, v.Profiles); err != nil {
		return IssuerInfo{}, err
	}
	err := p.rows.AddIssuer(ctx, v)
	if have, ok := errors.AsType[*store.Existing[party.Issuer]](err); ok {
		return IssuerInfo{}, &Refusal{Reason: IssuerExists, Party: v.ID, Detail: fmt.Sprintf("%q", have.Row.Name)}
	}
	v.Version = 1
	return issuerInfo(&v), err
}

func (p Parties) checkIssuer(v *party.Issuer, profiles []string) error {
	if err := checkName(v.Name); err != nil {
		return badf("name: %w", err)
	}
	if err := p.of.checkLists(profiles, nil, nil, nil); err != nil {
		return err
	}
	if len(v.CA) == 0 {
		return nil
	}
	if c, err := x509.ParseCertificate(v.CA); err != nil || !c.IsCA {
		return badf("ca: is not the certificate of a CA")
	}
	return nil
}

// Issuers lists the card issuers, also those that were removed: their number is small.
func (p Parties) Issuers(ctx context.Context, _ Page) ([]IssuerInfo, error) {
	return infos(issuerInfo)(p.rows.Issuers(ctx))
}

// infos are the rows of a list as they are shown.
func infos[T, Info any](show func(*T) Info) func([]T, error) ([]Info, error) {
	return func(rows []T, err error) ([]Info, error) {
		if err != nil {
			return nil, err
		}
		out := make([]Info, len(rows))
		for i := range rows {
			out[i] = show(&rows[i])
		}
		return out, nil
	}
}

// EditIssuer changes a card issuer, in one commit.
func (p Parties) EditIssuer(ctx context.Context, r IssuerEdit) (IssuerInfo, error) {
	return p.changeIssuer(ctx, r.ID, func(v *party.Issuer) error {
		set(&v.Name, r.Name)
		set(&v.Profiles, r.Profiles)
		set(&v.CA, r.CA)
		return p.checkIssuer(v, value(r.Profiles))
	})
}

// RemoveIssuer ends a card issuer: nobody acts for it any more, and it gets no cards.
// Those that it has stay where they are.
func (p Parties) RemoveIssuer(ctx context.Context, r PartyName) (IssuerInfo, error) {
	return p.changeIssuer(ctx, r.ID, func(v *party.Issuer) error {
		v.RemovedAt = p.of.Clock()
		return nil
	})
}

func (p Parties) changeIssuer(ctx context.Context, id string, f func(*party.Issuer) error) (IssuerInfo, error) {
	v, err := p.rows.ChangeIssuer(ctx, id, func(v *party.Issuer) error {
		if !v.RemovedAt.IsZero() {
			return &Refusal{Reason: IssuerRemoved, Party: id, Detail: "on " + v.RemovedAt.Format(time.DateOnly)}
		}
		return f(v)
	})
	if errors.Is(err, mssp.ErrNotFound) {
		err = &Refusal{Reason: NoSuchIssuer, Party: id}
	}
	if err != nil {
		return IssuerInfo{}, err
	}
	return issuerInfo(&v), nil
}

// noIssuer says which issuer a row names that is not there.
func noIssuer(id string, err error) error {
	if errors.Is(err, store.ErrNoIssuer) {
		return &Refusal{Reason: NoSuchIssuer, Party: id}
	}
	return err
}

// AssignCard gives a card to an issuer.
func (p Parties) AssignCard(ctx context.Context, r CardOwner) (CardInfo, error) {
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CardInfo{}, bad(err)
	}
	c, err := p.of.Store.ChangeCard(ctx, iccid, func(c *mssp.Card) error { c.Issuer = r.Issuer; return nil })
	if err != nil {
		return CardInfo{}, noIssuer(r.Issuer, noCard(iccid, err))
	}
	p.of.Logger.Info("card assigned", "iccid", iccid, "issuer", r.Issuer)
	return cardInfo(c), nil
}

// AddClient makes a client of INT3b or INT3c.
func (p Parties) AddClient(ctx context.Context, r ClientRequest) (ClientAdded, error) {
	v := party.Client{ID: r.ID, Role: audit.Role(r.Role), Issuer: r.Issuer, CreatedAt: p.of.Clock()}
	if err := checkID(v.ID); err != nil {
		return ClientAdded{}, err
	}
	if !slices.Contains(party.Roles, v.Role) {
		return ClientAdded{}, badf("role: %q is none of %s", r.Role, roles())
	}
	made, err := p.login(&v, r.Password, r.Certs)
	if err != nil {
		return ClientAdded{}, err
	}
	err = p.rows.AddClient(ctx, v)
	if have, ok := errors.AsType[*store.Existing[party.Client]](err); ok {
		return ClientAdded{}, &Refusal{Reason: ClientExists, Party: v.ID, Detail: clientState(&have.Row)}
	}
	if err != nil {
		return ClientAdded{}, noIssuer(v.Issuer, err)
	}
	v.Version = 1
	return ClientAdded{ClientInfo: clientInfo(&v), Made: made}, nil
}

func roles() string {
	var words []string
	for _, r := range party.Roles {
		words = append(words, string(r))
	}
	return strings.Join(words, ", ")
}

func clientState(v *party.Client) string {
	switch {
	case !v.RemovedAt.IsZero():
		return "removed on " + v.RemovedAt.Format(time.DateOnly) + "; its id stays with its history"
	case v.Disabled:
		return "disabled"
	}
	return "active"
}

// login gives a client its one way to log in. It returns the password that was made.
func (p Parties) login(v *party.Client, password string, certs []string) (made string, err error) {
	if len(certs) > 0 && password != "" {
		return "", badf("a client certificate and a password: a client has one of them, or who knows the password passes without the certificate")
	}
	if err := p.of.checkLists(nil, nil, nil, certs); err != nil {
		return "", err
	}
	v.CertSHA256 = certs
	v.PasswordHash, made, err = passwordHash(password, len(certs) > 0)
	return made, err
}

// Clients lists the clients, also those that were removed: their number is small.
func (p Parties) Clients(ctx context.Context, _ Page) ([]ClientInfo, error) {
	return infos(clientInfo)(p.rows.Clients(ctx))
}

// SetClientLogin gives a client another password, or certificates.
func (p Parties) SetClientLogin(ctx context.Context, r ClientLogin) (ClientAdded, error) {
	var with party.Client // hashed before the commit, which nothing slow may hold
	made, err := p.login(&with, r.Password, r.Certs)
	if err != nil {
		return ClientAdded{}, err
	}
	info, err := p.changeClient(ctx, r.ID, func(v *party.Client) error {
		v.PasswordHash, v.CertSHA256 = with.PasswordHash, with.CertSHA256
		return nil
	})
	return ClientAdded{ClientInfo: info, Made: made}, err
}

// DisableClient takes a client out of service or puts it back.
func (p Parties) DisableClient(ctx context.Context, r ClientDisable) (ClientInfo, error) {
	return p.changeClient(ctx, r.ID, func(v *party.Client) error {
		v.Disabled = !r.Enable
		return nil
	})
}

// RemoveClient ends a client for good: it cannot log in, and its secrets are gone. Its id
// stays with what it has done.
func (p Parties) RemoveClient(ctx context.Context, r PartyName) (ClientInfo, error) {
	return p.changeClient(ctx, r.ID, func(v *party.Client) error {
		v.PasswordHash, v.CertSHA256, v.RemovedAt = "", nil, p.of.Clock()
		return nil
	})
}

func (p Parties) changeClient(ctx context.Context, id string, f func(*party.Client) error) (ClientInfo, error) {
	v, err := p.rows.ChangeClient(ctx, id, func(v *party.Client) error {
		if !v.RemovedAt.IsZero() {
			return &Refusal{Reason: ClientRemoved, Party: id, Detail: clientState(v)}
		}
		return f(v)
	})
	if errors.Is(err, mssp.ErrNotFound) {
		err = &Refusal{Reason: NoSuchClient, Party: id}
	}
	if err != nil {
		return ClientInfo{}, err
	}
	return clientInfo(&v), nil
}

func issuerInfo(v *party.Issuer) IssuerInfo {
	i := IssuerInfo{ID: v.ID, Name: v.Name, Profiles: v.Profiles, CACert: v.CA, Created: v.CreatedAt, Removed: v.RemovedAt, Version: v.Version}
	if c, err := x509.ParseCertificate(v.CA); err == nil {
		i.CA = c.Subject.String()
	}
	return i
}

func clientInfo(v *party.Client) ClientInfo {
	return ClientInfo{
		ID: v.ID, Role: string(v.Role), Issuer: v.Issuer, Password: v.PasswordHash != "", Certs: v.CertSHA256, Disabled: v.Disabled,
		Created: v.CreatedAt, Removed: v.RemovedAt, Version: v.Version,
	}
}
