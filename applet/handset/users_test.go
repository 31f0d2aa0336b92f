package handset

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// What a person may do with a screen, and what the phone says otherwise.
func TestScreenTakes(t *testing.T) {
	choose := &Screen{Kind: KindSelect, Items: []Item{{1, "C"}, {3, "U"}}}
	code := &Screen{Kind: KindInput, Digits: true, Min: 4, Max: 8, Help: true}
	for _, tc := range []struct {
		s    *Screen
		a    Answer
		says string
	}{
		{choose, Answer{Action: OK, Item: 1}, ""},
		{choose, Answer{Action: OK, Item: 3}, ""},
		{choose, Answer{Action: OK, Item: 2}, "no item 2"},
		{choose, Answer{Action: OK}, "no item 0"},
		{choose, Answer{Action: Help}, "no help for this screen"},
		{choose, Answer{Action: Cancel}, ""},
		{choose, Answer{Action: Back}, ""},
		{choose, Answer{}, `action "", must be ok, cancel, back or help`},
		{choose, Answer{Action: "yes"}, `action "yes"`},
		{code, Answer{Action: Help}, ""},
		{code, Answer{Action: OK, Input: "1234"}, ""},
		{code, Answer{Action: OK, Input: "123"}, "4 to 8 characters are needed, have 3"},
		{code, Answer{Action: OK, Input: "123a"}, "not character 4"},
		{code, Answer{Action: OK, Input: "\xff234"}, "not UTF-8"},
		{&Screen{Kind: KindInkey, UCS2: true, Min: 1, Max: 1}, Answer{Action: OK, Input: "😀"}, "character 1 is beyond UCS2"},
		{&Screen{Kind: KindInkey, Min: 1, Max: 1}, Answer{Action: OK, Input: "Ж"}, "7-bit alphabet"},
		{&Screen{Kind: KindText}, Answer{Action: OK}, ""},
		{&Screen{Kind: KindYesNo}, Answer{Action: OK, No: true}, ""},
	} {
		if err := tc.s.check(tc.a); (err == nil) != (tc.says == "") || err != nil && (!errors.Is(err, ErrInput) || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%+v: %v, want %q", tc.a, err, tc.says)
		}
	}
	if s := (&Screen{Kind: KindText, Text: "Hi"}).String(); s != `text "Hi"` {
		t.Error(s)
	}
}

// A script cancels what it does not expect, and says at the end what was wrong.
func TestScriptSays(t *testing.T) {
	text, code := Screen{Kind: KindText, Text: "Sign in?"}, Screen{Kind: KindInput, Text: "Code", Digits: true, Min: 4, Max: 8}
	for name, tc := range map[string]struct {
		steps []Step
		shown []Screen
		want  []Answer
		says  string
	}{
		"as expected":      {[]Step{{Kind: KindText, Text: "Sign"}, {Answer: Answer{Input: "1234"}}}, []Screen{text, code}, []Answer{{Action: OK}, {Action: OK, Input: "1234"}}, ""},
		"left to a person": {[]Step{{Leave: true}}, []Screen{text}, []Answer{{}}, ""},
		"one too many":     {nil, []Screen{text}, []Answer{{Action: Cancel}}, `screen 1: text "Sign in?" is one too many`},
		"another kind":     {[]Step{{Kind: KindInput}}, []Screen{text}, []Answer{{Action: Cancel}}, `screen 1: text "Sign in?", want input ""`},
		"another text":     {[]Step{{Kind: KindText, Text: "Pay"}}, []Screen{text}, []Answer{{Action: Cancel}}, `screen 1: text "Sign in?", want text "Pay"`},
		"does not fit":     {[]Step{{}, {Answer: Answer{Input: "123"}}}, []Screen{text, code}, []Answer{{Action: OK}, {Action: Cancel}}, "screen 2: the phone does not take that input"},
		"never came":       {[]Step{{}, {Kind: KindInput, Text: "Code"}, {}}, []Screen{text}, []Answer{{Action: OK}}, `2 steps never came, the first: input "Code"`},
	} {
		s := NewScript(tc.steps...)
		for i, screen := range tc.shown {
			a, ok := s.Prompt(screen)
			if a != tc.want[i] || ok != (tc.want[i].Action != "") {
				t.Errorf("%s: screen %d is answered with %+v, %v", name, i+1, a, ok)
			}
		}
		if err := s.Err(); (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(s.Seen()); n != len(tc.shown) {
			t.Errorf("%s: %d screens seen", name, n)
		}
	}
	s := NewScript()
	s.Prompt(text)
	s.Expect(Step{Kind: KindInput})
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "one too many") || !strings.Contains(err.Error(), "1 steps never came") {
		t.Errorf("two faults: %v", err)
	}
}

// The automatic user types each code where it belongs, and cancels what it cannot fill in.
func TestAutoUser(t *testing.T) {
	a := &Auto{
		Code:    "1234",
		CodeFor: func(s Screen) (string, bool) { return "567890", s.Text == "signature code" },
		Visible: func(s Screen) (string, bool) { return "4711", s.Text == "registration code" },
	}
	for _, tc := range []struct {
		s    Screen
		want Answer
	}{
		{Screen{Kind: KindText}, Answer{Action: OK}},
		{Screen{Kind: KindInput, Text: "signature code", Hidden: true, Digits: true, Min: 4, Max: 8}, Answer{Action: OK, Input: "567890"}},
		{Screen{Kind: KindInput, Text: "signature code", Digits: true, Min: 4, Max: 8}, Answer{Action: OK, Input: "1234"}},
		{Screen{Kind: KindInput, Text: "code", Hidden: true, Digits: true, Min: 4, Max: 8}, Answer{Action: OK, Input: "1234"}},
		{Screen{Kind: KindInput, Text: "registration code", Digits: true, Min: 4, Max: 8}, Answer{Action: OK, Input: "4711"}},
		{Screen{Kind: KindInput, Text: "registration code", Hidden: true, Digits: true, Min: 4, Max: 8}, Answer{Action: OK, Input: "1234"}},
		{Screen{Kind: KindInput, Text: "code", Hidden: true, Digits: true, Min: 5, Max: 8}, Answer{Action: Cancel}},
		{Screen{Kind: KindInkey, Digits: true, Min: 1, Max: 1}, Answer{Action: OK, Input: "1"}},
		{Screen{Kind: KindSelect, Items: []Item{{4, "a"}, {5, "b"}}}, Answer{Action: OK, Item: 4}},
		{Screen{Kind: KindSelect, Items: []Item{{4, "a"}, {5, "b"}}, Selected: 5}, Answer{Action: OK, Item: 5}},
		{Screen{Kind: KindSelect}, Answer{Action: OK}},
	} {
		if have, ok := a.Prompt(tc.s); have != tc.want || !ok {
			t.Errorf("%+v: %+v", tc.s, have)
		}
	}
}

// Which command a fault hits: one of its type, counted for each fault, or every
// one but the menu, without which the phone would show none.
func TestFaultsHit(t *testing.T) {
	var h Handset
	h.SetResults(ResultFault{Command: DisplayText, Nth: 2, Result: TerminalBusy}, ResultFault{Nth: 3, Result: NoResponse}, ResultFault{Command: SetUpMenu, Nth: 2, Result: DataUnknown})
	for i, tc := range []struct {
		kind CommandType
		want Result
	}{
		{SetUpMenu, Done}, {DisplayText, Done}, {GetInput, Done}, {DisplayText, TerminalBusy}, {SetUpMenu, DataUnknown}, {GetInput, NoResponse}, {SetUpMenu, Done}, {GetInput, Done},
	} {
		if f, hit := h.faults.result(tc.kind); f.Result != tc.want || hit != (tc.want != Done) {
			t.Errorf("command %d, %s: %s, %v", i+1, tc.kind, f.Result, hit)
		}
	}
	h.SetResults(ResultFault{Result: UserRejected})
	for _, kind := range []CommandType{GetInput, GetInput} {
		if f, hit := h.faults.result(kind); !hit || f.Result != UserRejected {
			t.Errorf("every %s: %s", kind, f.Result)
		}
	}
	h.SetSegments(SegmentFault{Nth: 2, Action: Drop}, SegmentFault{Nth: 3, Action: Delay, Delay: time.Second})
	for i, want := range []SegmentAction{Pass, Drop, Delay, Pass} {
		if f := h.faults.segment(); f.Action != want {
			t.Errorf("segment %d: %+v", i+1, f)
		}
	}
	h.SetSegments(SegmentFault{Action: Reorder})
	if f := h.faults.segment(); f.Action != Reorder {
		t.Errorf("every segment: %+v", f)
	}
}
