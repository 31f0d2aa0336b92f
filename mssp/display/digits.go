package display

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Signs that most fonts draw like a digit. Those of certain can be nothing else in
// a number; the others are also what follows one: 10l, 5I, 12З.
const (
	zeroLike = "OoОоΟοօՕØøΘθӨөסဝዐᴏⲞⲟ○◯∅"
	oneLike  = "lI|ІӀΙǀ"
	certain  = zeroLike + "ƧƨƻƷʒȜȝɜƼƽȢȣ"
)

// drawnLike is the digit that r can be taken for, 0 for none.
func drawnLike(r rune) rune {
	if r < 0x80 && r != 'O' && r != 'o' && r != 'l' && r != 'I' && r != '|' {
		return 0
	}
	for _, d := range [...]struct {
		digit rune
		signs string
	}{{'0', zeroLike}, {'1', oneLike}, {'2', "Ƨƨƻ"}, {'3', "ЗзӠӡƷʒȜȝɜ"}, {'5', "Ƽƽ"}, {'6', "б"}, {'8', "Ȣȣ"}} {
		if strings.ContainsRune(d.signs, r) {
			return d.digit
		}
	}
	return 0
}

// leads reports that r can be taken for the first digit of a number that goes on
// with next; I95 is a road.
func leads(r, next rune) bool {
	return r == 'l' || r == '|' || drawnLike(r) > '1' || drawnLike(r) == '1' && next == '0'
}

// numbers follows the digits of a text: they are all of one system, and no
// letter stands in for one of them. An amount must not be readable in two ways.
type numbers struct {
	zero rune // of the system in use; 0: no digit yet
	at   int  // its first digit
	last rune
	token
	number bool // the token before, parted by spaces only, was a number
}

// token is letters and digits with what may part a number.
type token struct {
	first, next  rune
	only         bool // nothing but digits, what looks like them, and separators
	digits       bool // has some
	zeros, size  int  // what looks like a zero; all before a separator
	parted       bool // a separator came; ends is whether it is the last
	ends         bool
	llc          bool     // so far Cyrillic О alone, which thrice is a form of company
	odd, between position // what stands in for a digit; what does if a digit follows
	like         rune     // the digit
}

// add takes the next character.
func (n *numbers) add(r rune, pos int, rest string) *CharError {
	last := n.last
	n.last = r
	switch {
	case unicode.Is(unicode.Nd, r):
		zero := r &^ 15
		if !unicode.Is(unicode.Nd, zero) {
			zero |= 6 // where a block of Unicode has its digits elsewhere
		}
		if n.zero == 0 {
			n.zero, n.at = zero, pos
		}
		if zero != n.zero {
			return &CharError{pos, r, fmt.Sprintf("is a digit of another kind than character %d", n.at), "write all digits of a text in one kind"}
		}
	case unicode.Is(unicode.N, r) && !numberSign(r, last):
		return &CharError{pos, r, "is a number in a form of its own", "write it with ordinary digits"}
	}
	return n.in(r, pos, rest)
}

// numberSign: fractions, the zero of Chinese, and the powers of units (m²).
func numberSign(r, last rune) bool {
	switch r {
	case '¼', '½', '¾':
		return true
	case '〇':
		return !unicode.Is(unicode.Nd, last)
	case '²', '³', '₂': // and of formulas (CO₂)
		return unicode.Is(unicode.L, last)
	}
	return false
}

// in looks for a number with something else in the place of a digit: 1OO, 1.OOO,
// 1l0. What comes at the end may be a unit or part of an address: 10l, 5I.
func (n *numbers) in(r rune, pos int, rest string) *CharError {
	like := drawnLike(r)
	digit := unicode.Is(unicode.Nd, r)
	switch {
	case !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && like == 0 && !strings.ContainsRune(".,'’", r):
		if n.first == 0 {
			n.number = n.number && r == ' '
			return nil
		}
		return n.end(r, rest)
	case n.first == 0:
		n.token = token{first: r, only: true, llc: true}
	case n.next == 0:
		n.next = r
	}
	n.llc = n.llc && r == 'О'
	n.ends = !digit && like == 0 && !unicode.In(r, unicode.L, unicode.M)
	if n.parted = n.parted || n.ends; !n.parted {
		n.size++
	}
	switch {
	case digit:
		if n.between.at != 0 && n.odd.at == 0 {
			n.odd, n.like = n.between, drawnLike(n.between.r)
		}
		n.digits = true
	case strings.ContainsRune(certain, r):
		if like == '0' {
			n.zeros++
		}
		if n.odd.at == 0 {
			n.odd, n.like = position{pos, r}, like
		}
	case like != 0:
		n.between = position{pos, r}
		return nil
	case unicode.In(r, unicode.L, unicode.M):
		n.only = false
	case n.between.r == 'l' && n.first == 'l': // l.000
		return nil
	}
	n.between = position{}
	return nil
}

// end closes the token; r is behind it, then comes rest. Behind a number and a
// space come its thousands: 1 OOO.
func (n *numbers) end(r rune, rest string) *CharError {
	t := n.token
	n.token = token{}
	isNumber := unicode.Is(unicode.Nd, t.first)
	bad := isNumber || t.digits && leads(t.first, t.next) || n.number && t.like == '0' && t.size == 3
	if t.llc && t.zeros == 3 { // "12 ООО «Ромашка»"
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, " "))
		bad = bad && !unicode.In(next, unicode.Lu, unicode.P)
	}
	n.number = isNumber && t.only && !t.ends && r == ' '
	if bad && t.only && t.odd.at != 0 {
		return &CharError{t.odd.at, t.odd.r, fmt.Sprintf("looks like the digit %c in a number", t.like), "write the digit"}
	}
	return nil
}

// known: among letters, digits that are not those of all the world stand with
// some of their own script. The Bengali 4 looks like an 8 to who reads no Bengali.
func (n *numbers) known(s string) *CharError {
	if n.zero == 0 || n.zero == '0' {
		return nil
	}
	tables := []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul} // of fullwidth digits
	if n.zero == '٠' {
		tables = []*unicode.RangeTable{unicode.Arabic, unicode.Thaana, unicode.Syriac}
	}
	for name, t := range unicode.Scripts {
		if name != "Common" && unicode.Is(t, n.zero) {
			tables = []*unicode.RangeTable{t}
		}
	}
	letters := false
	for _, r := range s {
		if unicode.Is(unicode.L, r) {
			if letters = true; unicode.In(r, tables...) {
				return nil
			}
		}
	}
	if !letters {
		return nil
	}
	return &CharError{n.at, []rune(s)[n.at-1], "is a digit of a script of which the text has no letter", "write the digits 0 to 9"}
}

// checkNumbers reads a whole text.
func checkNumbers(s string) error {
	var n numbers
	pos := 0
	for i, r := range s {
		pos++
		if e := n.add(r, pos, s[i+utf8.RuneLen(r):]); e != nil {
			return e
		}
	}
	if e := cmp.Or(n.end(0, ""), n.known(s)); e != nil {
		return e
	}
	return nil
}
