package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
)

// smppMetrics are the esme.Metrics of one bearer; its name is a label of each.
// Statuses that nobody here knows count as "other", so the label is bounded.
type smppMetrics struct {
	responses *prometheus.CounterVec
	rtt       prometheus.Histogram
	unknown   *prometheus.CounterVec
	late      prometheus.Counter
	inbound   *prometheus.CounterVec
	broken    prometheus.Counter
}

var _ esme.Metrics = (*smppMetrics)(nil)

func newSMPPMetrics() *smppMetrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "simsign", Subsystem: "smpp", Name: name, Help: help}
	}
	m := &smppMetrics{
		responses: prometheus.NewCounterVec(counter("responses_total", "Responses to submit_sm by command_status."), []string{"status"}),
		rtt: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "simsign", Subsystem: "smpp", Name: "response_seconds",
			Help: "Time from submit_sm to its response.", Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 13),
		}),
		unknown: prometheus.NewCounterVec(counter("submissions_total", "Submissions that ended without a response."), []string{"result"}),
		late:    prometheus.NewCounter(counter("late_responses_total", "Responses that came after their submission counted as unknown.")),
		inbound: prometheus.NewCounterVec(counter("inbound_total", "Messages and receipts from the centre by what became of them."), []string{"result"}),
		broken:  prometheus.NewCounter(counter("bind_failures_total", "Attempts to bind that failed, and binds that ended against our will.")),
	}
	for _, st := range []smpp.Status{smpp.ROK, smpp.RThrottled, smpp.RMsgQFul} {
		m.responses.WithLabelValues(st.String())
	}
	for _, r := range esme.Inbounds() {
		m.inbound.WithLabelValues(string(r))
	}
	m.unknown.WithLabelValues("unknown")
	return m
}

// register shows the counters, and what c says of itself.
func (m *smppMetrics) register(reg prometheus.Registerer, c *esme.Client) error {
	gauge := func(name, help string, f func(esme.Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "simsign", Subsystem: "smpp", Name: name, Help: help},
			func() float64 { return f(c.Status()) })
	}
	reg = prometheus.WrapRegistererWith(prometheus.Labels{"smsc": c.Name()}, reg)
	for _, x := range []prometheus.Collector{
		m.responses, m.rtt, m.unknown, m.late, m.inbound, m.broken,
		gauge("binds", "Connections that shall be bound.", func(s esme.Status) float64 { return float64(s.Binds) }),
		gauge("binds_up", "Connections that are bound.", func(s esme.Status) float64 { return float64(s.Bound) }),
		gauge("window", "Places in the windows of the binds that are up.", func(s esme.Status) float64 { return float64(s.Window) }),
		gauge("window_used", "Requests that wait for a response.", func(s esme.Status) float64 { return float64(s.InFlight) }),
		gauge("rate_limit", "Segments a second that may go out now; 0: no limit.", func(s esme.Status) float64 { return s.Rate }),
		gauge("queue", "Segments that wait in memory for a place in a window.", func(s esme.Status) float64 { return float64(s.Queued) }),
		gauge("queue_age_seconds", "How long the first of them has waited.", func(s esme.Status) float64 { return s.Oldest.Seconds() }),
	} {
		if err := reg.Register(x); err != nil {
			return err
		}
	}
	return nil
}

// Response implements esme.Metrics.
func (m *smppMetrics) Response(st smpp.Status, after time.Duration) {
	name := "other"
	if st.Known() {
		name = st.String()
	}
	m.responses.WithLabelValues(name).Inc()
	m.rtt.Observe(after.Seconds())
}

// Unanswered implements esme.Metrics.
func (m *smppMetrics) Unanswered() { m.unknown.WithLabelValues("unknown").Inc() }

// Late implements esme.Metrics.
func (m *smppMetrics) Late() { m.late.Inc() }

// Inbound implements esme.Metrics.
func (m *smppMetrics) Inbound(i esme.Inbound) { m.inbound.WithLabelValues(string(i)).Inc() }

// BindFailed implements esme.Metrics.
func (m *smppMetrics) BindFailed() { m.broken.Inc() }
