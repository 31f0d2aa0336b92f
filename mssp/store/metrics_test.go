package store_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// counts are the counters of the store that are not 0, with the values of their labels.
func (l *lab) counts() map[string]float64 {
	l.Helper()
	families, err := l.reg.Gather()
	l.ok(err)
	counts := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetCounter() == nil {
				continue
			}
			name := strings.TrimPrefix(f.GetName(), "simsign_store_")
			for _, pair := range m.GetLabel() {
				name += " " + pair.GetValue()
			}
			counts[name] = m.GetCounter().GetValue()
		}
	}
	return counts
}

// Whoever reads /metrics is told what each of them is.
func TestMetricsAreExplained(t *testing.T) {
	l := onSQLite(t)
	families, err := l.reg.Gather()
	l.ok(err)
	if len(families) == 0 {
		t.Error("there is none")
	}
	for _, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s says nothing", f.GetName())
		}
	}
}

// Everything that the store counts is counted once, when it happens and is sure.
func TestCounters(t *testing.T) {
	onBoth(t, func(l *lab) {
		part := func(octet byte, total int, at time.Time) {
			_, err := l.SaveMO(ctx, bearer.MO{Source: numberB, UD: []byte{octet}, ReceivedAt: at}, store.ConcatRef{Ref: 1, Part: 1, Total: total})
			l.ok(err)
		}
		counted := func(what string, want map[string]float64, do func()) {
			l.Helper()
			before := l.counts()
			do()
			got := l.counts()
			for name := range got {
				if got[name] -= before[name]; got[name] == 0 || name == "jobs_total" || name == "commits_total" { // some only look
					delete(got, name)
				}
			}
			if !maps.Equal(got, want) {
				l.Errorf("%s: %v was counted, want %v", what, got, want)
			}
		}
		tx, open := newTx(), newTx()
		l.user()
		counted("a request", map[string]float64{"simsign_audit_entries_total": 2, "tx_changes_total accepted new": 1, "tx_changes_total turn queued": 1}, func() { l.accept(tx) })
		counted("one that waits", map[string]float64{"simsign_audit_entries_total": 1, "tx_changes_total accepted new": 1}, func() { l.accept(open) })
		counted("a repeat", map[string]float64{}, func() {
			again := open
			again.ID = newTx().ID
			if r := l.accept(again); !r.Duplicate {
				t.Error("it is no repeat")
			}
		})
		counted("an end, and the turn of the next", map[string]float64{"simsign_audit_entries_total": 2, "tx_changes_total answered sending": 1, "tx_changes_total turn queued": 1}, func() { l.finish(done(tx)) })
		counted("a second end", map[string]float64{"tx_events_refused_total answered": 1}, func() { l.finish(done(tx)) })
		counted("a part", map[string]float64{}, func() { part(1, 2, epoch) })
		counted("the same part", map[string]float64{}, func() { part(1, 2, epoch) })
		counted("a part with other octets", map[string]float64{"mo_conflicts_total": 1}, func() { part(2, 2, epoch) })
		counted("a part of another total", map[string]float64{"mo_conflicts_total": 1}, func() { part(1, 3, epoch) })
		counted("a part after the others are old", map[string]float64{"mo_replaced_total": 1}, func() { part(3, 2, epoch.Add(time.Hour)) })
		counted("texts", map[string]float64{"simsign_audit_entries_total": 1, "erased_total texts": 1, "erased_total repeat": 1}, func() { l.erase(one(mssp.Texts, epoch.Add(time.Minute))) })
		l.finish(done(open))
		l.ok(l.EraseUser(ctx, numberA, epoch))
		counted("a person", map[string]float64{"simsign_audit_entries_total": 1, "erased_total texts": 1, "erased_total octets": 2, "erased_total signatures": 2, "erased_total numbers": 2}, func() {
			for more := true; more; {
				var err error
				_, more, err = l.EraseMarked(ctx, epoch)
				l.ok(err)
			}
		})
	})
}

// Each commit is counted, with how many jobs shared it; whatever a commit is, somebody
// looks at how many octets the disk has.
func TestCommitsAreCounted(t *testing.T) {
	l := onSQLite(t)
	put := func(name string) func() error { return func() error { return l.SetMeta(ctx, name, nil) } }
	before := l.counts()
	was := l.sizes()
	l.Together(put("a"), put("b"), put("c"))
	l.ok(l.SetMeta(ctx, "d", nil))
	now := l.counts()
	if jobs, commits := now["jobs_total"]-before["jobs_total"], now["commits_total"]-before["commits_total"]; jobs != 4 || commits != 2 {
		t.Errorf("%v jobs in %v commits, want 4 in 2", jobs, commits)
	}
	got := l.sizes()
	for name := range got {
		got[name] -= was[name]
	}
	if got["commit_jobs sum"] != 4 || got["commit_jobs n"] != 2 || got["commit_seconds n"] != 2 || got["commit_seconds sum"] <= 0 {
		t.Errorf("%v", got)
	}
	l.PretendFree(123 << 20)
	space := l.Space()
	if got = l.sizes(); got["disk_free_bytes"] != 123<<20 || got["disk_reserve_bytes"] != float64(space.Reserve) || space.Reserve == 0 {
		t.Errorf("%v, %+v", got, space)
	}
}

// sizes are the gauges and histograms of the store.
func (l *lab) sizes() map[string]float64 {
	l.Helper()
	families, err := l.reg.Gather()
	l.ok(err)
	sizes := map[string]float64{}
	for _, f := range families {
		name := strings.TrimPrefix(f.GetName(), "simsign_store_")
		for _, m := range f.GetMetric() {
			if g := m.GetGauge(); g != nil {
				sizes[name] = g.GetValue()
			}
			if h := m.GetHistogram(); h != nil {
				sizes[name+" n"], sizes[name+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
			}
		}
	}
	return sizes
}

// Two stores cannot count in one place: the second is not opened.
func TestMetricsTwice(t *testing.T) {
	l := onSQLite(t)
	s, err := store.Open(ctx, store.Options{DSN: l.dsn, ReadOnly: true, Registerer: l.reg})
	if err == nil {
		s.Close()
		t.Error("it is opened")
	}
	s, err = store.Open(ctx, store.Options{DSN: l.dsn, ReadOnly: true}) // nobody asks
	l.ok(err)
	l.ok(s.Close())
}
