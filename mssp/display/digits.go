package display

import (
	"fmt"
	"strings"
	"unicode"
)

// zeroLike are letters that most fonts draw like the digit 0.
const zeroLike = "OoОоΟοօՕ"

// numbers follows the digits of a text: they are all of one system, and no
// letter stands in for one of them. An amount must not be readable in two ways.
type numbers struct {
	zero  rune // of the system in use; 0: no digit yet
	at    int  // its first digit
	last  rune
	first rune // of the token: letters and digits with what may part a number
	odd   position
	only  bool // the token has nothing but digits, letters like zero, and separators
}

// add takes the next character.
func (n *numbers) add(r rune, pos int) *CharError {
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
	return n.token(r, pos)
}

// numberSign: fractions, the zero of Chinese, and the powers of units (m²).
func numberSign(r, last rune) bool {
	switch r {
	case '¼', '½', '¾', '〇':
		return true
	case '²', '³', '₂': // and of formulas (CO₂)
		return unicode.Is(unicode.L, last)
	}
	return false
}

// token looks for a number with a letter in the place of a zero: 1OO, 1.OOO.
func (n *numbers) token(r rune, pos int) *CharError {
	alike := strings.ContainsRune(zeroLike, r)
	switch {
	case !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune(".,'’", r):
		return n.end()
	case n.first == 0:
		n.first, n.only = r, true
	}
	if alike && n.odd.at == 0 {
		n.odd = position{pos, r}
	}
	if unicode.In(r, unicode.L, unicode.M) && !alike {
		n.only = false
	}
	return nil
}

// end closes the token.
func (n *numbers) end() *CharError {
	bad := n.only && n.odd.at != 0 && unicode.Is(unicode.Nd, n.first)
	odd := n.odd
	n.first, n.odd, n.only = 0, position{}, false
	if bad {
		return &CharError{odd.at, odd.r, "looks like the digit 0 in a number", "write the digit"}
	}
	return nil
}

// checkNumbers reads a whole text.
func checkNumbers(s string) error {
	var n numbers
	pos := 0
	for _, r := range s {
		pos++
		if e := n.add(r, pos); e != nil {
			return e
		}
	}
	if e := n.end(); e != nil {
		return e
	}
	return nil
}
