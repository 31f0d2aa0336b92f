package engine

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// What does not count: cancels that are spread over more time, requests that
// never reached the phone, other ends, orders of the operator.
func TestCoolOffCounts(t *testing.T) {
	const number sms.MSISDN = "41790000001"
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	cancel := mssp.Transaction{Kind: mssp.KindSign, MSISDN: number, Attempt: 1, Status: mssp.UserCancel}
	change := func(f func(*mssp.Transaction)) mssp.Transaction { tx := cancel; f(&tx); return tx }
	for name, c := range map[string]struct {
		third mssp.Transaction
		apart time.Duration
		want  bool
	}{
		"cancel":       {cancel, time.Minute, true},
		"no answer":    {change(func(tx *mssp.Transaction) { tx.Status = mssp.ExpiredTransaction }), time.Minute, true},
		"never sent":   {change(func(tx *mssp.Transaction) { tx.Status, tx.Attempt = mssp.ExpiredTransaction, 0 }), time.Minute, false},
		"signed":       {change(func(tx *mssp.Transaction) { tx.Status = mssp.Signature }), time.Minute, false},
		"not reached":  {change(func(tx *mssp.Transaction) { tx.Status = mssp.OTAError }), time.Minute, false},
		"of operator":  {change(func(tx *mssp.Transaction) { tx.Kind = mssp.KindCode }), time.Minute, false},
		"other person": {change(func(tx *mssp.Transaction) { tx.MSISDN = "41790000002" }), time.Minute, false},
		"spread":       {cancel, 5 * time.Minute, false},
	} {
		o := coolOff{after: 3, pause: time.Minute, m: map[sms.MSISDN]*unwilling{}}
		o.note(&cancel, now)
		o.note(&cancel, now.Add(c.apart))
		got := !o.note(&c.third, now.Add(2*c.apart)).IsZero()
		if held := o.check(number, now.Add(2*c.apart)) != nil; got != c.want || held != c.want {
			t.Errorf("%s: %v, held up %v, want %v", name, got, held, c.want)
		}
		o.clean(now.Add(time.Hour))
		if len(o.m) != 0 {
			t.Errorf("%s: %d persons are remembered for ever", name, len(o.m))
		}
	}
}
