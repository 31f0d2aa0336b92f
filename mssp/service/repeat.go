package service

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
)

// repeat answers a signature request that came before (I12), with found set. It
// comes before the check of the Instant's age: a transport that tries again for an
// hour sends an old one, and after the time that ValidityDate leaves.
func (s *Service) repeat(ctx context.Context, r *signature.Request) (tx mssp.Transaction, found bool, f *mssp.Fault) {
	// Nothing was accepted with an Instant that is far from now.
	if r.Instant != 0 && s.o.Clock().Sub(time.Unix(0, r.Instant)).Abs() > mssp.RepeatFor+s.o.InstantWindow {
		return tx, false, nil
	}
	tx, found, err := s.o.Engine.Repeat(ctx, *r)
	if err != nil {
		f = asFault(err)
	}
	return tx, found, f
}

// instantOf is an Instant as it is compared: as a time in nanoseconds since 1970,
// so that neither its zone nor the number of its digits matters. 0 is none.
func instantOf(d *Dialect, instant string) int64 {
	t, f := d.instant("AP_Info.Instant", instant)
	switch {
	case f != nil: // none: what cannot be read was refused before
		return 0
	case t.Year() < 1971 || t.Year() > 2200:
		return -2 // no such number: the check of its age refuses it
	}
	return t.UnixNano()
}
