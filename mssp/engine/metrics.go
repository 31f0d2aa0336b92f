package engine

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// metrics of the engine. Every label value that can be known beforehand
// starts at zero, so that a rate can be taken of the first event.
type metrics struct {
	transactions *prometheus.CounterVec
	answer       *prometheus.HistogramVec
	mos          *prometheus.CounterVec
	segments     *prometheus.CounterVec
	securities   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, st Store) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "simsign", Name: name, Help: help}, labels)
	}
	m := &metrics{
		transactions: counter("transactions_total", "Requests that ended, by kind and status or fault code.", "kind", "status"),
		mos:          counter("mo_total", "Short messages from phones, by what became of them.", "result"),
		segments:     counter("segments_total", "Segments handed to a bearer, by outcome.", "state"),
		securities:   counter("security_errors_total", "Answers that are not authentic, and security errors that cards reported.", "kind"),
		answer: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "simsign", Name: "answer_seconds", Help: "From the acceptance of a request to its end.",
			Buckets: []float64{.01, .05, .1, .5, 1, 2, 5, 10, 20, 40, 80, 160, 320},
		}, []string{"kind"}),
	}
	open := func(state string, count func(store.Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "simsign", Name: "transactions_open", Help: "Transactions that are not final.",
			ConstLabels: prometheus.Labels{"state": state},
		}, func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			s, err := st.Stats(ctx)
			if err != nil {
				return -1
			}
			return count(s)
		})
	}
	m.zero()
	var errs []error
	for _, c := range []prometheus.Collector{
		m.transactions, m.answer, m.mos, m.segments, m.securities,
		open("queued", func(s store.Stats) float64 { return float64(s.Queued) }),
		open("at_card", func(s store.Stats) float64 { return float64(s.AtCard) }),
	} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) zero() {
	for _, k := range []mssp.Kind{mssp.KindSign, mssp.KindRegister, mssp.KindHandler, mssp.KindCode, mssp.KindApplet} {
		m.answer.WithLabelValues(string(k))
		for _, c := range []mssp.Code{mssp.Signature, mssp.ExpiredTransaction, mssp.OTAError, mssp.UserCancel, mssp.PINBlocked, mssp.InternalError} {
			m.transactions.WithLabelValues(string(k), strconv.Itoa(int(c)))
		}
	}
	for _, r := range []string{
		"answer", "prompted", "por", "part", "duplicate", "conflict", "refused", "late", "stray", "foreign",
		"forged", "unauthenticated", "replayed", "mismatch", "malformed", "plain", "incomplete",
	} {
		m.mos.WithLabelValues(r)
	}
	for _, s := range []store.SegmentState{store.SegAccepted, store.SegRejected, store.SegAmbiguous, store.SegQueued} {
		m.segments.WithLabelValues(string(s))
	}
	for _, s := range []string{"forged", "unauthenticated", "malformed", "unexpected", "unasked", "mismatch", "twin", "old"} {
		m.securities.WithLabelValues(s)
	}
	for s := ota.StatusIntegrity; s <= ota.StatusSecurityLevel; s++ {
		m.securities.WithLabelValues(s.String())
	}
}

func (m *metrics) ended(tx *mssp.Transaction) {
	m.transactions.WithLabelValues(string(tx.Kind), strconv.Itoa(int(tx.Status))).Inc()
	m.answer.WithLabelValues(string(tx.Kind)).Observe(tx.FinishedAt.Sub(tx.CreatedAt).Seconds())
}

func (m *metrics) refused(kind mssp.Kind, c mssp.Code) {
	m.transactions.WithLabelValues(string(kind), strconv.Itoa(int(c))).Inc()
}

func (m *metrics) mo(result string)             { m.mos.WithLabelValues(result).Inc() }
func (m *metrics) segment(s store.SegmentState) { m.segments.WithLabelValues(string(s)).Inc() }
func (m *metrics) security(kind string)         { m.securities.WithLabelValues(kind).Inc() }
