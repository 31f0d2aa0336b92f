package display

import (
	"strings"
	"unicode"
)

// Letters of other scripts that most fonts draw like a Latin letter. The
// list is the part of Unicode's confusables.txt (UTS 39) for the scripts
// that are in daily use beside Latin.
const (
	cyrillicLookAlikes = "АВЕЅІЈКМНОРСТУХҮԌԚԜаесіјорсухѕһԁԛԝүҽпгк"
	greekLookAlikes    = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορτυχω"
	cherokeeLookAlikes = "ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏏᏒᏔᏙᏚᏞᏟᏢᏦᏧᏳᏴ"
	armenianLookAlikes = "ՕՍԼՏօսոհզցքյ"
)

// script is what a letter is written in, as far as mixing it matters.
type script byte

const (
	noScript script = iota // digits, punctuation, symbols, marks: go with any
	latin
	cyrillic
	greek
	other // a script of its own: never mixed with the three above in honest text
)

func scriptOf(r rune) script {
	switch {
	case r < 0x80:
		if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return latin
		}
		return noScript
	case !unicode.Is(unicode.L, r):
		return noScript
	case unicode.Is(unicode.Latin, r):
		return latin
	case unicode.Is(unicode.Cyrillic, r):
		return cyrillic
	case unicode.Is(unicode.Greek, r):
		return greek
	case unicode.In(r, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu, unicode.Georgian, unicode.Glagolitic):
		return other
	}
	return noScript
}

// checkWhole finds words that read as Latin ones, in a text with Latin letters:
// all their letters are of another script and look like Latin letters ("Pay to
// СОРЕ"). In honest text they stand beside words that only their script has; a
// single letter may be anywhere in one with such words.
func checkWhole(s string) error {
	var (
		alike           position // first letter of the words that look Latin, since the last other word
		long            bool     // one of them has two letters
		begun           position
		n               int  // letters of this word
		own             bool // it has a letter that only its script has
		before, foreign bool // the word before them has; any word has
		latinToo        bool
		bad, single     position
	)
	end := func(isLatin bool) {
		switch {
		case n == 0 && !isLatin:
			return
		case n > 0 && !own: // looks Latin
			if alike.at == 0 {
				alike = begun
			}
			long = long || n > 1
		default:
			if alike.at != 0 && !own && !before && long && bad.at == 0 {
				bad = alike
			}
			if single.at == 0 {
				single = alike
			}
			foreign, before, alike, long = foreign || own, own, position{}, false
		}
		n, own = 0, false
	}
	pos := 0
	for _, r := range s {
		pos++
		switch sc := scriptOf(r); {
		case sc == latin:
			latinToo = true
			end(true)
		case !unicode.In(r, unicode.L, unicode.M, unicode.Nd):
			end(false)
		case sc != noScript:
			if n++; n == 1 {
				begun = position{pos, r}
			}
			own = own || !looksLatin(r, sc)
		}
	}
	end(false)
	end(true)
	if !foreign && bad.at == 0 {
		bad = single
	}
	if latinToo && bad.at != 0 {
		return &CharError{bad.at, bad.r, "looks like a Latin letter in a text with Latin letters", "write the word in one script that can be told from the others"}
	}
	return nil
}

func looksLatin(r rune, s script) bool {
	switch s {
	case cyrillic:
		return strings.ContainsRune(cyrillicLookAlikes, r)
	case greek:
		return strings.ContainsRune(greekLookAlikes, r)
	case other: // the letters of Lisu are Latin ones, turned or not
		return strings.ContainsRune(armenianLookAlikes+cherokeeLookAlikes, r) || unicode.In(r, unicode.Lisu, unicode.Coptic)
	}
	return false
}

// word follows the letters of one word, that is, up to the next character
// that is neither letter, mark nor digit.
type word struct {
	seen  [other + 1]bool
	alike position // first letter that could be taken for a Latin one
	odd   position // first letter of another script than the first
	first script
}

type position struct {
	at int
	r  rune
}

// add takes the next character and says whether the word now mixes scripts
// in a way that can deceive. Latin with Greek is fine while the Greek letter
// looks like nothing else (kΩ, µ); the other mixtures are not.
func (w *word) add(r rune, pos int) *CharError {
	if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) {
		*w = word{}
		return nil
	}
	s := scriptOf(r)
	if s == noScript {
		return nil
	}
	w.seen[s] = true
	if w.first == noScript {
		w.first = s
	}
	if s != w.first && w.odd.at == 0 {
		w.odd = position{pos, r}
	}
	if w.alike.at == 0 && s != other && looksLatin(r, s) {
		w.alike = position{pos, r}
	}
	if w.odd.at == 0 {
		return nil
	}
	if w.seen[latin] && w.alike.at != 0 {
		return &CharError{
			w.alike.at, w.alike.r,
			"looks like a Latin letter inside a word with Latin letters", "write the word in one script",
		}
	}
	if w.seen[other] || w.seen[cyrillic] && w.seen[greek] {
		return &CharError{w.odd.at, w.odd.r, "mixes two scripts inside one word", "write the word in one script"}
	}
	return nil
}
