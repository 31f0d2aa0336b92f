package handset

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// vector is one proactive command with what the user sees and does, and the
// TERMINAL RESPONSE. Those named ofono are what ofono 1.31 answered.
type vector struct {
	Name, Command, Response string
	Kind                    Kind
	Text                    string
	Hidden                  bool
	Default                 string
	Action                  Action
	Input                   string
	Item                    byte
	No                      bool
	Attached                bool
}

func vectors(t *testing.T) (v []vector) {
	t.Helper()
	b, err := os.ReadFile("testdata/proactive.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Every command gets its response, from a person and from a driver.
//
// Supports: 3.1-2, 3.1-3
func TestProactive(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			c := newFake(t, v.Command)
			o := Options{Card: c}
			if v.Attached {
				c.pending = nil
				_, o.Dial = listen(t)
			}
			h := start(t, o)
			if v.Attached {
				until(h, func(s State) bool { return s.Attached })
				c.mu.Lock()
				c.pending = append(c.pending, unhex(v.Command))
				c.mu.Unlock()
				if err := h.do(h.toolkit.pollCard); err != nil {
					t.Fatal(err)
				}
			}
			if v.Kind != "" {
				answer(t, h, v)
			}
			equal(t, "response", c.wait(1), []string{v.Response})
			if s := h.Snapshot().Screen; s != nil {
				t.Errorf("screen stays: %v", s)
			}
		})
	}
}

func answer(t *testing.T, h *Handset, v vector) {
	t.Helper()
	s := onScreen(h)
	if s.Kind != v.Kind || s.Text != v.Text || s.Hidden != v.Hidden || s.Default != v.Default {
		t.Errorf("screen: %+v", s)
	}
	a := v.answer()
	if err := h.Answer(s.ID+1, a); err == nil {
		t.Error("an answer to another screen was taken")
	}
	if err := h.Answer(s.ID, a); err != nil {
		t.Fatal(err)
	}
	if err := h.Answer(s.ID, a); err == nil {
		t.Error("a second answer was taken")
	}
}

func (v vector) answer() Answer {
	a := Answer{Action: v.Action, Input: v.Input, Item: v.Item, No: v.No}
	if a.Action == "" {
		a.Action = OK
	}
	return a
}

func TestScript(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Kind == "" || v.Attached {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			c := newFake(t, v.Command)
			s := NewScript(Step{Kind: v.Kind, Text: v.Text, Answer: v.answer()})
			start(t, Options{Card: c, Driver: s})
			equal(t, "response", c.wait(1), []string{v.Response})
			if err := s.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A phone gives up when its user does nothing; a card may say when.
//
// Supports: 3.5.3-3
func TestTimeouts(t *testing.T) {
	for _, c := range []struct {
		name, command, result string
		after                 time.Duration
	}{
		{"text", "D00F 8103012181 82028102 8D0404484921", "12", 60 * time.Second},
		{"notice", "D00F 8103012101 82028102 8D0404484921", "00", 15 * time.Second},
		{"input", "D013 8103012304 82028182 8D0404484921 91020406", "12", 30 * time.Second},
		{"inkey", "D00F 8103012200 82028182 8D0404484921", "12", 30 * time.Second},
		{"text with duration", "D013 8103012181 82028102 8D0404484921 84020114", "12", 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				card := newFake(t, c.command)
				h := startReal(t, Options{Card: card, Poll: -1})
				time.Sleep(c.after - time.Second)
				synctest.Wait()
				if got := card.said(); len(got) != 0 {
					t.Fatalf("answered too early: %s", got)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				got := card.said()
				if len(got) != 1 || !strings.Contains(got[0], "8301"+c.result) {
					t.Errorf("response %s, want result %s", got, c.result)
				}
				if s := h.Snapshot().Screen; s != nil {
					t.Errorf("it stays on the screen: %v", s)
				}
				h.Stop()
			})
		})
	}
}

// A sustained text stays while the card goes on, and does not keep a later
// screen from coming.
func TestImmediateResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t, "D011 8103012181 82028102 8D0404484921 AB00")
		h := startReal(t, Options{Card: c, Poll: -1})
		equal(t, "response", c.wait(1), []string{"810301218182028281830100"})
		s := onScreen(h)
		if err := h.Answer(s.ID, Answer{Action: OK}); err != nil || h.Snapshot().Screen != nil {
			t.Errorf("user cannot clear it: %v", err)
		}
		h.Stop()
	})
}

func TestBusy(t *testing.T) {
	const normal, high = "D00F 8103012180 82028102 8D0404484921", "D00F 8103012181 82028102 8D0404484921"
	const input = "D013 8103012304 82028182 8D0404484921 91020406"
	for _, c := range []struct {
		name, command string
		call, screen  bool
		want          string // result; "" is a prompt
	}{
		{"normal text", normal, false, false, ""},
		{"normal text, screen busy", normal, false, true, "83022001"},
		{"high text, screen busy", high, false, true, ""},
		{"high text, on call", high, true, false, ""},
		{"input, on call", input, true, false, "83022002"},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := newFake(t)
			h := start(t, Options{Card: card})
			if err := h.SetOnCall(c.call); err != nil {
				t.Fatal(err)
			}
			if err := h.SetScreenBusy(c.screen); err != nil {
				t.Fatal(err)
			}
			card.mu.Lock()
			card.pending = [][]byte{unhex(c.command)}
			card.mu.Unlock()
			if err := h.do(h.toolkit.pollCard); err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				onScreen(h)
				return
			}
			if got := card.wait(1); !strings.Contains(got[0], c.want) {
				t.Errorf("response %s, want %s", got, c.want)
			}
		})
	}
}

func TestResultFault(t *testing.T) {
	const text = "D00F 8103012181 82028102 8D0404484921"
	c := newFake(t, text, text)
	h, err := New(Options{Card: c, Number: number, Driver: &Auto{}})
	if err != nil {
		t.Fatal(err)
	}
	h.SetResults(ResultFault{Command: DisplayText, Nth: 2, Result: TerminalBusy, Info: []byte{ScreenBusy}})
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer h.Stop()
	equal(t, "responses", c.wait(2), []string{"810301218182028281830100", "81030121818202828183022001"})
}

// What is typed into a hidden prompt is in no event.
//
// Supports: 3.4-3
func TestTraceMasksCode(t *testing.T) {
	c := newFake(t, "D013 8103012304 82028182 8D0404484921 91020406")
	var events []Event
	h := start(t, Options{Card: c, Driver: &Auto{Code: "739154"}, Trace: func(e Event) { events = append(events, e) }})
	equal(t, "response", c.wait(1), []string{"8103012304820282818301008D0704373339313534"})
	h.Stop()
	stars := 0
	for _, e := range events {
		if strings.Contains(string(e.Octets), "739154") {
			t.Errorf("%s %s shows the code", e.Layer, e.Name)
		}
		if strings.Contains(string(e.Octets), "******") {
			stars++
		}
	}
	if stars != 2 {
		t.Errorf("%d events with stars, want 2 (proactive and APDU)", stars)
	}
}

// Broken commands from the card end in a response or nothing, never worse.
func TestBrokenCommands(t *testing.T) {
	for _, s := range []string{"D0", "D00E8103012181820281028D7F0441", "D07F810301218182028102", "00", "D0028101", "D0098202810281030121 81", "D18103012181"} {
		c := newFake(t, s)
		h := start(t, Options{Card: c})
		if got := c.wait(1); !strings.HasSuffix(got[0], "830132") {
			t.Errorf("%s: response %s, want result 32", s, got)
		}
		h.Stop()
	}
}
