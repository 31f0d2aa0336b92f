package store_test

import (
	"testing"
	"time"
)

// How many entries would be cut off is what is cut off.
//
// Supports: I8
func TestAuditDue(t *testing.T) {
	onBoth(t, func(l *lab) {
		for before, some := range map[time.Time]bool{{}: false, epoch: false, epoch.Add(time.Microsecond): true} {
			due, oldest, err := l.AuditDue(ctx, before)
			if err != nil || due > 0 != some || !oldest.Equal(epoch) {
				l.Errorf("before %v: %d since %v, %v", before, due, oldest, err)
			}
		}
		due, _, err := l.AuditDue(ctx, epoch.Add(time.Hour))
		l.ok(err)
		if n, err := l.CutAudit(ctx, epoch.Add(time.Hour)); n != due || err != nil {
			l.Errorf("%d were cut off, %d were due, %v", n, due, err)
		}
	})
}
