package route

import (
	"testing"

	"github.com/simsign/simsign/ota/bearer"
)

// switched is a bearer that is attached or not.
type switched struct {
	bearer.Bearer
	attached bool
}

func (s *switched) Attached() bool { return s.attached }

// While a bearer is not attached, others go before it.
func TestAttached(t *testing.T) {
	first, second := &switched{Bearer: struct{ bearer.Bearer }{&fake{name: "first"}}}, &fake{name: "second"}
	r := New([]Rule{{Bearer: first, Priority: 1}, {Bearer: second, Priority: 2}}, nil)
	for _, tc := range []struct {
		attached bool
		want     int
	}{{true, 0}, {false, 1}, {true, 1}} {
		first.attached = tc.attached
		if _, err := r.Route(bearer.Destination{MSISDN: "41790000001"}).Submit(t.Context(), bearer.Segment{}); err != nil || second.got != tc.want {
			t.Errorf("attached %v: second has %d, %v", tc.attached, second.got, err)
		}
	}
}
