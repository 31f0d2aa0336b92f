package store_test

import (
	"slices"
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

// Of many variants of a part the first four stay and the last four: whoever comes
// often pushes out neither what came before him nor what comes after.
func TestVariantsOfAPart(t *testing.T) {
	onBoth(t, func(l *lab) {
		const head = 7 // CPL or RPL of a packet of that length
		save := func(part int, octets ...byte) *store.Joined {
			r, err := l.SaveMO(ctx, bearer.MO{Source: numberA, UD: octets}, store.ConcatRef{Ref: 1, Part: part, Total: 2})
			l.ok(err)
			return r.Complete
		}
		var want []store.Piece // the newest first
		for i := range byte(12) {
			if save(1, 0, head, i); i < 4 || i >= 8 {
				want = slices.Insert(want, 0, store.Piece{UD: []byte{0, head, i}})
			}
		}
		j := save(2, 1, 2, 3, 4, 5, 6)
		l.same("variants", [][]store.Piece{want, {{UD: []byte{1, 2, 3, 4, 5, 6}}}}, j.Variants)
		var all, choices [][]byte
		for _, p := range want {
			all = append(all, append(slices.Clone(p.UD), 1, 2, 3, 4, 5, 6))
		}
		for _, ud := range j.Choices() {
			choices = append(choices, ud)
		}
		l.same("choices", all, choices)
		seen := 0
		for range j.Choices() {
			if seen++; seen == 3 {
				break // has found what he was looking for
			}
		}
		if seen != 3 {
			l.Errorf("%d choices", seen)
		}
	})
}
