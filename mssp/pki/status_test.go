package pki

import (
	"errors"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// The life of a certificate is a table: from each state, what each order does.
// Out of "revoked" nothing leads.
//
// Supports: 3.5.10-1, 3.5.11-1, 5.8-1, 5.9-1, 5.10-1, W-6
func TestStatusTable(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	orders := map[string]func(serial string) error{
		"revoke":     func(s string) error { return b.ca.Revoke(t.Context(), s, KeyCompromise) },
		"suspend":    func(s string) error { return b.ca.Suspend(t.Context(), s) },
		"reactivate": func(s string) error { return b.ca.Reactivate(t.Context(), s) },
	}
	for _, tc := range []struct {
		from  mssp.CertStatus
		order string
		to    mssp.CertStatus
		want  error
	}{
		{mssp.CertPending, "revoke", mssp.CertRevoked, nil},
		{mssp.CertPending, "suspend", mssp.CertPending, ErrTransition},
		{mssp.CertPending, "reactivate", mssp.CertPending, ErrTransition},
		{mssp.CertValid, "revoke", mssp.CertRevoked, nil},
		{mssp.CertValid, "suspend", mssp.CertSuspended, nil},
		{mssp.CertValid, "reactivate", mssp.CertValid, ErrTransition},
		{mssp.CertSuspended, "revoke", mssp.CertRevoked, nil},
		{mssp.CertSuspended, "suspend", mssp.CertSuspended, ErrTransition},
		{mssp.CertSuspended, "reactivate", mssp.CertValid, nil},
		{mssp.CertRevoked, "revoke", mssp.CertRevoked, ErrRevoked},
		{mssp.CertRevoked, "suspend", mssp.CertRevoked, ErrRevoked},
		{mssp.CertRevoked, "reactivate", mssp.CertRevoked, ErrRevoked},
	} {
		b.store.certs["01"] = mssp.Certificate{Serial: "01", Status: tc.from}
		before := b.ca.changes.Load()
		if err := orders[tc.order]("01"); !errors.Is(err, tc.want) {
			t.Errorf("%s, %s: %v, want %v", tc.from, tc.order, err, tc.want)
		}
		row := b.store.certs["01"]
		if row.Status != tc.to {
			t.Errorf("%s, %s: now %s, want %s", tc.from, tc.order, row.Status, tc.to)
		}
		if told := b.ca.changes.Load() != before; told != (tc.want == nil) {
			t.Errorf("%s, %s: caches told: %v", tc.from, tc.order, told)
		}
		if tc.want == nil && !row.RevokedAt.Equal(testTime) {
			t.Errorf("%s, %s: at %v", tc.from, tc.order, row.RevokedAt)
		}
	}
	// What is told says what there is and what was wanted.
	b.store.certs["01"] = mssp.Certificate{Serial: "01", Status: mssp.CertPending}
	if err := b.ca.Suspend(t.Context(), "01"); err == nil || err.Error() != "certificate 01: "+ErrTransition.Error()+": pending to suspended" {
		t.Errorf("%v", err)
	}
	b.store.certs["01"] = mssp.Certificate{Serial: "01", Status: mssp.CertRevoked, RevokedAt: testTime, Reason: KeyCompromise}
	if err := b.ca.Reactivate(t.Context(), "01"); err == nil || err.Error() != "certificate 01: "+ErrRevoked.Error()+" (since 2026-11-22T12:00:00Z, reason 1)" {
		t.Errorf("%v", err)
	}
	if err := b.ca.Suspend(t.Context(), "02"); !errors.Is(err, mssp.ErrNotFound) {
		t.Errorf("unknown certificate: %v", err)
	}
	for _, reason := range []int{-1, 2, CertificateHold, 7, 8, 10} {
		b.store.certs["01"] = mssp.Certificate{Serial: "01", Status: mssp.CertValid}
		if err := b.ca.Revoke(t.Context(), "01", reason); !errors.Is(err, ErrTransition) {
			t.Errorf("reason %d: %v", reason, err)
		}
	}
}
