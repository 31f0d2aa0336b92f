package app

import (
	"errors"
	"path/filepath"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/modem"
)

// stick is a bearer of kind modem.
type stick struct{ *modem.Modem }

// Fault implements carrier.
func (s stick) Fault() error {
	st := s.Status()
	switch {
	case s.Attached():
		return nil
	case st.Problem != "":
		return errors.New(st.Problem)
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
	o.Inbox, o.Logger, o.Registerer, o.Clock = a.engine, a.log, a.registry, a.o.Clock
	m, err := modem.New(o)
	if err != nil {
		return nil, err
	}
	return stick{m}, nil
}
