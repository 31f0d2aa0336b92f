package app

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/simsign/simsign/ota/bearer"
)

// resolved notes what it was told.
type resolved struct {
	receiver
	got []string
}

func (r *resolved) Resolve(_ context.Context, id int64, _ bearer.Receipt, why error) error {
	r.got = append(r.got, fmt.Sprint(id, " ", why))
	return nil
}

// The routes hear of a message that was taken after all, and of no other; the
// engine hears of each.
func TestTookLate(t *testing.T) {
	e, told := &resolved{}, []string(nil)
	i := inbox{e, func(name string) { told = append(told, name) }}
	for id, why := range []error{nil, bearer.ErrBusy, bearer.ErrRefused} {
		if err := i.Resolve(t.Context(), int64(id), bearer.Receipt{Bearer: fmt.Sprint("north ", id)}, why); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(told, []string{"north 0"}) || len(e.got) != 3 || e.got[1] != "1 "+bearer.ErrBusy.Error() {
		t.Errorf("routes %q, engine %q", told, e.got)
	}
}
