package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
		conflicts: counter("mo_conflicts_total", "Inbound parts refused: other octets or another total under one reference."),
		evicted:   counter("mo_replaced_total", "Incomplete inbound messages that gave way to a new one."),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.jobs, m.commits, m.size, m.seconds, m.unknowns, m.conflicts, m.evicted} {
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

func (m *metrics) unknown() { m.unknowns.Inc() }
