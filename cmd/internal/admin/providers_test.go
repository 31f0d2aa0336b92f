package admin

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/store"
)

// withOpen is a store with open transactions of a provider.
type withOpen struct {
	*store.Store
	open map[mssp.APID][]mssp.TransID
}

func (s withOpen) Transactions(_ context.Context, f store.TransactionFilter) (txs []mssp.Transaction, err error) {
	for _, id := range s.open[f.AP] {
		txs = append(txs, mssp.Transaction{ID: id, AP: f.AP})
	}
	return txs, nil
}

// cancels notes what was cancelled; one transaction has ended meanwhile.
type cancels struct {
	operator.Engine
	done []mssp.TransID
}

func (c *cancels) Cancel(_ context.Context, id mssp.TransID, by string) (mssp.Transaction, error) {
	if id == "ended" {
		return mssp.Transaction{}, mssp.ErrFinal
	}
	if by == "" {
		return mssp.Transaction{}, mssp.ErrNotFound
	}
	c.done = append(c.done, id)
	return mssp.Transaction{ID: id}, nil
}

// A provider is changed in what is named and nothing else, gets another
// password, and is removed; then it is unknown to the service, what it had open
// is cancelled, and nobody gets its AP_ID.
func TestProviderLife(t *testing.T) {
	s, st, _ := newService(t)
	b := remote(t, s)
	ctx := t.Context()
	const bank, profile = "ap://example-bank", "http://localhost/authentication"
	s.Profiles = []mssp.SignatureProfile{{URI: "http://localhost/x", Aliases: []string{profile}}}
	added, err := b.AddAP(ctx, operator.APRequest{
		Name: "Example Bank", Prefixes: []string{"4179"}, Profiles: []string{profile},
		APSwitches: operator.APSwitches{Octets: []string{profile}, UniqueIDs: true},
	})
	if err != nil || !added.UniqueIDs || added.Version != 1 {
		t.Fatalf("%+v, %v", added, err)
	}
	yes, no, name := true, false, "Bank"
	s.Profiles = nil // the configuration has it no more: that is in the way of nothing else
	changed, err := b.EditAP(ctx, operator.APEdit{ID: bank, Version: 1, Name: &name, Certificates: &yes, UniqueIDs: &no, Prefixes: &[]string{}})
	if err != nil || changed.Name != "Bank" || !changed.Certificates || changed.UniqueIDs || len(changed.Prefixes) != 0 ||
		!slices.Equal(changed.Octets, []string{profile}) || !slices.Equal(changed.Profiles, []string{profile}) || changed.Version != 2 || changed.OtherDisplay {
		t.Errorf("%+v, %v", changed, err)
	}
	_, err = b.EditAP(ctx, operator.APEdit{ID: bank, Version: 1, Name: &name})
	wantRefusal(t, err, operator.Refusal{Reason: operator.ProviderChanged, AP: bank, Detail: "it is version 2 now, not 1"})
	_, err = b.EditAP(ctx, operator.APEdit{ID: bank, Octets: &[]string{"http://nowhere"}})
	wantRefusal(t, err, operator.Refusal{Reason: operator.BadRequest, Detail: `octets: no [[signature_profile]] has the uri "http://nowhere"`})
	_, err = b.EditAP(ctx, operator.APEdit{ID: bank, Prefixes: &[]string{"+4179"}})
	wantRefusal(t, err, operator.Refusal{Reason: operator.BadRequest, Detail: `prefix: "+4179" is not made of digits: the beginning of an international number, without the plus`})
	_, err = b.EditAP(ctx, operator.APEdit{ID: "ap://none", Name: &name})
	wantRefusal(t, err, operator.Refusal{Reason: operator.NoSuchProvider, AP: "ap://none"})

	again, err := b.SetPassword(ctx, operator.APPassword{ID: bank})
	if err != nil || again.Password == "" || again.Password == added.Password {
		t.Fatalf("%+v, %v", again, err)
	}
	row, err := st.AP(ctx, bank)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{added.Password: false, again.Password: true} {
		if ok, err := service.VerifyPassword(row.PasswordHash, password); err != nil || ok != want {
			t.Errorf("password: %v, %v", ok, err)
		}
	}
	_, err = b.SetPassword(ctx, operator.APPassword{ID: bank, NoPass: true})
	wantRefusal(t, err, operator.Refusal{Reason: operator.BadRequest, Detail: "without a password and without a client certificate nobody could log in"})

	e := &cancels{}
	s.Engine, s.Store = e, withOpen{st, map[mssp.APID][]mssp.TransID{bank: {"h1", "ended", "h2"}, "ap://other": {"h3"}}}
	gone, err := b.RemoveAP(ctx, operator.APName{ID: bank})
	if err != nil || gone.Cancelled != 2 || gone.Open != 0 || !slices.Equal(e.done, []mssp.TransID{"h1", "h2"}) {
		t.Errorf("%+v, %v; cancelled %v", gone, err, e.done)
	}
	if _, err := st.AP(ctx, bank); err == nil {
		t.Error("the service still knows a provider that was removed")
	}
	info, err := b.ProviderInfo(ctx, operator.APName{ID: bank})
	if err != nil || info.Removed.IsZero() || info.Password {
		t.Errorf("%+v, %v", info, err)
	}
	removed := operator.Refusal{Reason: operator.ProviderRemoved, AP: bank, Detail: `"Bank", on ` + info.Removed.Format(time.DateOnly)}
	for what, do := range map[string]func() error{
		"add":      func() error { _, err := b.AddAP(ctx, operator.APRequest{Name: "Example Bank"}); return err },
		"edit":     func() error { _, err := b.EditAP(ctx, operator.APEdit{ID: bank, Name: &name}); return err },
		"password": func() error { _, err := b.SetPassword(ctx, operator.APPassword{ID: bank}); return err },
		"enable":   func() error { _, err := b.DisableAP(ctx, operator.APDisable{ID: bank, Enable: true}); return err },
		"remove":   func() error { _, err := b.RemoveAP(ctx, operator.APName{ID: bank}); return err },
	} {
		t.Run(what, func(t *testing.T) { wantRefusal(t, do(), removed) })
	}
}
