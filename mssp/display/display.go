// Package display decides whether a text may be shown to a user who is about
// to sign it, and whether it fits on the handset.
//
// What the user sees must be what is signed (requirement 3.5.3-5), and the
// octets that are signed must be those of the application provider. So this
// package never changes a text: a text that could be shown in a misleading
// way is refused, and the error names the character, its position and what
// to send instead. Refused are control characters, characters that turn the
// order of the text (bidirectional controls), characters that nobody can see
// (zero-width, fillers, variation selectors; a joiner inside a Persian or Indic
// word is spelling and passes), private-use and unassigned code points, code
// points that phones do not carry (above U+FFFF), spaces but the ordinary one,
// letters that are not composed (NFC) and marks on letters that need none, words
// that mix look-alike letters of two scripts ("pаypal" with a Cyrillic а),
// numbers of two digit systems or with a letter for a digit, what pushes the frame
// off the screen (rows of line feeds and spaces, many lines), and what looks like
// the applet's own labels ("Reference: ..."). This is the row "text spoofing" of
// the threat model.
//
// Who asks comes first: a Frame puts the registered name of the provider
// before the text and the reference code after it. The frame is what has to
// fit: 240 characters of the GSM 7-bit alphabet (3GPP TS 23.038), or 120 as
// soon as one character is outside it.
package display

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrText is matched by every error of Check and CheckName.
var ErrText = errors.New("text cannot be shown safely")

// CharError says which character of a text cannot be shown and what to do.
// It holds that one code point and nothing else of the text.
type CharError struct {
	Position int  // of the character, the first is 1
	Rune     rune // utf8.RuneError where the octets are not UTF-8
	Problem  string
	Remedy   string
}

func (e *CharError) Error() string {
	return fmt.Sprintf("character %d (%U) %s: %s", e.Position, e.Rune, e.Problem, e.Remedy)
}

// Unwrap makes errors.Is(err, ErrText) true.
func (e *CharError) Unwrap() error { return ErrText }

// Check refuses a text that could mislead the user. Line feeds (U+000A) are
// allowed, but not a text of which nothing can be seen. The error is a
// *CharError.
func Check(text string) error {
	if text != "" && strings.TrimSpace(text) == "" {
		r, _ := utf8.DecodeRuneInString(text)
		return &CharError{1, r, "is blank, as is all of the text", "send something that the user can read"}
	}
	return check(text, true)
}

// CheckName is Check for what must stay on one line: names of providers,
// reference codes.
func CheckName(name string) error { return check(name, false) }

// check judges first each character, then the text as it stands on the screen.
func check(s string, lines bool) error {
	if !plainASCII(s, lines) {
		if err := checkCharacters(s, lines); err != nil {
			return err
		}
		if err := checkNFC(s); err != nil {
			return err
		}
		if err := checkMarks(s); err != nil {
			return err
		}
		if err := checkWhole(s); err != nil {
			return err
		}
	}
	for _, look := range []func(string) error{checkLayout, checkNumbers, checkLabels} {
		if err := look(s); err != nil {
			return err
		}
	}
	return nil
}

func checkCharacters(s string, lines bool) error {
	pos := 0
	var w word
	for i, r := range s {
		pos++
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return &CharError{pos, r, fmt.Sprintf("stands for octet %02X, which is not UTF-8", s[i]), "send the text in UTF-8"}
			}
		}
		if (r == zwnj || r == zwj) && joins(r, s[:i], s[i+utf8.RuneLen(r):]) {
			continue
		}
		if p := problem(r, lines); p != nil {
			return &CharError{pos, r, p.what, p.remedy}
		}
		if e := w.add(r, pos); e != nil {
			return e
		}
	}
	return nil
}

// plainASCII is the fast path: printable ASCII, and line feeds where allowed.
func plainASCII(s string, lines bool) bool {
	for i := range len(s) {
		if c := s[i]; (c < 0x20 || c > 0x7E) && !(lines && c == '\n') {
			return false
		}
	}
	return true
}

// checkNFC finds the first place where the text is not in normal form. The
// text is refused and not normalised: the signature covers the octets that
// the provider sent, and two spellings of one text must not both be signed.
func checkNFC(s string) error {
	if norm.NFC.IsNormalString(s) {
		return nil
	}
	composed := norm.NFC.String(s)
	i := 0
	for i < len(s) && i < len(composed) && s[i] == composed[i] {
		i++
	}
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	want, _ := utf8.DecodeRuneInString(composed[i:])
	return &CharError{
		utf8.RuneCountInString(s[:i]) + 1, r,
		"begins a sequence that is not in Unicode normal form NFC", fmt.Sprintf("send the composed form, here %U", want),
	}
}

// reason says why a character cannot be shown, and what to do.
type reason struct{ what, remedy string }

func problem(r rune, lines bool) *reason {
	switch {
	case r >= 0x20 && r < 0x7F:
		return nil
	case r == '\n':
		if lines {
			return nil
		}
		return &reason{"is a line feed", "put the text on one line"}
	case r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029':
		return &reason{"is a line break that is not shown alike everywhere", "use a single line feed (U+000A)"}
	case r == '\t':
		return &reason{"is a tab", "use a space"}
	case unicode.Is(unicode.Zs, r) && r != ' ':
		return &reason{"is a space of a width of its own", "use an ordinary space (U+0020)"}
	case unicode.Is(unicode.Cc, r):
		return &reason{"is a control character", "remove it"}
	case r == 0xFFFD:
		return &reason{"is the replacement character: some octets were lost before", "send the original text in UTF-8"}
	case r > 0xFFFF:
		return &reason{"is above U+FFFF and phones cannot be trusted to show it", "use a character up to U+FFFF"}
	case unicode.Is(unicode.Bidi_Control, r):
		return &reason{"turns the order of the text on the screen", "remove it"}
	case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || r == 0x2800:
		return &reason{"cannot be seen", "remove it"}
	case unicode.Is(unicode.Co, r):
		return &reason{"is for private use and looks different on each phone", "use a standard character"}
	case r >= 0x2500 && r <= 0x259F || r == 0xFFFC:
		return &reason{"draws lines and boxes, which belong to the phone's own screen", "remove it"}
	case !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs):
		return &reason{"is not an assigned character", "remove it"}
	}
	return ownForm(r)
}
