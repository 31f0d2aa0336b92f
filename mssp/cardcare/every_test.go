package cardcare

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/fieldtest"
)

// Every field of what a row keeps comes back.
func TestEveryFieldOfThePayloads(t *testing.T) {
	fieldtest.Each(t, code{}, nil, func(field string, c code) { same(t, field, &c, decodeCode) })
	fieldtest.Each(t, rotate{}, nil, func(field string, r rotate) { same(t, field, &r, decodeRotate) })
	fieldtest.Each(t, change{}, nil, func(field string, c change) { same(t, field, &c, decodeApplet) })
}

func same(t *testing.T, field string, p engine.Procedure, decode engine.Decode) {
	t.Helper()
	b, err := p.Payload()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(b)
	if diff := cmp.Diff(p, got); diff != "" || err != nil {
		t.Errorf("%T, %s: %s, %v", p, field, diff, err)
	}
}
