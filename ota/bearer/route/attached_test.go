package route

import (
	"errors"
	"testing"

	"github.com/simsign/simsign/ota/bearer"
)

// reasoned is a bearer that says why it is not attached.
type reasoned struct {
	bearer.Bearer
	why error
}

func (r *reasoned) Attached() error { return r.why }

// However a bearer tells that it is not attached, others go before it.
func TestAttached(t *testing.T) {
	first, second := &reasoned{Bearer: struct{ bearer.Bearer }{&fake{name: "first"}}}, &fake{name: "second"}
	r := New([]Rule{{Bearer: first, Priority: 1}, {Bearer: second, Priority: 2}})
	for _, tc := range []struct {
		why  error
		want int
	}{{nil, 0}, {errors.New("unplugged"), 1}, {nil, 1}} {
		first.why = tc.why
		if _, err := r.Route(bearer.Destination{MSISDN: "41790000001"}).Submit(t.Context(), bearer.Segment{}); err != nil || second.got != tc.want {
			t.Errorf("%v: second has %d, %v", tc.why, second.got, err)
		}
	}
}
