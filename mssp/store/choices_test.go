package store_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/simsign/simsign/mssp/store"
)

// packet is n octets that begin with their length, as a packet does (TS 102 225 5.1),
// and say at the end which one they are.
func packet(n int, mark byte) []byte {
	ud := append(binary.BigEndian.AppendUint16(nil, uint16(n-2)), make([]byte, n-3)...)
	return append(ud, mark)
}

// Of the variants of a set 256 messages are tried, and 16384 combinations are looked at
// for them: whoever sends much in the name of a card costs no more than that.
func TestChoicesAreBounded(t *testing.T) {
	const combinations = 1 << 14
	wrong := store.Piece{UD: []byte{0, 9, 0}} // its length is not that of the message
	for name, tc := range map[string]struct {
		pieces int
		right  func(i int) bool
		want   int
	}{
		"all are messages":       {300, func(int) bool { return true }, 256},
		"256 are":                {256, func(int) bool { return true }, 256},
		"the last that is seen":  {combinations, func(i int) bool { return i == combinations-1 }, 1},
		"one behind it":          {combinations + 1, func(i int) bool { return i == combinations }, 0},
		"none is":                {20, func(int) bool { return false }, 0},
		"the first and the last": {combinations, func(i int) bool { return i == 0 || i == combinations-1 }, 2},
	} {
		j := store.Joined{Variants: [][]store.Piece{make([]store.Piece, tc.pieces)}}
		var want []byte
		for i := range j.Variants[0] {
			if j.Variants[0][i] = wrong; tc.right(i) {
				j.Variants[0][i].UD = packet(4, byte(i))
				if want = append(want, byte(i)); len(want) > tc.want {
					want = want[:tc.want]
				}
			}
		}
		var have []byte
		for _, ud := range j.Choices() {
			have = append(have, ud[3])
		}
		if len(want) != tc.want || !slices.Equal(want, have) {
			t.Errorf("%s: %d choices, want %d", name, len(have), tc.want)
		}
	}
}

// Which combinations are messages, and in which order they are tried: the newest
// variants first, then those with one older, and so on. Only what has the length that
// it says is one, and the header is that of the first part.
func TestOrderOfChoices(t *testing.T) {
	first := func(says byte, mark byte) store.Piece {
		return store.Piece{UDH: []byte{mark}, UD: []byte{0, says, mark}}
	}
	rest := func(octets ...byte) store.Piece { return store.Piece{UDH: []byte{9}, UD: octets} }
	for name, tc := range map[string]struct {
		variants [][]store.Piece
		want     []string // header and octets
	}{
		"one of each, whatever its length": {[][]store.Piece{{first(77, 1)}, {rest('a')}}, []string{"\x01|\x00\x4d\x01a"}},
		"two parts with two": {
			[][]store.Piece{{first(2, 1), first(2, 2)}, {rest('a'), rest('b')}},
			[]string{"\x01|\x00\x02\x01a", "\x01|\x00\x02\x01b", "\x02|\x00\x02\x02a", "\x02|\x00\x02\x02b"},
		},
		"one octet too few":    {[][]store.Piece{{first(3, 1), first(2, 2)}, {rest('a')}}, []string{"\x02|\x00\x02\x02a"}},
		"one octet too many":   {[][]store.Piece{{first(1, 1), first(2, 2)}, {rest('a')}}, []string{"\x02|\x00\x02\x02a"}},
		"the long form of it":  {[][]store.Piece{{{UD: []byte{1, 2, 1}}, first(2, 2)}, {rest('a')}}, []string{"\x02|\x00\x02\x02a"}},
		"no length to read":    {[][]store.Piece{{{UD: []byte{0}}, {}, first(2, 2)}, {rest('a')}}, []string{"\x02|\x00\x02\x02a"}},
		"a length and no more": {[][]store.Piece{{{UDH: []byte{3}, UD: []byte{0, 0}}, {UD: []byte{0, 1}}}}, []string{"\x03|\x00\x00"}},
		"three parts": {
			[][]store.Piece{{first(3, 1)}, {rest('a'), rest('b'), rest('c')}, {rest('x'), rest('y')}},
			[]string{"\x01|\x00\x03\x01ax", "\x01|\x00\x03\x01ay", "\x01|\x00\x03\x01bx", "\x01|\x00\x03\x01by", "\x01|\x00\x03\x01cx", "\x01|\x00\x03\x01cy"},
		},
	} {
		j := store.Joined{Variants: tc.variants}
		for i, vs := range tc.variants {
			if j.UD = append(j.UD, vs[0].UD...); i == 0 {
				j.UDH = vs[0].UDH
			}
		}
		var have []string
		for udh, ud := range j.Choices() {
			have = append(have, string(udh)+"|"+string(ud))
		}
		if !slices.Equal(tc.want, have) {
			t.Errorf("%s: %q, want %q", name, have, tc.want)
		}
	}
}

// Where rows of parts are gone that the header says are there, a part that comes does
// no harm to anybody, and is no message.
func TestPartsThatAreGone(t *testing.T) {
	l := onSQLite(t)
	ref := func(part int) store.ConcatRef { return store.ConcatRef{Ref: 7, Part: part, Total: 2} }
	l.saveMO(numberA, ref(1), "\x00\x09a")
	j := l.saveMO(numberA, ref(2), "b").Complete
	l.ok(l.SetAside(ctx, *j))
	_, err := l.raw().Exec("DELETE FROM mo_part WHERE part = 1")
	l.ok(err)
	r := l.saveMO(numberA, ref(2), "c")
	if r.Complete == nil || len(r.Complete.Variants) != 1 {
		t.Fatalf("%+v", r)
	}
	for _, ud := range r.Complete.Choices() {
		t.Errorf("a message %q of half a set", ud)
	}
	if other := l.saveMO(numberB, ref(1), "x"); other.Complete != nil || other.Conflict || other.Duplicate {
		t.Errorf("another source: %+v", other)
	}
}
