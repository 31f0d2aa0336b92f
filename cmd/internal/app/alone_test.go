package app

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

func TestAlone(t *testing.T) {
	on, off, gone := mssp.AP{ID: "a"}, mssp.AP{ID: "b", Disabled: true}, mssp.AP{ID: "c", RemovedAt: time.Unix(1, 0)}
	for _, tc := range []struct {
		aps  []mssp.AP
		want bool
	}{{nil, true}, {[]mssp.AP{on}, true}, {[]mssp.AP{on, off, gone}, true}, {[]mssp.AP{on, on}, false}, {[]mssp.AP{on, off, on}, false}} {
		if got := alone(tc.aps); got != tc.want {
			t.Errorf("%+v: %v", tc.aps, got)
		}
	}
}
