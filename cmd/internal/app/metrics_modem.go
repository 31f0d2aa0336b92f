package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/modem"
)

// modemMetrics are the modem.Metrics of one modem; its name is a label of each.
type modemMetrics struct {
	submissions, sendErrors, received, reports, ends, resets *prometheus.CounterVec
	noise, cnmi, stranded                                    prometheus.Counter
}

var _ modem.Metrics = (*modemMetrics)(nil)

func modemOpts(name, help string) prometheus.Opts {
	return prometheus.Opts{Namespace: "simsign", Subsystem: "modem", Name: name, Help: help}
}

func newModemMetrics() *modemMetrics {
	vec := func(name, help, label string, zero ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts(modemOpts(name, help)), []string{label})
		for _, z := range zero {
			v.WithLabelValues(z)
		}
		return v
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(modemOpts(name, help)))
	}
	var classes []string
	for c := modem.Unclear; c <= modem.Ours; c++ {
		classes = append(classes, c.String())
	}
	return &modemMetrics{
		submissions: vec("submissions_total", "Segments by what became of them.", "result", "accepted", "refused", "busy", "unknown"),
		sendErrors:  vec("send_errors_total", "Errors of the network and of the modem while sending, by class.", "class", classes...),
		received:    vec("received_total", "Messages from the network by what became of them.", "result", "stored", "again", "kept", "stuck"),
		reports:     vec("status_reports_total", "Status reports by what became of them.", "result", "stored", "unmatched", "not final", "again"),
		ends:        vec("session_ends_total", "Sessions that ended against our will, by reason.", "reason", modem.EndReasons()...),
		resets:      vec("resets_total", "Resets of the modem.", "kind", "soft", "hard"),
		noise:       counter("noise_total", "Octets and lines from the port that mean nothing."),
		cnmi:        counter("indication_resets_total", "Times that the modem had forgotten how to announce messages."),
		stranded:    counter("stranded_total", "Ports whose driver did not give them back."),
	}
}

// register registers the counters, and gauges of what the modem tells about itself.
func (x *modemMetrics) register(r prometheus.Registerer, m *modem.Modem) error {
	gauge := func(name, help string, f func(modem.Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(modemOpts(name, help)), func() float64 { return f(m.Status()) })
	}
	flag := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	reg := prometheus.WrapRegistererWith(prometheus.Labels{"modem": m.Name()}, r)
	for _, c := range []prometheus.Collector{
		x.submissions, x.sendErrors, x.received, x.reports, x.ends, x.resets, x.noise, x.cnmi, x.stranded,
		shares{m},
		gauge("up", "1 when the modem works.", func(s modem.Status) float64 { return flag(s.Phase == modem.Working) }),
		gauge("registered", "1 when it is in a network.", func(s modem.Status) float64 { return flag(s.Info.Registered) }),
		gauge("signal_dbm", "Strength of the signal; 0: not known.", func(s modem.Status) float64 { return float64(s.Info.Signal) }),
		gauge("queue", "Segments that wait in memory.", func(s modem.Status) float64 { return float64(s.Queued) }),
		gauge("quota_left", "Messages that the SIM may send within its quota; -1: no limit.", func(s modem.Status) float64 { return float64(s.Left) }),
		gauge("stored", "Messages in the memories of the modem at the last look.", func(s modem.Status) float64 { return float64(s.Info.Stored) }),
		gauge("storage", "Places in the memories of the modem.", func(s modem.Status) float64 { return float64(s.Info.Places) }),
	} {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (x *modemMetrics) Submission(result string)   { x.submissions.WithLabelValues(result).Inc() }
func (x *modemMetrics) SendError(c modem.Class)    { x.sendErrors.WithLabelValues(c.String()).Inc() }
func (x *modemMetrics) Received(result string)     { x.received.WithLabelValues(result).Inc() }
func (x *modemMetrics) StatusReport(result string) { x.reports.WithLabelValues(result).Inc() }
func (x *modemMetrics) SessionEnd(reason string)   { x.ends.WithLabelValues(reason).Inc() }
func (x *modemMetrics) Reset(kind string)          { x.resets.WithLabelValues(kind).Inc() }
func (x *modemMetrics) Noise(n int)                { x.noise.Add(float64(n)) }
func (x *modemMetrics) IndicationsLost()           { x.cnmi.Inc() }
func (x *modemMetrics) PortStranded()              { x.stranded.Inc() }

// shares tells what each provider may still send.
type shares struct{ *modem.Modem }

func sharesDesc() *prometheus.Desc {
	return prometheus.NewDesc("simsign_modem_quota_share_left", "Messages that a provider, who has sent some in 24 hours, may send within its share of the quota; the service itself has no name; -1: no limit.", []string{"provider"}, nil)
}

// Describe implements prometheus.Collector.
func (shares) Describe(c chan<- *prometheus.Desc) { c <- sharesDesc() }

// Collect implements prometheus.Collector.
func (s shares) Collect(c chan<- prometheus.Metric) {
	for name, left := range s.Shares() {
		c <- prometheus.MustNewConstMetric(sharesDesc(), prometheus.GaugeValue, float64(left), name)
	}
}
