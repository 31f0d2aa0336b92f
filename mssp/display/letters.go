package display

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// needMarks are the scripts that cannot be written without combining marks. In
// the others nearly every letter in use has a composed form, and a mark that is left
// after NFC strikes out or decorates what it stands on.
func needMarks() []*unicode.RangeTable {
	return []*unicode.RangeTable{
		unicode.Arabic, unicode.Hebrew, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya,
		unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Thai, unicode.Lao, unicode.Tibetan,
		unicode.Myanmar, unicode.Khmer, unicode.Thaana, unicode.Syriac, unicode.Nko,
	}
}

// scriptWithMarks is the script of needMarks that r belongs to, nil for none.
func scriptWithMarks(r rune) *unicode.RangeTable {
	if r >= 0x064B && r <= 0x0655 || r == 0x0670 { // vowel signs, in Unicode of no script
		return unicode.Arabic
	}
	for _, t := range needMarks() {
		if unicode.Is(t, r) {
			return t
		}
	}
	return nil
}

// maxMarks on one letter: a Thai vowel with a tone, an Arabic shadda with a
// vowel, an Indic vowel with nasalisation; and a syllable of Burmese.
const (
	maxMarks        = 3
	maxMarksMyanmar = 5
)

// toned: letters of Yoruba, Lingala, Ewe and others that have no composed form
// with a tone mark (grave, acute, circumflex, macron, caron).
func toned(base, mark rune) bool {
	return strings.ContainsRune("ẹọẸỌɛɔƐƆ", base) && strings.ContainsRune("\u0300\u0301\u0302\u0304\u030C", mark)
}

// checkMarks takes a text in NFC: marks stand on letters of their own script.
func checkMarks(s string) error {
	pos, marks := 0, 0
	var base rune
	for _, r := range s {
		pos++
		if !unicode.Is(unicode.M, r) {
			base, marks = r, 0 // a joiner too: no mark may follow it
			continue
		}
		marks++
		switch script := scriptWithMarks(r); {
		case script == nil && marks == 1 && toned(base, r):
		case script == nil:
			return &CharError{pos, r, "is drawn over, under or through another character", "send composed letters (NFC) without marks"}
		case !unicode.Is(unicode.L, base) || !unicode.Is(script, base):
			return &CharError{pos, r, "is a mark on no letter of its script", "remove it"}
		case marks > maxMarks && (script != unicode.Myanmar || marks > maxMarksMyanmar):
			return &CharError{pos, r, fmt.Sprintf("is mark %d on one letter", marks), "remove it"}
		}
	}
	return nil
}

const (
	zwnj = 0x200C
	zwj  = 0x200D
)

// joins reports that a zero-width joiner or non-joiner is part of the spelling:
// between Arabic letters, as in Persian words (RFC 5892 A.1, for ZWNJ alone),
// or behind the virama of an Indic script and before a letter of it.
func joins(r rune, before, after string) bool {
	prev, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(after)
	script := scriptWithMarks(prev)
	if script == nil || !unicode.Is(unicode.L, next) || !unicode.Is(script, next) {
		return false
	}
	if norm.NFC.PropertiesString(string(prev)).CCC() == 9 { // a virama
		return true
	}
	return r == zwnj && script == unicode.Arabic && unicode.In(prev, unicode.L, unicode.M)
}

// ownForm: a letter that is another one in a form of its own (fullwidth,
// ligature, superscript, script type), and parts of letters that have not been
// composed.
func ownForm(r rune) *reason {
	switch {
	case r < 0x80 || r == 'ª' || r == 'º' || r == 'µ':
		return nil
	case unicode.Is(unicode.Hangul, r) && (r >= 0x1100 && r < 0x1200 || r >= 0xA960 && r < 0xA980 || r >= 0xD7B0):
		return &reason{"is a part of a letter", "send composed letters (NFC)"}
	case strings.ContainsRune("․⁄∕⧸ǀǃ", r) || r >= 0xFE10 && r <= 0xFE19 || r >= 0xFE50 && r <= 0xFE6B: // where a host ends, in an address
		return &reason{"looks like a sign of ASCII", "write the ordinary sign"}
	case r >= 0x249C && r <= 0x24E9 || r >= 0x2E80 && r <= 0x2FDF || // radicals of Chinese
		unicode.Is(unicode.L, r) && (r >= 0xFB50 && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFC): // Arabic as it is joined
		return &reason{"is a letter in a form of its own", "write the ordinary letter"}
	case !unicode.Is(unicode.L, r):
		return nil
	}
	plain := norm.NFKC.String(string(r))
	if plain == string(r) || !norm.NFC.IsNormalString(string(r)) { // else the error is that of NFC
		return nil
	}
	for _, p := range plain {
		if scriptOf(p) != noScript && scriptOf(p) != other || p < 0x80 {
			return &reason{"is a letter in a form of its own", fmt.Sprintf("write the ordinary letters, here %q", plain)}
		}
	}
	return nil
}
