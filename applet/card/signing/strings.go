package signing

import (
	"strings"
	"unicode/utf8"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// stringID numbers the applet's own strings; SetAppletData replaces them by
// these numbers (4-2), and INT6.md lists them. Nothing that comes with a
// request can stand in their place.
type stringID byte

// The strings. "%" is where a number or a code goes.
const (
	strTitle           stringID = 0x01 // of the menu
	strCode            stringID = 0x02 // enter the personal code
	strSignCode        stringID = 0x03 // the same, code for signatures
	strNewCode         stringID = 0x04 // choose a code, % digits
	strNewSignCode     stringID = 0x05
	strAgain           stringID = 0x06 // enter the new code again
	strOldCode         stringID = 0x07 // enter the present code
	strOldSignCode     stringID = 0x08
	strMismatch        stringID = 0x09
	strWeakCode        stringID = 0x0A
	strWrongCode       stringID = 0x0B // % tries left
	strBlocked         stringID = 0x0C
	strUnblocked       stringID = 0x0D
	strCodeSet         stringID = 0x0E
	strNotSet          stringID = 0x0F
	strPoP             stringID = 0x10 // enter the registration code, % digits
	strWrongPoP        stringID = 0x11 // % tries left
	strNotRegistered   stringID = 0x12
	strReference       stringID = 0x13 // % is the reference code
	strHelp            stringID = 0x14
	strMenuChange      stringID = 0x15
	strMenuChangeSign  stringID = 0x16
	strMenuUnblock     stringID = 0x17
	strMenuUnblockSign stringID = 0x18
	strMenuAbout       stringID = 0x19
	strUnblockingCode  stringID = 0x1A // enter the unblocking code
	strNoUnblocking    stringID = 0x1B // the unblocking code is used up
	strAbout           stringID = 0x1C // % is the end of the ICCID
	strNotAvailable    stringID = 0x1D
	lastString                  = strNotAvailable
)

// maxStringChars keeps every string, in either coding, inside a prompt.
const maxStringChars = 100

// stringTable is one language; index 0 is not used.
type stringTable [lastString + 1]string

// builtIn gives the strings that the applet brings (3.6-1). Other languages
// come over the air, over an English base.
func builtIn(language string) stringTable {
	switch language {
	case "fi":
		return finnish()
	case "de":
		return german()
	case "fr":
		return french()
	case "et":
		return estonian()
	}
	return english()
}

// stringStore is the applet's strings with the updates that are in the memory
// of the card.
type stringStore struct {
	nv      uicc.Memory
	profile *Parameters
	table   *stringTable // of the language that is selected
}

// text is a string of the selected language with its place filled.
func (s *stringStore) text(id stringID, value string) string {
	text := s.table[id]
	if value == "" {
		return text
	}
	return strings.Replace(text, "%", value, 1)
}

// load selects a language.
func (s *stringStore) load(language string) { s.table = s.of(language) }

// of is the table of a language with its updates.
func (s *stringStore) of(language string) *stringTable {
	t := english()
	if s.profile.limits().languages || language == s.profile.Language {
		t = builtIn(language)
	}
	for id := range t {
		if b := s.nv.Get(keyString(language) + string(rune(id))); b != nil {
			t[id] = string(b)
		}
	}
	return &t
}

// checkStrings decodes updates. A string with a place keeps it: a user who is
// not told how many tries are left is misled.
func checkStrings(updates []applet.StringUpdate) (map[stringID]string, applet.StatusWord) {
	base, out := english(), make(map[stringID]string, len(updates))
	for _, u := range updates {
		id := stringID(u.ID)
		if id == 0 || id > lastString {
			return nil, applet.StatusMalformed
		}
		s, err := u.Text.Decode()
		if err != nil || strings.Count(s, "%") != strings.Count(base[id], "%") {
			return nil, applet.StatusMalformed
		}
		if utf8.RuneCountInString(s) > maxStringChars {
			return nil, applet.StatusWrongLength
		}
		out[id] = s
	}
	return out, applet.StatusOK
}

// menuFits says whether the menu of a language can still be set up when it is
// updated: all of it is one command.
func (s *stringStore) menuFits(language string, updates map[stringID]string) bool {
	t := s.of(language)
	for id, text := range updates {
		t[id] = text
	}
	return len(t.menu(true, true).Append(nil)) <= uicc.MaxMenu
}

func (s *stringStore) update(language string, updates map[stringID]string) {
	for id, text := range updates {
		s.nv.Put(keyString(language)+string(rune(id)), []byte(text))
	}
}

// forget removes every update of every language.
func (s *stringStore) forget() {
	for _, name := range s.nv.Names("string-") {
		s.nv.Put(name, nil)
	}
}
