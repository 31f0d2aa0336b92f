package enginetest

import (
	"crypto/x509"
	"errors"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
)

// WantFault checks a fault and that its detail says something.
func WantFault(t *testing.T, err error, code mssp.Code) {
	t.Helper()
	var f *mssp.Fault
	if !errors.As(err, &f) || f.Code != code || f.Detail == "" {
		t.Errorf("error %v, want fault %d with a detail", err, int(code))
	}
}

func (l *Lab) Want(id mssp.TransID, st mssp.State, code mssp.Code) mssp.Transaction {
	l.t.Helper()
	tx := l.Tx(id)
	if tx.State != st || tx.Status != code {
		l.t.Errorf("transaction is %s %d (%s), want %s %d", tx.State, int(tx.Status), tx.Detail, st, int(code))
	}
	return tx
}

// Metric is the value of one counter.
func (l *Lab) Metric(name, label, value string) float64 {
	l.t.Helper()
	fams, err := l.Registry.Gather()
	l.OK(err)
	sum := 0.0
	for _, f := range fams {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, lp := range m.GetLabel() {
				if lp.GetName() == label && lp.GetValue() == value {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

// WantMO checks how many messages had that fate.
func (l *Lab) WantMO(result string, want float64) {
	l.t.Helper()
	if got := l.Metric("simsign_mo_total", "result", result); got != want {
		l.t.Errorf("simsign_mo_total{result=%q} is %v, want %v", result, got, want)
	}
}

// ParseCert reads a certificate.
func ParseCert(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Cancelled is the answer of a user who cancels.
func Cancelled(t *testing.T, txn uint32) []byte {
	t.Helper()
	b, err := applet.Answer{Transaction: txn, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled}}}.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
