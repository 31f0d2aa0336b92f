package handset

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder writes down every command of the phone, and refuses some.
type recorder struct {
	*fakeCard
	mu      sync.Mutex
	got     []string
	refused map[string]string // a command and the status that it gets
}

func (r *recorder) Transmit(b []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	octets := strings.ToUpper(hex.EncodeToString(b))
	r.got = append(r.got, octets)
	if sw := r.refused[octets]; sw != "" {
		return unhex(sw)
	}
	return r.fakeCard.Transmit(b)
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// How a phone starts a card, command by command (TS 102 221 14.2, TS 31.102
// 5.1.1), and what it can do (TS 102 223 5.2).
func TestBootOctets(t *testing.T) {
	const aid, profile = "00A4040407A0000000871002", "80100000092B61BFE30100001F88"
	c := &recorder{fakeCard: newFake(t)}
	h := startOn(t, c)
	equal(t, "commands", c.take(), []string{
		"00A40004023F00", "00A40004022FE2", "00B000000A", aid, "00A40004026F38", "00B0000000", "00B0000007",
		"00A40004027FFF", "00A40004026F42", "00B2010400", "00B2010428", profile,
	})
	if s := h.Snapshot(); s.ICCID != "89410099999999999994" || !s.On || !s.Coverage || s.Attached || s.Number != number {
		t.Errorf("%+v", s)
	}
	if err := h.Start(t.Context()); err == nil {
		t.Error("started twice")
	}
	for command, says := range map[string]string{
		"00A40004023F00": "SELECT 3F00: status 6A82", "00A40004022FE2": "EF.ICCID: SELECT 2FE2: status 6A82", "00B000000A": "EF.ICCID: READ BINARY 2FE2: status 6A82",
		aid: "SELECT of the USIM: status 6A82", "00A40004026F38": "EF.UST: SELECT 6F38: status 6A82", "00B0000007": "EF.UST: READ BINARY 6F38: status 6A82", profile: "TERMINAL PROFILE: status 6A82",
	} {
		c := &recorder{fakeCard: newFake(t), refused: map[string]string{command: "6A82"}}
		h, err := New(Options{Card: c, Number: number})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Start(t.Context()); err == nil || !strings.HasSuffix(err.Error(), says) || h.Snapshot().On {
			t.Errorf("%s refused: %v, want %s", command, err, says)
		}
	}
	// A card without a service centre is a card.
	for _, command := range []string{"00A40004027FFF", "00A40004026F42", "00B2010428"} {
		c := &recorder{fakeCard: newFake(t), refused: map[string]string{command: "6A82"}}
		if h := startOn(t, c); h.card.centre != nil {
			t.Errorf("%s refused: service centre %X", command, h.card.centre)
		}
	}
	empty := &recorder{fakeCard: newFake(t), refused: map[string]string{"00B000000A": "9000"}}
	if h, err := New(Options{Card: empty, Number: number}); err != nil {
		t.Fatal(err)
	} else if err := h.Start(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "EF.ICCID: file is empty") {
		t.Errorf("an empty file: %v", err)
	}
	for _, o := range []Options{{Number: number}, {Card: c}, {Card: c, Number: number, IMEI: "12345678901234"}, {Card: c, Number: number, Language: "eng"}} {
		if h, err := New(o); h != nil || err == nil {
			t.Errorf("%+v is a handset", o)
		}
	}
}

// startOn starts a phone that waits for everybody, on a card.
func startOn(t *testing.T, c Transmitter) *Handset {
	t.Helper()
	return start(t, Options{Card: c, Poll: -1})
}

// Commands that the phone answers by itself, in octets: what it can do, and
// what is refused because one thing is wrong with it (TS 102 223 6.4, 8.12).
func TestRefusedCommands(t *testing.T) {
	const input = "8103012300 82028182"
	for name, tc := range map[string]struct{ command, response string }{
		"POLL INTERVAL of 20 s":             {"8103010300 82028182 84020114", "810301030082028281830100" + "84020114"},
		"POLL INTERVAL of 1 min":            {"8103010300 82028182 84020001", "810301030082028281830100" + "8402013C"},
		"POLL INTERVAL of 0.1 s":            {"8103010300 82028182 84020201", "810301030082028281830100" + "84020101"},
		"POLL INTERVAL of 255 min":          {"8103010300 82028182 840200FF", "810301030082028281830100" + "840201FF"},
		"POLL INTERVAL of nothing":          {"8103010300 82028182 84020100", "810301030082028281830136"},
		"POLL INTERVAL of a unit 3":         {"8103010300 82028182 84020301", "810301030082028281830136"},
		"POLL INTERVAL, one octet":          {"8103010300 82028182 840101", "810301030082028281830136"},
		"POLL INTERVAL without":             {"8103010300 82028182", "810301030082028281830136"},
		"MORE TIME":                         {"8103010200 82028182", "810301020082028281830100"},
		"PLAY TONE":                         {"8103012000 82028103", "810301200082028281830100"},
		"a command that nobody knows":       {"8103014000 82028182", "810301400082028281830131"},
		"DISPLAY TEXT without text":         {"8103012181 82028102", "810301218182028281830136"},
		"DISPLAY TEXT in no coding":         {"8103012181 82028102 8D020C41", "810301218182028281830132"},
		"DISPLAY TEXT, half a character":    {"8103012181 82028102 8D020841", "810301218182028281830132"},
		"GET INKEY without text":            {"8103012200 82028182", "810301220082028281830136"},
		"GET INPUT without text":            {input + "91020408", "810301230082028281830136"},
		"GET INPUT without length":          {input + "8D020441", "810301230082028281830136"},
		"GET INPUT, one length":             {input + "8D020441 910104", "810301230082028281830136"},
		"GET INPUT of 8 to 4":               {input + "8D020441 91020804", "810301230082028281830136"},
		"SELECT ITEM of nothing":            {"8103012400 82028182 8501 41", "810301240082028281830132"},
		"SELECT ITEM of empty items":        {"8103012400 82028182 8F00", "810301240082028281830132"},
		"SET UP IDLE MODE TEXT, no coding":  {"8103012800 82028182 8D020C41", "810301280082028281830132"},
		"SEND SHORT MESSAGE of nothing":     {"8103011300 82028183", "810301130082028281830136"},
		"SEND SHORT MESSAGE of one octet":   {"8103011300 82028183 8B0141", "810301130082028281830136"},
		"SEND SHORT MESSAGE, cannot pack":   {"8103011301 82028183 8B020155", "810301130182028281830132"},
		"SEND SHORT MESSAGE out of service": {"8103011300 82028183 8B0A 01550481090000040131", "81030113008202828183022004"},
		"TIMER MANAGEMENT, no timer":        {"8103012700 82028182", "810301270082028281830136"},
		"TIMER MANAGEMENT, timer 0":         {"8103012700 82028182 A40100 A503001000", "810301270082028281830136"},
		"TIMER MANAGEMENT, timer 8":         {"8103012700 82028182 A40108 A503001000", "810301270082028281830100" + "A40108"},
		"TIMER MANAGEMENT, timer 9":         {"8103012700 82028182 A40109 A503001000", "810301270082028281830136"},
		"TIMER MANAGEMENT of no time":       {"8103012700 82028182 A40101 A503000000", "810301270082028281830136"},
		"TIMER MANAGEMENT of two octets":    {"8103012700 82028182 A40101 A5020010", "810301270082028281830136"},
		"TIMER MANAGEMENT, stop none":       {"8103012701 82028182 A40101", "810301270182028281830124"},
		"TIMER MANAGEMENT, read none":       {"8103012702 82028182 A40101", "810301270282028281830124"},
		"PROVIDE LOCAL INFORMATION, IMEI":   {"8103012601 82028182", "810301260182028281830100" + "9408" + "4A09512430325781"},
		"PROVIDE LOCAL INFORMATION, time":   {"8103012603 82028182", "810301260382028281830100" + "A607" + "62112281648300"},
		"PROVIDE LOCAL INFORMATION, lang":   {"8103012604 82028182", "810301260482028281830100" + "AD02656E"},
		"PROVIDE LOCAL INFORMATION, access": {"8103012606 82028182", "810301260682028281830100" + "BF0108"},
		"PROVIDE LOCAL INFORMATION, cells":  {"8103012602 82028182", "810301260282028281830100" + "9610" + strings.Repeat("00", 16)},
		"PROVIDE LOCAL INFORMATION, where":  {"8103012600 82028182", "81030126008202828183022004"},
		"PROVIDE LOCAL INFORMATION, what":   {"8103012605 82028182", "810301260582028281830130"},
		"REFRESH of files":                  {"8103010101 82028182", "810301010182028281830100"},
	} {
		c := newFake(t, tlvHex(0xD0, tc.command))
		h := startOn(t, c)
		if got := c.wait(1); got[0] != tc.response {
			t.Errorf("%s: response %s, want %s", name, got[0], tc.response)
		}
		h.Stop()
	}
	// A card whose files cannot be read any more: it is told so (01).
	c := &recorder{fakeCard: newFake(t)}
	h := startOn(t, c)
	c.mu.Lock()
	c.refused = map[string]string{"00A40004026F38": "6A82"}
	c.mu.Unlock()
	c.give(h, tlvHex(0xD0, "8103010101 82028182"))
	equal(t, "REFRESH of files that are gone", c.wait(1), []string{"810301010182028281830101"})
}

// What the screen of each command is like, as far as the octets say it.
func TestScreens(t *testing.T) {
	for name, tc := range map[string]struct {
		command string
		want    Screen
	}{
		"text, normal":     {"8103012180 82028102 8D0304 4849", Screen{Kind: KindText, DCS: 4}},
		"text, high":       {"8103012181 82028102 8D0304 4849", Screen{Kind: KindText, DCS: 4, HighPriority: true}},
		"notice":           {"8103012101 82028102 8D0304 4849", Screen{Kind: KindNotice, DCS: 4, HighPriority: true}},
		"sustained":        {"8103012181 82028102 8D0304 4849 AB00", Screen{Kind: KindNotice, DCS: 4, HighPriority: true}},
		"text has no help": {"8103012180 82028102 8D0304 4849", Screen{Kind: KindText, DCS: 4}},
		"inkey, digit":     {"8103012200 82028182 8D0304 4849", Screen{Kind: KindInkey, DCS: 4, HighPriority: true, Digits: true, Min: 1, Max: 1}},
		"inkey, UCS2":      {"8103012283 82028182 8D0304 4849", Screen{Kind: KindInkey, DCS: 4, HighPriority: true, UCS2: true, Help: true, Min: 1, Max: 1}},
		"yes or no":        {"8103012204 82028182 8D0304 4849", Screen{Kind: KindYesNo, DCS: 4, HighPriority: true, Digits: true, Min: 1, Max: 1}},
		"code":             {"8103012304 82028182 8D0304 4849 91020408", Screen{Kind: KindInput, DCS: 4, HighPriority: true, Digits: true, Hidden: true, Min: 4, Max: 8}},
		"code, help":       {"8103012384 82028182 8D0304 4849 91020404", Screen{Kind: KindInput, DCS: 4, HighPriority: true, Digits: true, Hidden: true, Help: true, Min: 4, Max: 4}},
		"text input":       {"8103012301 82028182 8D0304 4849 910200FF 97030458 59", Screen{Kind: KindInput, DCS: 4, HighPriority: true, Max: 239, Default: "XY"}},
		"longest wish":     {"8103012301 82028182 8D0304 4849 910201F0 97020C58", Screen{Kind: KindInput, DCS: 4, HighPriority: true, Min: 1, Max: 239}},
		"no upper end":     {"8103012301 82028182 8D0304 4849 9102F0FF", Screen{Kind: KindInput, DCS: 4, HighPriority: true, Min: 240, Max: 239}},
		"UCS2 input":       {"8103012303 82028182 8D0304 4849 910200FF", Screen{Kind: KindInput, DCS: 4, HighPriority: true, UCS2: true, Max: 119}},
		"selection":        {"8103012400 82028182 8503 484921 8F0201 43 8F0202 55 900102", Screen{Kind: KindSelect, HighPriority: true, Items: []Item{{1, "C"}, {2, "U"}}, Selected: 2, Text: "HI!", Octets: []byte("HI!")}},
		"no choice before": {"8103012480 82028182 8F0201 43", Screen{Kind: KindSelect, HighPriority: true, Help: true, Items: []Item{{1, "C"}}, Octets: []byte{}}},
	} {
		h := startOn(t, newFake(t, tlvHex(0xD0, tc.command)))
		have := onScreen(h)
		if tc.want.Kind != KindSelect {
			tc.want.Text, tc.want.Octets = "HI", []byte("HI")
		}
		tc.want.ID, tc.want.Command, tc.want.Qualifier, tc.want.DCS = have.ID, CommandType(unhex(tc.command[:10])[3]), unhex(tc.command[:10])[4], have.DCS
		tc.want.Until = have.Until
		equal(t, name, fmt.Sprintf("%+v", have), fmt.Sprintf("%+v", tc.want))
		h.Stop()
	}
}

// A notice goes by itself, also one that the card was answered for at once.
func TestSustainedTextGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t, "D011 8103012181 82028102 8D0404484921 AB00")
		h := startReal(t, Options{Card: c, Poll: -1})
		c.wait(1)
		time.Sleep(60*time.Second - time.Millisecond)
		if h.Snapshot().Screen == nil {
			t.Error("it is gone before its minute has passed")
		}
		time.Sleep(2 * time.Millisecond)
		if s := h.Snapshot().Screen; s != nil {
			t.Errorf("it stays: %v", s)
		}
		equal(t, "responses", c.said(), []string{"810301218182028281830100"})
		h.Stop()
	})
}

// A menu is chosen from only when nothing else is on the screen, and the phone
// says when the card does not take it.
func TestMenuRefused(t *testing.T) {
	card := newFake(t, tlvHex(0xD0, "8103012500 82028182 850353494D 8F0201 43"))
	h := startOn(t, card)
	until(h, func(s State) bool { return len(s.Menu.Items) == 1 })
	card.mu.Lock()
	card.answer = unhex("6A80")
	card.mu.Unlock()
	if err := h.SelectMenu(1, false); !errors.Is(err, ErrMenu) || !strings.Contains(err.Error(), "card answers 6A80") {
		t.Errorf("the card refuses: %v", err)
	}
	card.give(h, "D00F 8103012181 82028102 8D0404484921")
	onScreen(h)
	if err := h.SelectMenu(1, false); !errors.Is(err, ErrMenu) || !strings.Contains(err.Error(), "another screen") || len(card.envelopes()) != 1 {
		t.Errorf("a text is on the screen: %v, %d envelopes", err, len(card.envelopes()))
	}
	if err := h.Answer(onScreen(h).ID, Answer{Action: OK}); err != nil {
		t.Error(err)
	}
	card.give(h, tlvHex(0xD0, "8103012500 82028182 850353494D 8F00"))
	until(h, func(s State) bool { return s.Menu.Title == "" && len(s.Menu.Items) == 0 }) // an empty item takes it away
	if err := h.SelectMenu(0, false); !errors.Is(err, ErrMenu) {
		t.Errorf("an item of no menu: %v", err)
	}
}

// A card that is busy when its timer runs out hears of it a second later.
func TestTimerOfBusyCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t, "D011 8103012700 82028182 A40108 A503000001")
		c.answer = unhex("9300")
		h := startReal(t, Options{Card: c, Poll: -1})
		time.Sleep(11500 * time.Millisecond)
		synctest.Wait()
		c.mu.Lock()
		n := len(c.envelope)
		c.answer = nil
		c.mu.Unlock()
		if n != 2 {
			t.Errorf("%d envelopes in 1.5 s, want 2", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if e := c.envelopes(); len(e) != 3 || hex.EncodeToString(e[2]) != "d70c82028281a40108a503000000" {
			t.Errorf("envelopes %X", e)
		}
		h.Stop()
	})
}
