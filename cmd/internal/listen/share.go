package listen

import (
	"errors"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
)

// Descriptors that connections from outside never get: for the operator's
// socket and for health and metrics as many connections as these two may have,
// and for the database, the bearers and files. An order of the operator lasts as
// long as the person at the phone thinks (user register), so many are open at a time.
const (
	AdminMax   = 256
	MetricsMax = 64
	Own        = 96
)

// Share is how many connections the public listeners may have of so many
// descriptors, when each of them wants as many. What is short, all are short of; a
// quarter is for them at least.
func Share(descriptors int, wants []int) []int {
	sum := 0
	for _, w := range wants {
		sum += w
	}
	have := max(descriptors-AdminMax-MetricsMax-Own, descriptors/4)
	out := make([]int, len(wants))
	for i, w := range wants {
		if out[i] = w; sum > have {
			out[i] = max(int(int64(w)*int64(have)/int64(sum)), 1)
		}
	}
	return out
}

// Needed is how many descriptors it takes to give everybody what he wants.
func Needed(wants []int) int {
	n := AdminMax + MetricsMax + Own
	for _, w := range wants {
		n += w
	}
	return n
}

// Descriptors is how many this process may have (RLIMIT_NOFILE, which the Go
// runtime raises to the most that is permitted).
func Descriptors() (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	return int(min(r.Cur, 1<<30)), nil
}

// Metrics count connections; the labels are names of listeners and limits.
type Metrics struct {
	opened  *prometheus.GaugeVec
	turned  *prometheus.CounterVec
	failure *prometheus.CounterVec
}

// NewMetrics registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		opened: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "simsign_connections", Help: "Connections that are open, by listener."}, []string{"listener"}),
		turned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "simsign_connections_refused_total", Help: "Connections that were turned away, or closed while idle to make room, by listener and the limit that was reached.",
		}, []string{"listener", "limit"}),
		failure: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "simsign_accept_errors_total", Help: "Errors of accept, by listener; with descriptors used up it rises all the time.",
		}, []string{"listener"}),
	}
	return m, errors.Join(reg.Register(m.opened), reg.Register(m.turned), reg.Register(m.failure))
}

// begin makes what belongs to a listener start at zero.
func (m *Metrics) begin(name string) {
	if m == nil {
		return
	}
	m.opened.WithLabelValues(name)
	m.failure.WithLabelValues(name)
	for _, limit := range [...]string{"address", "listener", "descriptors"} {
		m.turned.WithLabelValues(name, limit)
	}
}

func (m *Metrics) open(name string, n float64) {
	if m != nil {
		m.opened.WithLabelValues(name).Add(n)
	}
}

func (m *Metrics) refused(name, limit string) {
	if m != nil {
		m.turned.WithLabelValues(name, limit).Inc()
	}
}

func (m *Metrics) failed(name string) {
	if m != nil {
		m.failure.WithLabelValues(name).Inc()
	}
}
