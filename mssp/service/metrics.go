package service

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
)

// metrics are the counters of the web service. Labels are operations and
// codes: never a provider's text, a number or an error.
type metrics struct {
	requests *prometheus.CounterVec
	waits    prometheus.Gauge
}

// startCodes are the outcomes that a dashboard wants to see at 0 from the start.
var startCodes = map[string][]mssp.Code{
	string(OpSignature): {
		mssp.RequestOK, mssp.Signature, mssp.ValidSignature, mssp.WrongParam, mssp.MissingParam,
		mssp.WrongDataLength, mssp.UnauthorizedAccess, mssp.UnknownClient, mssp.InappropriateData,
		mssp.UnsupportedProfile, mssp.ExpiredTransaction, mssp.OTAError, mssp.UserCancel, mssp.UnableToProvide, mssp.InternalError,
	},
	string(OpStatusQuery): {
		mssp.OutstandingTransaction, mssp.Signature, mssp.ValidSignature, mssp.WrongParam,
		mssp.UnauthorizedAccess, mssp.ExpiredTransaction, mssp.UserCancel, mssp.InternalError,
	},
	string(OpProfileQuery): {mssp.RequestOK, mssp.UnknownClient, mssp.UnauthorizedAccess},
	string(OpReceipt):      {mssp.IncompatibleInterface, mssp.UnauthorizedAccess},
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "simsign_ap_requests_total",
			Help: "Requests of application providers by operation and TS 102 204 code of the reply or fault.",
		}, []string{"operation", "code"}),
		waits: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "simsign_ap_synch_waits",
			Help: "MSS_Signature requests in synch mode that wait for their user now.",
		}),
	}
	for op, codes := range startCodes {
		for _, c := range codes {
			m.requests.WithLabelValues(op, strconv.Itoa(int(c)))
		}
	}
	if r != nil {
		r.MustRegister(m.requests, m.waits)
	}
	return m
}

func (m *metrics) count(op Operation, c mssp.Code) {
	m.requests.WithLabelValues(string(op), strconv.Itoa(int(c))).Inc()
}
