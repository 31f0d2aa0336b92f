package display

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What the applet writes on the same screen, in the languages that it has
// (applet/INT6.md, strings 13, 02, 03, 0B, 0C, 10, 11), and the label of an
// event id. A line of a text that looks like one of them could pass a code of
// the provider off as ours, or a wish of his as the card's.
const labels = `Reference|Ref|Reference code|Referenz|Viite|Kennung|Référence|Kontrollkood
Event ID|Tapahtumatunnus|Vorgangs-ID|ID événement|Sündmuse ID`

// phrases are labels too, of several words each; "%" ends them.
const phrases = `Enter your personal code|Enter your signature code|Wrong code. Tries left|Your code is blocked|Enter the registration code|Wrong registration code
Anna tunnuslukusi|Anna allekirjoituksen tunnusluku|Väärä tunnusluku|Tunnusluku on lukittu|Anna rekisteröintikoodi|Väärä rekisteröintikoodi
Geben Sie Ihren Code ein|Geben Sie Ihren Signaturcode ein|Falscher Code. Noch|Ihr Code ist gesperrt|Geben Sie den Registrierungscode ein|Falscher Registrierungscode
Entrez votre code personnel|Entrez votre code de signature|Code faux. Essais restants|Votre code est bloqué|Entrez le code d'enregistrement|Code d'enregistrement faux
Sisestage isiklik kood|Sisestage allkirjakood|Vale kood. Katseid jäänud|Kood on lukus|Sisestage registreerimiskood|Vale registreerimiskood`

// label is what stands on the applet's screen; phrase says of several words.
type label struct {
	text   string
	phrase bool
}

// ownLabels are labels and phrases by their skeletons.
var ownLabels = func() map[string]label {
	m := make(map[string]label)
	for i, list := range []string{labels, phrases} {
		for _, l := range strings.FieldsFunc(list, func(r rune) bool { return r == '|' || r == '\n' }) {
			if s := skeleton(l); m[s].text == "" {
				m[s] = label{l, i == 1}
			}
		}
	}
	return m
}()

// beginnings are the skeletons of the first letters of all labels.
var beginnings = func() map[string]bool {
	m := make(map[string]bool)
	for s := range ownLabels {
		for i := range s {
			m[s[:i]] = true
		}
		m[s] = true
	}
	return m
}()

// alikeFrom and alikeTo draw letters as the Latin ones that they look like
// (UTS 39), l and the digit 1 as i.
const (
	alikeFrom = "авеѕіјкмнорстухүԍԛԝһԁпгӏαβεζηικμνορτυχωγıɩɪʟłʀɍᴇɇɛꜰƒɴŋᴄᴏøᴋƙᴛŧᴠᴜɢɡɑđðħl1|03569"
	alikeTo   = "abesijkmhopctyxygqwhdnriabezhikunoptuxwyiiiiirreeeffnncookkttvuggaddhiiioesbg"
)

var drawnAs = func() map[rune]rune {
	m, to := make(map[rune]rune), []rune(alikeTo)
	for i, r := range []rune(alikeFrom) {
		m[r] = to[i]
	}
	return m
}()

// drawn is a character without case, marks and origin: "" for what is no letter.
func drawn(r rune) string {
	switch {
	case r >= 'A' && r <= 'Z' && r != 'L':
		return string(r + 'a' - 'A')
	case r >= 'a' && r <= 'z' && r != 'l':
		return string(r)
	case r == ' ' || r == '\n':
		return ""
	}
	var b strings.Builder
	for _, r := range strings.ToLower(norm.NFKD.String(string(r))) {
		if to, ok := drawnAs[r]; ok {
			r = to
		}
		if unicode.Is(unicode.L, r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func skeleton(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(drawn(r))
	}
	return b.String()
}

// Alike reports that a user takes one name for the other: they differ in case,
// marks, punctuation and look-alikes only.
func Alike(a, b string) bool { return nameOf(a) == nameOf(b) }

func nameOf(s string) string {
	var b strings.Builder
	for _, r := range s {
		if d := drawn(r); d != "" || !unicode.Is(unicode.N, r) {
			b.WriteString(d)
		} else {
			b.WriteRune(r)
		}
	}
	return strings.NewReplacer("rn", "m", "vv", "w").Replace(b.String())
}

// checkLabels looks at every place where a word begins: at the beginning of a
// line for what can be taken for a label at all; inside of one, where the phone
// may break the line, for what also begins like a sentence of its own.
func checkLabels(s string) error {
	runes := []rune(s)
	start, begun := 0, false // of the line; something can be seen before
	for i, r := range runes {
		switch {
		case r == '\n':
			start, begun = i+1, false
		case !isWord(r) || i > 0 && isWord(runes[i-1]):
			begun = begun || isWord(r)
		default:
			if l := labelAt(runes[start:], i-start, begun); l != "" {
				return &CharError{i + 1, r, fmt.Sprintf("begins what looks like %q of the phone's own screen", l), "write it in another way, for example with \"number\" behind the word"}
			}
			begun = true
		}
	}
	return nil
}

func isWord(r rune) bool { return r == '|' || unicode.In(r, unicode.L, unicode.M, unicode.N) }

// mostBehind is how much of what comes behind a label is looked at: more than a code
// and its punctuation. A text may have a thousand labels.
const mostBehind = 64

// labelAt is the label that the line has at place i, "" for none. The label may
// go on in the next line, as it does where the phone breaks a word.
func labelAt(line []rune, i int, inside bool) string {
	sentence := inside && !unicode.IsUpper(line[i]) && !parted(line[:i]) // the word goes on with one
	var b strings.Builder
	for j := i; j < len(line) && beginnings[b.String()]; j++ {
		d := drawn(line[j])
		if d == "" {
			continue
		}
		b.WriteString(d)
		l, ok := ownLabels[b.String()]
		if !ok || j+1 < len(line) && unicode.In(line[j+1], unicode.Lu, unicode.Ll, unicode.Lt, unicode.Lo, unicode.M) {
			continue
		}
		rest := line[j+1 : min(len(line), j+1+mostBehind)]
		if end := slices.Index(rest, '\n'); end >= 0 {
			rest = rest[:end]
		}
		if sentence && !l.phrase && codeBehind(rest) || !sentence && (l.phrase || followed(rest, inside)) {
			return l.text
		}
	}
	return ""
}

// parted: what comes now is not the next word of a sentence.
func parted(before []rune) bool {
	n := len(before)
	return n < 2 || before[n-1] != ' ' || !isWord(before[n-2]) && before[n-2] != ','
}

// followed reports that the rest of the line goes on as behind a label: with
// something like a colon, with nothing but a code, or not at all.
func followed(rest []rune, inside bool) bool {
	text := strings.TrimSpace(string(rest))
	if text == "" {
		return !inside
	}
	bare := strings.TrimLeft(text, ",;?!.\"'’) ") // as in "Ref.: "
	r, _ := utf8.DecodeRuneInString(bare)
	if unicode.In(r, unicode.P, unicode.S, unicode.Lm) && (bare == text || !strings.ContainsRune("(#«„“-–+", r)) {
		return true
	}
	end := strings.IndexFunc(bare, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N) })
	return ours(bare[:cmp.Or(max(end, 0), len(bare))]) || bare == text && len(bare) <= 12 && code(bare)
}

// CodeLetters are what reference codes are made of. They leave out what people
// confuse on a small screen: 0 O, 1 I L.
const CodeLetters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

// ours: four of the letters and digits of which reference codes are made, and not
// the beginning of an ISO 11649 reference.
func ours(s string) bool {
	return len(s) == 4 && strings.Trim(s, CodeLetters) == "" && strings.ContainsFunc(s, unicode.IsUpper) &&
		(!strings.HasPrefix(s, "RF") || unicode.IsUpper(rune(s[2])))
}

// codeBehind: what comes is a colon and what could be one of our reference codes.
// The phone may break the line just before the word.
func codeBehind(rest []rune) bool {
	text := strings.TrimLeft(string(rest), " ")
	first, n := utf8.DecodeRuneInString(text)
	if !unicode.In(first, unicode.P, unicode.S, unicode.Lm) {
		return false
	}
	word := strings.FieldsFunc(text[n:], func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N) })
	return len(word) > 0 && len(word[0]) == 4 && code(word[0])
}

func code(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsUpper(r) && !unicode.IsDigit(r) }) < 0
}
