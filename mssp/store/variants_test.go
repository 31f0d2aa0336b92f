package store_test

import (
	"testing"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// A set in which no choice was an answer is looked at again when another variant
// comes, and only with that one: the others were tried. As long as nobody has
// looked, all of them are to be tried.
func TestOnlyTheNewVariantIsTried(t *testing.T) {
	onBoth(t, func(l *lab) {
		for _, looked := range []bool{true, false} {
			source := numberA
			if looked {
				source = numberB
			}
			save := func(part int, octets ...byte) store.MOResult {
				r, err := l.SaveMO(ctx, bearer.MO{Source: source, UD: octets}, store.ConcatRef{Ref: 1, Part: part, Total: 2})
				l.ok(err)
				return r
			}
			save(1, 0, 2, 1)
			j := save(2, 1).Complete
			if looked {
				l.ok(l.SetAside(ctx, *j))
			}
			want := [][]store.Piece{{{UD: []byte{0, 2, 9}}}, {{UD: []byte{1}}}}
			if !looked {
				want[0] = append(want[0], store.Piece{UD: []byte{0, 2, 1}})
			}
			l.same("variants", want, save(1, 0, 2, 9).Complete.Variants)
		}
	})
}
