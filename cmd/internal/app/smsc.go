package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/smpp/esme"
	"github.com/simsign/simsign/smpp/trace"
)

var errNotAttached = errors.New("not attached to its network")

// smppBearer is a bearer of kind smpp.
type smppBearer struct {
	*esme.Client
	trace *trace.Recorder // nil: nothing is kept
	watch faultWatch
}

// Fault implements carrier: what an operator has stopped is none.
func (c *smppBearer) Fault() error {
	if c.Attached() {
		return nil
	}
	st := c.Status()
	switch {
	case st.State != "running":
		return nil
	case st.Fault != "":
		return fmt.Errorf("%d of %d binds: %s", st.Bound, st.Binds, st.Fault)
	}
	return errNotAttached
}

func (a *App) newSMPP(b *config.Bearer) (carrier, error) {
	o, err := b.ESME()
	if err != nil {
		return nil, err
	}
	if o.Bind.Password, err = b.Password(a.o.Getenv); err != nil {
		return nil, err
	}
	if o.TLS, o.Certificates, err = a.certs.bearer(b); err != nil {
		return nil, err
	}
	m := newSMPPMetrics()
	c := &smppBearer{}
	o.Inbox, o.Logger, o.Metrics, o.Clock = a.inbox(), a.log, m, a.steady.now
	o.Changed = func(esme.Status) { c.watch.changed(c.Fault(), a.checkNow) }
	if b.Trace > 0 {
		c.trace = trace.New(trace.Options{PDUs: b.Trace, Messages: b.TraceMessages, Clock: a.o.Clock})
		o.Tap = c.trace.Tap
	}
	if c.Client, err = esme.New(o); err != nil {
		return nil, err
	}
	if err := m.register(a.registry, c.Client); err != nil {
		return nil, err
	}
	a.bearers.smscs = append(a.bearers.smscs, c)
	return c, nil
}

// centres is the admin.SMSCs of the running service.
type centres struct {
	b   *bearers
	log *slog.Logger
}

var _ admin.SMSCs = centres{}

// List implements admin.SMSCs.
func (o centres) List() []esme.Status {
	out := make([]esme.Status, 0, len(o.b.smscs))
	for _, c := range o.b.smscs {
		st := c.Status()
		if err := o.b.router.Fault(c.Name()); err != nil && st.State == "running" && st.Fault == "" {
			st.Fault = err.Error()
		}
		out = append(out, st)
	}
	return out
}

func (o centres) find(name string) (*smppBearer, error) {
	for _, c := range o.b.smscs {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no bearer of kind smpp has the name %q: simsign smsc list shows them", name)
}

// Order implements admin.SMSCs.
func (o centres) Order(ctx context.Context, name, do string, wait time.Duration) (esme.Status, error) {
	c, err := o.find(name)
	if err != nil {
		return esme.Status{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	switch do {
	case "drain":
		err = c.Drain(ctx)
	case "stop":
		c.Drain(ctx) // Stop says what has no response then
		err = c.Stop(ctx)
	case "start":
		c.Resume()
		err = c.Start(ctx)
	default:
		err = fmt.Errorf("%q is none of drain, stop, start", do)
	}
	o.log.Info("an operator has changed a bearer", "bearer", name, "order", do, "state", c.Status().State, "error", err)
	return c.Status(), err
}

// maxTrace is the largest capture file: it passes the admin socket in one
// answer. Of more than that the newest PDUs are in it.
const maxTrace = 32 << 20

// Trace implements admin.SMSCs.
func (o centres) Trace(name string) ([]byte, error) {
	c, err := o.find(name)
	if err != nil {
		return nil, err
	}
	if c.trace == nil {
		return nil, fmt.Errorf("bearer %q keeps no trace: set trace = 1000 in its section and restart", name)
	}
	var b bytes.Buffer
	if err := c.trace.WritePcap(&b, maxTrace); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
