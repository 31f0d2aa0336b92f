package service

import (
	"context"
	"errors"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// While the store gives no answer every request is 780 at once, before anything
// is read; and an error of the store is 780 where one of ours is 900.
//
// Supports: F6
func TestUnavailable(t *testing.T) {
	const later = "the service can read and store nothing at present: ask again in a minute, with the same AP_TransID"
	hangs := errors.New("store has not answered within 3s")
	s, _ := testService(t, func(o *Options) {
		o.Directory = nobody{t}
		o.Available = func() error { return hangs }
	})
	for _, op := range []Operation{OpSignature, OpStatusQuery, OpProfileQuery} {
		_, f := s.begin(t.Context(), op, plain(), Peer{}, &Header{AP: APInfo{ID: "http://bank", Password: "geheim"}})
		if f == nil || f.Code != mssp.UnableToProvide || !errors.Is(f.Err, hangs) || f.Detail != later {
			t.Errorf("%s: %+v", op, f)
		}
	}
	for err, code := range map[error]mssp.Code{
		store.ErrNotWritten: mssp.UnableToProvide, store.ErrSilent: mssp.UnableToProvide, store.ErrClosed: mssp.UnableToProvide,
		errors.New("a fault of ours"): mssp.InternalError, mssp.ErrNotFound: mssp.InternalError,
	} {
		want := map[mssp.Code]string{mssp.UnableToProvide: later, mssp.InternalError: "internal error: repeat the request with the same AP_TransID; if it stays, give the operator the time and the AP_TransID"}
		if f := internal(err); f.Code != code || !errors.Is(f.Err, err) || f.Detail != want[code] {
			t.Errorf("%v: %+v", err, f)
		}
	}
}

// nobody is a directory that must not be asked.
type nobody struct{ t *testing.T }

func (n nobody) AP(context.Context, mssp.APID) (mssp.AP, error) {
	n.t.Error("the directory was read")
	return mssp.AP{}, mssp.ErrNotFound
}
