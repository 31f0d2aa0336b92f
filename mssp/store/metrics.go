package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
)

// metrics count what the store does; all start at zero and none has a label
// that could hold a person.
type metrics struct {
	jobs      prometheus.Counter
	commits   prometheus.Counter
	size      prometheus.Histogram
	seconds   prometheus.Histogram
	unknowns  prometheus.Counter
	conflicts prometheus.Counter
	evicted   prometheus.Counter
	changes   *prometheus.CounterVec // by state and event, as the table has them
	refused   *prometheus.CounterVec // by event
	erased    *prometheus.CounterVec // by kind
	free      prometheus.Gauge
	reserve   prometheus.Gauge
	audits    prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "simsign", Subsystem: "store", Name: name, Help: help})
	}
	m := &metrics{
		jobs:    counter("jobs_total", "Business transactions run by the writer."),
		commits: counter("commits_total", "Commits to the database."),
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "simsign", Subsystem: "store",
			Name: "commit_jobs", Help: "Business transactions that shared one commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "simsign", Subsystem: "store",
			Name: "commit_seconds", Help: "Time of one commit, its statements included.", Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}),
		unknowns:  counter("commit_unknown_total", "Commits of which nobody knows whether they happened: the process must end."),
		conflicts: counter("mo_conflicts_total", "Inbound parts with other octets, or another total, than an earlier one: not all are from the card."),
		evicted:   counter("mo_replaced_total", "Incomplete inbound messages that gave way to a new one, or had no room."),
	}
	m.audits = prometheus.NewCounter(prometheus.CounterOpts{Namespace: "simsign", Subsystem: "audit", Name: "entries_total", Help: "Entries written to the audit log."})
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "simsign", Subsystem: "store", Name: name, Help: help})
	}
	m.free = gauge("disk_free_bytes", "What is free on the disk of the database (SQLite), besides the reserve.")
	m.reserve = gauge("disk_reserve_bytes", "The reserve on that disk; 0: it was given up for what is under way, and new requests are refused.")
	m.changes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "simsign", Subsystem: "store",
		Name: "tx_changes_total", Help: "Changes of transactions, by the state before and the event.",
	}, []string{"state", "event"})
	m.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "simsign", Subsystem: "store",
		Name: "tx_events_refused_total", Help: "Events that did not fit the state of their transaction, and changed nothing.",
	}, []string{"event"})
	m.erased = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "simsign", Subsystem: "store",
		Name: "erased_total", Help: "Transactions (and texts to users) of which something was erased, by its kind.",
	}, []string{"kind"})
	for i := range erasable {
		m.erased.WithLabelValues(string(erasable[i].kind))
	}
	for state, events := range mssp.NewLifecycle() {
		for event := range events {
			m.changes.WithLabelValues(stateLabel(state), string(event))
		}
	}
	for _, e := range mssp.Events() {
		m.refused.WithLabelValues(string(e))
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.jobs, m.commits, m.size, m.seconds, m.unknowns, m.conflicts, m.evicted, m.changes, m.refused, m.erased, m.free, m.reserve, m.audits} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) batch(n int, d time.Duration) {
	m.jobs.Add(float64(n))
	m.commits.Inc()
	m.size.Observe(float64(n))
	m.seconds.Observe(d.Seconds())
}

func (m *metrics) audited(n int) { m.audits.Add(float64(n)) }

func (m *metrics) unknown() { m.unknowns.Inc() }

func (m *metrics) changed(c *Change) {
	m.changes.WithLabelValues(stateLabel(c.From), string(c.Event)).Inc()
}

func (m *metrics) refusedEvent(e mssp.Event) { m.refused.WithLabelValues(string(e)).Inc() }

func stateLabel(s mssp.State) string {
	if s == mssp.New {
		return "new"
	}
	return string(s)
}

func (m *metrics) space(s Space) {
	m.free.Set(float64(s.Free))
	m.reserve.Set(float64(s.Reserve))
}

func (m *metrics) erasedRows(e Erased) {
	for kind, n := range e {
		m.erased.WithLabelValues(string(kind)).Add(float64(n))
	}
}
