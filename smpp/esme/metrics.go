package esme

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/smpp"
)

// metrics of one client; its name is a label of each. Statuses that this
// program does not know count as "other", so the label is bounded.
type metrics struct {
	responses *prometheus.CounterVec
	rtt       prometheus.Histogram
	unknown   *prometheus.CounterVec
	late      prometheus.Counter
	in        *prometheus.CounterVec
	broken    prometheus.Counter
}

func newMetrics(c *Client) (*metrics, error) {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "simsign", Subsystem: "smpp", Name: name, Help: help}
	}
	m := &metrics{
		responses: prometheus.NewCounterVec(counter("responses_total", "Responses to submit_sm by command_status."), []string{"status"}),
		rtt: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "simsign", Subsystem: "smpp", Name: "response_seconds",
			Help: "Time from submit_sm to its response.", Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 13),
		}),
		unknown: prometheus.NewCounterVec(counter("submissions_total", "Submissions that ended without a response."), []string{"result"}),
		late:    prometheus.NewCounter(counter("late_responses_total", "Responses that came after their submission counted as unknown.")),
		in:      prometheus.NewCounterVec(counter("inbound_total", "Messages and receipts from the centre by what became of them."), []string{"result"}),
		broken:  prometheus.NewCounter(counter("bind_failures_total", "Attempts to bind that failed, and binds that ended against our will.")),
	}
	for _, st := range []smpp.Status{smpp.ROK, smpp.RThrottled, smpp.RMsgQFul} {
		m.responses.WithLabelValues(st.String())
	}
	for _, r := range []string{"stored", "again", "failed", "malformed", "nobody", "receipt", "receipt not final", "receipt malformed", "alert"} {
		m.in.WithLabelValues(r)
	}
	m.unknown.WithLabelValues("unknown")
	if c.o.Registerer == nil {
		return m, nil
	}
	gauge := func(name, help string, f func(Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "simsign", Subsystem: "smpp", Name: name, Help: help},
			func() float64 { return f(c.Status()) })
	}
	reg := prometheus.WrapRegistererWith(prometheus.Labels{"smsc": c.o.Name}, c.o.Registerer)
	for _, c := range []prometheus.Collector{
		m.responses, m.rtt, m.unknown, m.late, m.in, m.broken,
		gauge("binds", "Connections that shall be bound.", func(t Status) float64 { return float64(t.Binds) }),
		gauge("binds_up", "Connections that are bound.", func(t Status) float64 { return float64(t.Bound) }),
		gauge("window", "Places in the windows of the binds that are up.", func(t Status) float64 { return float64(t.Window) }),
		gauge("window_used", "Requests that wait for a response.", func(t Status) float64 { return float64(t.InFlight) }),
		gauge("rate_limit", "Segments a second that may go out now; 0: no limit.", func(t Status) float64 { return t.Rate }),
		gauge("queue", "Segments that wait in memory for a place in a window.", func(t Status) float64 { return float64(t.Queued) }),
		gauge("queue_age_seconds", "How long the first of them has waited.", func(t Status) float64 { return t.Oldest.Seconds() }),
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) response(st smpp.Status, rtt time.Duration) {
	name := "other"
	if st.Known() {
		name = st.String()
	}
	m.responses.WithLabelValues(name).Inc()
	m.rtt.Observe(rtt.Seconds())
}

func (m *metrics) result(r string) { m.unknown.WithLabelValues(r).Inc() }

func (m *metrics) inbound(kind string) { m.in.WithLabelValues(kind).Inc() }
