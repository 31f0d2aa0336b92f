package pki

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
)

// metrics count what the CA does; all start at zero.
type metrics struct {
	issued    prometheus.Counter
	changes   *prometheus.CounterVec // by new status
	responses *prometheus.CounterVec // OCSP, by outcome
	crls      prometheus.Counter
	crlNext   prometheus.Gauge
	notAfter  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "simsign", Subsystem: "pki", Name: name, Help: help}
	}
	m := &metrics{
		issued:    prometheus.NewCounter(prometheus.CounterOpts(opts("certificates_issued_total", "Certificates issued and confirmed."))),
		changes:   prometheus.NewCounterVec(prometheus.CounterOpts(opts("status_changes_total", "Changes of certificate status, by the new one.")), []string{"status"}),
		responses: prometheus.NewCounterVec(prometheus.CounterOpts(opts("ocsp_responses_total", "OCSP responses: signed, cached, malformed or failed.")), []string{"outcome"}),
		crls:      prometheus.NewCounter(prometheus.CounterOpts(opts("crls_total", "CRLs signed."))),
		crlNext:   prometheus.NewGauge(prometheus.GaugeOpts(opts("crl_next_update_seconds", "End of the last CRL, Unix time; 0 before the first."))),
		notAfter:  prometheus.NewGauge(prometheus.GaugeOpts(opts("ca_not_after_seconds", "End of the issuing certificate, Unix time."))),
	}
	for _, s := range []mssp.CertStatus{mssp.CertValid, mssp.CertSuspended, mssp.CertRevoked} {
		m.changes.WithLabelValues(string(s))
	}
	for _, o := range []string{"signed", "cached", "malformed", "failed"} {
		m.responses.WithLabelValues(o)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.issued, m.changes, m.responses, m.crls, m.crlNext, m.notAfter} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
