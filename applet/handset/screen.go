package handset

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/simsign/simsign/ota/sms"
)

// Kind is what a screen asks for.
type Kind string

// Kinds of screen.
const (
	KindText   Kind = "text"   // DISPLAY TEXT that waits for the user
	KindNotice Kind = "notice" // DISPLAY TEXT that goes by itself, or was answered already
	KindInkey  Kind = "inkey"  // GET INKEY: one character
	KindYesNo  Kind = "yesno"  // GET INKEY: yes or no
	KindInput  Kind = "input"  // GET INPUT
	KindSelect Kind = "select" // SELECT ITEM
)

// Screen is what the card shows now. It never holds what the user types.
type Screen struct {
	ID     uint64 // of this prompt; an answer names it
	Kind   Kind
	Text   string // title of a selection
	DCS    byte   // coding of Octets: 00 packed, 04 one septet an octet, 08 UCS2
	Octets []byte // the text exactly as the card sent it
	// Input.
	Hidden   bool // show stars
	Digits   bool // 0-9 * # + only
	UCS2     bool // any character of the first plane, else the 7-bit alphabet
	Min, Max int  // length in characters
	Default  string
	// Selection.
	Items    []Item
	Selected byte // identifier of the item to offer first; 0 is none

	HighPriority bool
	Help         bool // the card has help to give
	Command      CommandType
	Qualifier    byte
	Until        time.Time // when the phone gives up; zero is never
}

// Item is a line of a selection or of the SIM menu.
type Item struct {
	ID   byte
	Text string
}

// Action is the key that the user presses.
type Action string

// Actions.
const (
	OK     Action = "ok"
	Cancel Action = "cancel" // ends the session
	Back   Action = "back"
	Help   Action = "help"
)

// Answer is what the user does with a screen.
type Answer struct {
	Action Action
	Input  string // of KindInput and KindInkey
	Item   byte   // of KindSelect
	No     bool   // of KindYesNo: OK means yes unless No
	// After makes a driver's answer wait, as a person would.
	After time.Duration
}

// Errors of Handset.Answer.
var (
	ErrScreenGone = errors.New("that screen is gone")
	ErrInput      = errors.New("the phone does not take that input")
)

// check tells whether the phone would take an answer. Errors hold no input.
func (s *Screen) check(a Answer) error {
	switch a.Action {
	case OK:
	case Cancel, Back:
		return nil
	case Help:
		if !s.Help {
			return fmt.Errorf("%w: there is no help for this screen", ErrInput)
		}
		return nil
	default:
		return fmt.Errorf("%w: action %q, must be ok, cancel, back or help", ErrInput, a.Action)
	}
	switch s.Kind {
	case KindInput, KindInkey:
		return s.checkInput(a.Input)
	case KindSelect:
		for _, i := range s.Items {
			if i.ID == a.Item {
				return nil
			}
		}
		return fmt.Errorf("%w: no item %d", ErrInput, a.Item)
	}
	return nil
}

func (s *Screen) checkInput(in string) error {
	if !utf8.ValidString(in) {
		return fmt.Errorf("%w: it is not UTF-8", ErrInput)
	}
	n := utf8.RuneCountInString(in)
	if !s.Digits && !s.UCS2 {
		septets, ok := sms.GSMLen(in)
		if !ok {
			return fmt.Errorf("%w: a character is not in the phone's 7-bit alphabet", ErrInput)
		}
		n = septets
	}
	if n < s.Min || n > s.Max {
		return fmt.Errorf("%w: %d to %d characters are needed, have %d", ErrInput, s.Min, s.Max, n)
	}
	for i, r := range in {
		switch {
		case s.Digits && (r < '0' || r > '9') && r != '*' && r != '#' && r != '+':
			return fmt.Errorf("%w: only 0-9, *, # and + can be typed, not character %d", ErrInput, i+1)
		case r > 0xFFFF:
			return fmt.Errorf("%w: character %d is beyond UCS2", ErrInput, i+1)
		}
	}
	return nil
}
