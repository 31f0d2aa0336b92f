// Package alert keeps what an operator must know and do something about, for
// as long as it holds: a centre that takes nothing, a disk without room, a
// transaction that was set aside, a certificate that is about to end.
//
// An alert has a kind (a constant of this package, the label of the metric),
// a name within it (a bearer, a file, a transaction) and a text that says what
// is wrong and what to do. Raise and Clear may be called as often as wanted,
// from any goroutine, while whoever calls holds a lock: only the first Raise
// is a WARN in the log, only the Clear after it an INFO. What is open stands
// in the gauge simsign_alerts{kind}, for which configs/alerts-*.yml have the
// rules, and in words behind /alerts on metrics.listen.
//
// A package that has something to raise declares what it needs in its options:
//
//	Alerts interface {
//		Raise(kind, name, text string)
//		Clear(kind, name string)
//	}
//
// and package app gives it the Board of the service. No text and no name
// holds a number of a person, a text of a message or a key: both are logged.
package alert

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Kinds.
const (
	Bearer      = "bearer"      // name: the bearer; it takes nothing
	Store       = "store"       // the database does not answer, or takes nothing
	Row         = "row"         // name: table and row; its content is damaged or is not ours
	Transaction = "transaction" // name: the transaction; it was set aside
	Disk        = "disk"        // name: the folder; it is nearly or quite full
	Clock       = "clock"       // it stepped, or is wrong
	Certificate = "certificate" // name: the file; it ends soon
	SelfTest    = "selftest"    // the test signature fails
	Retention   = "retention"   // name: clock or grace; erasing waits, or is about to begin
)

// kinds are all of them: each is a line of the metric from the start.
var kinds = []string{Bearer, Store, Row, Transaction, Disk, Clock, Certificate, SelfTest, Retention}

// most is how many alerts are kept in words; more of them are counted and
// logged only.
const most = 1000

// Alert is one that is open.
type Alert struct {
	Kind, Name, Text string
	Since            time.Time
}

type key struct{ kind, name string }

// Board is what is open now. It is safe for concurrent use.
type Board struct {
	log   *slog.Logger
	clock func() time.Time
	gauge *prometheus.GaugeVec

	mu   sync.Mutex
	open map[key]*Alert
}

// New makes an empty board and registers its metric.
func New(reg prometheus.Registerer, log *slog.Logger, clock func() time.Time) (*Board, error) {
	b := &Board{log: log, clock: clock, open: map[key]*Alert{}, gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "simsign_alerts", Help: "Alerts that are open, by kind: what an operator must do something about; /alerts has them in words.",
	}, []string{"kind"})}
	for _, k := range kinds {
		b.gauge.WithLabelValues(k)
	}
	return b, reg.Register(b.gauge)
}

// Raise opens an alert, or changes the text of one that is open.
func (b *Board) Raise(kind, name, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := key{kind, name}
	if a := b.open[k]; a != nil {
		a.Text = text
		return
	}
	b.log.Warn("alert", "kind", kind, "name", name, "what", text)
	if len(b.open) < most {
		b.open[k] = &Alert{Kind: kind, Name: name, Text: text, Since: b.clock()}
		b.gauge.WithLabelValues(kind).Inc()
	}
}

// Clear closes an alert; one that is not open needs no Clear.
func (b *Board) Clear(kind, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.open[key{kind, name}]
	if a == nil {
		return
	}
	delete(b.open, key{kind, name})
	b.gauge.WithLabelValues(kind).Dec()
	b.log.Info("alert is over", "kind", kind, "name", name, "after", b.clock().Sub(a.Since))
}

// Open are the open alerts, by kind, the oldest first.
func (b *Board) Open() []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Alert, 0, len(b.open))
	for _, a := range b.open {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(x, y Alert) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), x.Since.Compare(y.Since), cmp.Compare(x.Name, y.Name))
	})
	return out
}

// Print writes one line an alert.
func (b *Board) Print(w io.Writer) {
	for _, a := range b.Open() {
		fmt.Fprintf(w, "%s %s %s: %s\n", a.Since.UTC().Format(time.RFC3339), a.Kind, a.Name, a.Text)
	}
}
