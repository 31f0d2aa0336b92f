package pki_test

import (
	"context"
	"encoding/hex"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
	"github.com/simsign/simsign/ota/keys"
)

// office is a CA as two processes have it: each with what it remembers, over
// one database.
type office struct {
	*testing.T
	store *store.Store
	vault *keys.Vault
	cas   [2]*pki.CA
}

var officeTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// onBoth runs a test on both engines of the store.
func onBoth(t *testing.T, f func(o *office)) {
	var server storetest.Postgres
	t.Cleanup(server.Stop)
	for engine, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "simsign.db") },
		"postgres": func(t *testing.T) string { return server.DSN(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			o := &office{T: t}
			var err error
			o.store, err = store.Open(t.Context(), store.Options{DSN: dsn(t), Clock: func() time.Time { return officeTime }})
			must(t, err)
			t.Cleanup(func() { must(t, o.store.Close()) })
			root, err := keys.NewRoot()
			must(t, err)
			o.vault, err = keys.OpenVault(t.Context(), root, o.store, officeTime)
			must(t, err)
			f(o)
		})
	}
}

func (o *office) create(name string) error {
	return pki.Create(o.Context(), o.store, o.vault, pki.CreateOptions{Name: name, Now: officeTime})
}

func (o *office) load() {
	o.Helper()
	for i := range o.cas {
		ca, err := pki.Load(o.Context(), pki.Options{Store: o.store, Sealer: o.vault, Clock: func() time.Time { return officeTime }})
		must(o.T, err)
		o.cas[i] = ca
	}
}

// atOnce runs two functions side by side.
func atOnce(f func(i int) error) (errs [2]error) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// loser is the error of the one of two that has not succeeded.
func (o *office) loser(errs [2]error) error {
	o.Helper()
	if (errs[0] == nil) == (errs[1] == nil) {
		o.Fatalf("of two exactly one must succeed: %v", errs)
	}
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}

// Of two CAs one is made; who comes second is told which.
func TestOneCA(t *testing.T) {
	onBoth(t, func(o *office) {
		there, ok := errors.AsType[*pki.ExistsError](o.loser(atOnce(func(i int) error { return o.create([]string{"A", "B"}[i]) })))
		if !ok || !errors.Is(there, pki.ErrExists) {
			o.Fatalf("%v", there)
		}
		o.load()
		if got := o.cas[0].Certificate().Subject.String(); there.Subject != got || !there.NotAfter.Equal(o.cas[0].Certificate().NotAfter) {
			o.Errorf("there is %s, told was %s", got, there.Subject)
		}
	})
}

// Of two who revoke one does, and the other learns since when and why it is.
func TestOneRevokes(t *testing.T) {
	onBoth(t, func(o *office) {
		must(o.T, o.create("A"))
		o.load()
		for range 10 {
			_, csr := newRequest(o.T)
			cert, err := o.cas[0].Issue(o.Context(), csr, anna, mssp.Authentication)
			must(o.T, err)
			serial := hex.EncodeToString(cert.SerialNumber.Bytes())
			reasons := []int{pki.KeyCompromise, pki.Superseded}
			errs := atOnce(func(i int) error { return o.cas[i].Revoke(o.Context(), serial, reasons[i]) })
			there, ok := errors.AsType[*pki.StatusError](o.loser(errs))
			if !ok || !errors.Is(there, pki.ErrRevoked) {
				o.Fatalf("%v", errs)
			}
			want := reasons[0]
			if errs[0] != nil {
				want = reasons[1]
			}
			if there.Have.Reason != want || !there.Have.RevokedAt.Equal(officeTime) {
				o.Errorf("told: %v", there)
			}
		}
	})
}

var anna = mssp.Subscriber{Name: "Anna Test", Serial: "SIM1", MSISDN: "41790000001", ICCID: "89410000000000000019"}

// A key gets one certificate, however often and from how many it is asked for.
func TestOneCertificate(t *testing.T) {
	onBoth(t, func(o *office) {
		must(o.T, o.create("A"))
		o.load()
		for range 10 {
			_, csr := newRequest(o.T)
			var serials [2]string
			errs := atOnce(func(i int) error {
				cert, err := o.cas[i].Issue(o.Context(), csr, anna, mssp.Authentication)
				if err == nil {
					serials[i] = hex.EncodeToString(cert.SerialNumber.Bytes())
				}
				return err
			})
			// Both may have got it, one after the other: then it is the same.
			for i, err := range errs {
				if err != nil && (!errors.Is(err, pki.ErrOvertaken) || errs[1-i] != nil) {
					o.Fatalf("%v", errs)
				}
				if err != nil {
					serials[i] = serials[1-i]
				}
			}
			again, err := o.cas[0].Issue(o.Context(), csr, anna, mssp.Authentication) // after an accident
			must(o.T, err)
			if s := hex.EncodeToString(again.SerialNumber.Bytes()); serials[0] != serials[1] || s != serials[0] {
				o.Errorf("one key, the certificates %v and %s", serials, s)
			}
			o.refuses(csr, serials[0])
		}
	})
}

// refuses: what the certificate of a key does not say, the key does not get.
func (o *office) refuses(csr []byte, serial string) {
	o.Helper()
	otto, moved, renumbered := anna, anna, anna
	otto.Name = "Otto Test"
	moved.ICCID = "89410000000000000027"
	renumbered.MSISDN = "41790000002"
	issue := func(s mssp.Subscriber, u mssp.KeyUsage) error {
		_, err := o.cas[1].Issue(context.Background(), csr, s, u)
		return err
	}
	errs := map[string]error{
		"another subject": issue(otto, mssp.Authentication), "another usage": issue(anna, mssp.NonRepudiation),
		"another card": issue(moved, mssp.Authentication), "another number": issue(renumbered, mssp.Authentication),
	}
	must(o.T, o.cas[0].Suspend(o.Context(), serial))
	errs["suspended"] = issue(anna, mssp.Authentication)
	must(o.T, o.cas[0].Revoke(o.Context(), serial, pki.KeyCompromise))
	errs["revoked"] = issue(anna, mssp.Authentication)
	for what, err := range errs {
		if there, ok := errors.AsType[*pki.IssuedError](err); !ok || there.Have.Serial != serial {
			o.Errorf("%s: %v", what, err)
		}
	}
}

// A CA that has taken the place of another does not pass the other's certificate
// off as its own.
func TestCertificateOfAnotherCA(t *testing.T) {
	onBoth(t, func(o *office) {
		must(o.T, o.create("A"))
		o.load()
		_, csr := newRequest(o.T)
		_, err := o.cas[0].Issue(o.Context(), csr, anna, mssp.Authentication)
		must(o.T, err)
		other, err := store.Open(o.Context(), store.Options{DSN: filepath.Join(o.TempDir(), "other.db")})
		must(o.T, err)
		defer other.Close()
		must(o.T, pki.Create(o.Context(), other, o.vault, pki.CreateOptions{Name: "A", Now: officeTime}))
		doc, err := other.Meta(o.Context(), "pki.ca")
		must(o.T, err)
		must(o.T, o.store.SetMeta(o.Context(), "pki.ca", doc))
		o.load()
		if _, err := o.cas[0].Issue(o.Context(), csr, anna, mssp.Authentication); !errors.Is(err, pki.ErrIssued) {
			o.Errorf("%v", err)
		}
	})
}
