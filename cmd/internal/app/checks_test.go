package app

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/route"
)

// lazy is a bearer that is attached, and answers messages with err.
type lazy struct {
	name       string
	err, fault error
}

func (l *lazy) Name() string              { return l.name }
func (*lazy) Attached() bool              { return true }
func (*lazy) Start(context.Context) error { return nil }
func (*lazy) Stop(context.Context) error  { return nil }
func (l *lazy) Fault() error              { return l.fault }

func (l *lazy) Submit(context.Context, bearer.Segment) (bearer.Receipt, error) {
	return bearer.Receipt{}, l.err
}

// A load balancer sends nothing to a service that is not ready, and only a
// message can tell that the only bearer takes messages again: after some time
// its failure is told behind "ready", and the alert stays until a message passed.
func TestReadyForAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alerts, err := alert.New(prometheus.NewRegistry(), slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		c := &lazy{name: "main", err: bearer.ErrUnknown}
		a := &App{cfg: &config.Config{Bearers: make([]config.Bearer, 1)}, alerts: alerts, recheck: make(chan struct{}, 1)}
		a.bearers.list, a.bearers.router = []carrier{c}, route.New([]route.Rule{{Bearer: c}}, a.judged)
		h := newHealth(prometheus.NewRegistry(), slog.New(slog.DiscardHandler), time.Now, alerts, a.checkNow, a.checks()[3:])
		send := func() { a.bearers.route(bearer.Destination{}).Submit(t.Context(), bearer.Segment{}) } // the bearer's error
		want := func(when string, reasons, spared, open int) {
			t.Helper()
			h.run(t.Context())
			if r, s, n := h.now(), h.spared(), len(alerts.Open()); len(r) != reasons || len(s) != spared || n != open {
				t.Errorf("%s: reasons %q, behind ready %q, %d alerts", when, r, s, n)
			}
		}
		want("at first", 0, 0, 0)
		send()
		send()
		want("it takes nothing", 1, 0, 1)
		time.Sleep(time.Minute)
		want("a message is awaited", 0, 1, 1)
		c.fault = errNotAttached
		want("there is no link", 1, 0, 1)
		c.fault, a.cfg.Bearers = nil, make([]config.Bearer, 2)
		a.bearers.list = append(a.bearers.list, &lazy{name: "spare", fault: errNotAttached})
		h.questions = append(h.questions, &question{check: a.checks()[4]})
		want("a standby without a link", 0, 2, 1)
		a.bearers.list, a.cfg.Bearers, h.questions = a.bearers.list[:1], a.cfg.Bearers[:1], h.questions[:1]
		send()
		want("it takes nothing again", 1, 0, 1)
		time.Sleep(time.Minute)
		c.err = nil
		send()
		want("it is back", 0, 0, 0)
	})
}
