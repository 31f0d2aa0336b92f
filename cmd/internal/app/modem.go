package app

import (
	"errors"
	"path/filepath"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/modem"
)

// modemBearer is a bearer of kind modem.
type modemBearer struct {
	*modem.Modem
	watch faultWatch
}

// Fault implements carrier.
func (m *modemBearer) Fault() error {
	st := m.Status()
	switch {
	case st.Problem != "":
		return errors.New(st.Problem) // also that its quota is used up
	case m.Attached():
		return nil
	}
	return errNotAttached
}

func (a *App) newModem(b *config.Bearer) (carrier, error) {
	o, err := b.Driver(a.cfg.Data, a.o.Getenv)
	if err != nil {
		return nil, err
	}
	if a.bearers.pins == nil {
		if a.bearers.pins, err = modem.OpenPINs(filepath.Join(a.cfg.Data, "modem.pins")); err != nil {
			return nil, err
		}
	}
	o.PINs = a.bearers.pins
	counts, m := newModemMetrics(), &modemBearer{}
	o.Inbox, o.Logger, o.Metrics, o.Clock = a.inbox(), a.log, counts, a.steady.now
	o.Alone = a.alone.Load
	o.Changed = func(modem.Status) { m.watch.changed(m.Fault(), a.checkNow) }
	if m.Modem, err = modem.New(o); err != nil {
		return nil, err
	}
	if err := counts.register(a.registry, m.Modem); err != nil {
		return nil, err
	}
	return m, nil
}
