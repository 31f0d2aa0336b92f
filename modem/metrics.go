package modem

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of one modem; its name is a label of each.
type metrics struct {
	sent, errors, received, reports, ends, resets *prometheus.CounterVec
	noise, cnmi, stranded                         prometheus.Counter
}

func newMetrics(m *Modem) (*metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "simsign", Subsystem: "modem", Name: name, Help: help}
	}
	vec := func(name, help, label string, zero ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), []string{label})
		for _, z := range zero {
			v.WithLabelValues(z)
		}
		return v
	}
	var all []string
	for c := range classes {
		all = append(all, c.String())
	}
	x := &metrics{
		sent:     vec("submissions_total", "Segments by what became of them.", "result", "accepted", "refused", "busy", "unknown"),
		errors:   vec("send_errors_total", "Errors of the network and of the modem while sending, by class.", "class", all...),
		received: vec("received_total", "Messages from the network by what became of them.", "result", "stored", "again", "kept", "stuck"),
		reports:  vec("status_reports_total", "Status reports by what became of them.", "result", "stored", "unmatched", "not final", "again"),
		ends:     vec("session_ends_total", "Sessions that ended against our will, by reason.", "reason", endReasons()...),
		resets:   vec("resets_total", "Resets of the modem.", "kind", "soft", "hard"),
		noise:    prometheus.NewCounter(prometheus.CounterOpts(opts("noise_total", "Octets and lines from the port that mean nothing."))),
		cnmi:     prometheus.NewCounter(prometheus.CounterOpts(opts("indication_resets_total", "Times that the modem had forgotten how to announce messages."))),
		stranded: prometheus.NewCounter(prometheus.CounterOpts(opts("stranded_total", "Ports whose driver did not give them back."))),
	}
	if m.o.Registerer == nil {
		return x, nil
	}
	gauge := func(name, help string, f func(Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(name, help)), func() float64 { return f(m.Status()) })
	}
	flag := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	reg := prometheus.WrapRegistererWith(prometheus.Labels{"modem": m.o.Name}, m.o.Registerer)
	for _, c := range []prometheus.Collector{
		x.sent, x.errors, x.received, x.reports, x.ends, x.resets, x.noise, x.cnmi, x.stranded,
		gauge("up", "1 when the modem works.", func(s Status) float64 { return flag(s.Phase == Working) }),
		gauge("registered", "1 when it is in a network.", func(s Status) float64 { return flag(s.Chart.Registered) }),
		gauge("signal_dbm", "Strength of the signal; 0: not known.", func(s Status) float64 { return float64(s.Chart.Signal) }),
		gauge("queue", "Segments that wait in memory.", func(s Status) float64 { return float64(s.Queued) }),
		gauge("quota_left", "Messages that the SIM may send within its quota; -1: no limit.", func(s Status) float64 { return float64(s.Left) }),
		gauge("stored", "Messages in the memories of the modem at the last look.", func(s Status) float64 { return float64(s.Chart.Stored) }),
		gauge("storage", "Places in the memories of the modem.", func(s Status) float64 { return float64(s.Chart.Places) }),
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// reasons of a session's end, in the order in which they are looked for.
var reasons = []struct {
	err  error
	name string
}{
	{ErrPIN, "pin"},
	{ErrHeld, "held"},
	{ErrSilent, "silent"},
	{ErrDesync, "desync"},
	{ErrNoise, "noise"},
	{ErrReboot, "reboot"},
	{ErrRefuses, "refuses"},
	{errReset, "reset"},
	{errPort, "port"},
}

func endReasons() []string {
	out := []string{"other"}
	for _, r := range reasons {
		out = append(out, r.name)
	}
	return out
}

func (x *metrics) end(err error) {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			x.ends.WithLabelValues(r.name).Inc()
			return
		}
	}
	x.ends.WithLabelValues("other").Inc()
}
