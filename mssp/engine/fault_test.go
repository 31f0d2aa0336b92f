package engine

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// A provider hears whether to ask again, and with which AP_TransID.
//
// Supports: F3
func TestStoreFault(t *testing.T) {
	e := &core{log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		err  error
		code mssp.Code
		says string
	}{
		{store.ErrOutcomeUnknown, mssp.UnableToProvide, "restarting"},
		{store.ErrClosed, mssp.UnableToProvide, "restarting"},
		{store.ErrNotWritten, mssp.UnableToProvide, "can store nothing"},
		{store.ErrNotFound, mssp.InternalError, ""},
	} {
		f := e.Internal("testing", fmt.Errorf("store: %w", c.err))
		if f.Code != c.code || !strings.Contains(f.Detail, c.says) || !strings.Contains(f.Detail, "same AP_TransID") {
			t.Errorf("%v: %v", c.err, f)
		}
	}
}
