package route_test

import (
	"cmp"
	"context"
	"fmt"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/route"
)

// link is a bearer that takes everything, or is busy.
type link struct {
	name string
	busy bool
}

func (l link) Name() string { return l.name }

func (l link) Submit(context.Context, bearer.Segment) (bearer.Receipt, error) {
	if l.busy {
		return bearer.Receipt{}, bearer.ErrBusy
	}
	return bearer.Receipt{MessageID: "1"}, nil
}

// Two bearers for one prefix, the second for when the first is busy, and one
// for the rest of the world.
func Example() {
	router := route.New([]route.Rule{
		{Bearer: link{name: "centre"}},
		{Bearer: link{name: "north", busy: true}, Prefixes: []string{"4179"}, Priority: 1},
		{Bearer: link{name: "usb0"}, Prefixes: []string{"4179"}, Priority: 2},
	}, nil)
	for _, d := range []bearer.Destination{{MSISDN: "46700000001"}, {MSISDN: "41790000001"}} {
		b := router.Route(d)
		r, err := b.Submit(context.Background(), bearer.Segment{Dest: d.MSISDN})
		fmt.Println(string(d.MSISDN), "by", cmp.Or(r.Bearer, b.Name()), err)
	}
	// Output:
	// 46700000001 by centre <nil>
	// 41790000001 by usb0 <nil>
}
