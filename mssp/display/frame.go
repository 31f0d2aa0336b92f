package display

import (
	"errors"
	"fmt"

	"github.com/simsign/simsign/ota/sms"
)

// The most that one DISPLAY TEXT holds, in characters. An extension character
// of the GSM alphabet (€ [ ] { } \ ^ ~ |) counts as two.
const (
	MaxGSM  = 240
	MaxUCS2 = 120
)

// labelSpace is for what the applet puts before the reference code, on a line
// of its own ("Kontrollkood: " is the longest of its own strings).
const labelSpace = 16

// Coding is how a text travels to the handset.
type Coding byte

// Codings.
const (
	GSM  Coding = 1 // 3GPP TS 23.038 6.2.1, default alphabet with extension table
	UCS2 Coding = 2 // UTF-16BE without surrogates
)

func (c Coding) String() string {
	if c == GSM {
		return "GSM"
	}
	return "UCS-2"
}

// Max is the number of characters that fit.
func (c Coding) Max() int {
	if c == GSM {
		return MaxGSM
	}
	return MaxUCS2
}

// Measure says in which coding a text travels and how many characters it
// takes there. For UCS2, position and outside name the first character that
// is not in the GSM alphabet.
func Measure(text string) (c Coding, n, position int, outside rune) {
	if n, ok := sms.GSMLen(text); ok {
		return GSM, n, 0, 0
	}
	for _, r := range text {
		position++
		if _, ok := sms.GSMLen(string(r)); !ok {
			outside = r
			break
		}
	}
	return UCS2, sms.UCS2Len(text), position, outside
}

// Frame is everything that one prompt shows: who asks, for what, and the
// reference code to compare with the other screen, which the applet puts under
// it. An event id is the provider's own word: it stands above the text under a
// label that says so, and never where the reference code is.
type Frame struct {
	AP        string // registered name of the application provider
	Event     string // EventID of the provider; "": none
	Language  string // of the label of Event
	Text      string // "" when only the reference code is shown
	Reference string // shown by the applet, not in String
}

// events is the label of an event id. English stands in for other languages.
var events = map[string]string{
	"en": "Event ID: ", "fi": "Tapahtumatunnus: ", "de": "Vorgangs-ID: ", "fr": "ID événement : ", "et": "Sündmuse ID: ",
}

// longest is the language of the longest label.
const longest = "fi"

// Above is what stands above the text: who asks, and the event id.
func (f Frame) Above() string {
	if f.Event == "" {
		return f.AP
	}
	label, ok := events[f.Language]
	if !ok {
		label = events["en"]
	}
	if f.AP == "" {
		return label + f.Event
	}
	return f.AP + "\n" + label + f.Event
}

// String is everything above the reference code as one text: "Bank: Pay 10 EUR?".
func (f Frame) String() string {
	above := f.Above()
	switch {
	case above == "" || f.Text == "":
		return above + f.Text
	case f.Event == "":
		return above + ": " + f.Text
	}
	return above + "\n" + f.Text
}

// ErrTooLong is matched by the error of Fit.
var ErrTooLong = errors.New("text is too long for the handset")

// LengthError says by how much a text is too long.
type LengthError struct {
	Coding   Coding
	Over     int  // characters too many
	Frame    int  // characters that the frame takes beside the text
	Position int  // of the first character of the text that is outside the GSM alphabet
	Outside  rune // that character; 0 when there is none
}

func (e *LengthError) Error() string {
	unit := "characters"
	if e.Over == 1 {
		unit = "character"
	}
	s := fmt.Sprintf("text is %d %s too long: %d of %d (%s) are left beside the provider's name and the reference code",
		e.Over, unit, max(e.Coding.Max()-e.Frame, 0), e.Coding.Max(), e.Coding)
	switch {
	case e.Position > 0:
		s += fmt.Sprintf("; without characters outside the GSM alphabet such as character %d (%U) there would be %d",
			e.Position, e.Outside, max(MaxGSM-e.Frame, 0))
	case e.Outside != 0:
		s += fmt.Sprintf("; the provider's registered name has %U, which is outside the GSM alphabet", e.Outside)
	}
	return s
}

// Unwrap makes errors.Is(err, ErrTooLong) true.
func (e *LengthError) Unwrap() error { return ErrTooLong }

// Fit says in which coding the screen travels that shows the frame, or that it
// is too long (a *LengthError): the provider's name, the text, and the
// reference code with its label, each on a line. It checks no character: that
// is Check. Without a Language it will be the user's: the longest label fits then,
// so that the answer says nothing about the user.
func (f Frame) Fit() (Coding, error) {
	if f.Language == "" {
		f.Language = longest
	}
	c, n, _, r := Measure(f.Above() + "\n" + f.Text + "\n" + f.Reference)
	n += labelSpace
	if n <= c.Max() {
		return c, nil
	}
	e := &LengthError{Coding: c, Over: n - c.Max(), Outside: r}
	_, text, pos, outside := Measure(f.Text)
	if c == UCS2 {
		text = sms.UCS2Len(f.Text)
	}
	e.Frame = n - text
	if pos > 0 {
		e.Position, e.Outside = pos, outside
	}
	return c, e
}
