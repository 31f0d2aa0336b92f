package display

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// TestCheck walks the file of texts with their verdicts: what the user sees
// cannot be made to look like something else.
//
// Supports: 3.5.3-5
func TestCheck(t *testing.T) {
	data, err := os.ReadFile("testdata/texts.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Text, Error string
		Lines             bool
		Position          int
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			check := Check
			if !v.Lines {
				check = CheckName
			}
			err := check(v.Text)
			if v.Error == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			var ce *CharError
			if !errors.As(err, &ce) || !errors.Is(err, ErrText) {
				t.Fatalf("got %v, want a CharError", err)
			}
			if !strings.Contains(err.Error(), v.Error) || ce.Position != v.Position || ce.Remedy == "" {
				t.Errorf("got %q at %d, want %q at %d", err, ce.Position, v.Error, v.Position)
			}
		})
	}
}

func TestCheckNamesTheOctet(t *testing.T) {
	err := Check("ab\xffc")
	if err == nil || !strings.Contains(err.Error(), "octet FF") || !strings.Contains(err.Error(), "character 3") {
		t.Errorf("got %v", err)
	}
}

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		text string
		c    Coding
		n    int
		pos  int
	}{
		{"", GSM, 0, 0},
		{"Pay 10 EUR", GSM, 10, 0},
		{"Pay 10 €", GSM, 9, 0},
		{"[a]{b}\\^~|", GSM, 18, 0},
		{"a`b", UCS2, 3, 2},
		{"Überweisung", GSM, 11, 0},
		{"sõlmite", UCS2, 7, 2},
		{"ΔΩ@£\n", GSM, 5, 0},
		{"Москва", UCS2, 6, 1},
	} {
		coding, n, pos, _ := Measure(c.text)
		if coding != c.c || n != c.n || pos != c.pos {
			t.Errorf("%q: got %v, %d characters, outside at %d; want %v, %d, %d", c.text, coding, n, pos, c.c, c.n, c.pos)
		}
	}
}

func TestFrame(t *testing.T) {
	for want, f := range map[string]Frame{
		"Bank: Pay?":                       {AP: "Bank", Text: "Pay?", Reference: "7F3K"},
		"Bank":                             {AP: "Bank", Reference: "7F3K"},
		"Pay?":                             {Text: "Pay?", Reference: "7F3K"},
		"":                                 {Reference: "7F3K"},
		"Bank\nEvent ID: A123\nPay?":       {AP: "Bank", Event: "A123", Text: "Pay?", Language: "sv"},
		"Bank\nVorgangs-ID: A123":          {AP: "Bank", Event: "A123", Language: "de"},
		"ID événement : A123\nPayer 5 € ?": {Event: "A123", Language: "fr", Text: "Payer 5 € ?"},
	} {
		if got := f.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestFit holds the limits to the character, frame included.
func TestFit(t *testing.T) {
	f := func(text string) Frame { return Frame{AP: "Bank", Text: text, Reference: "7F3K"} } // 26 characters of screen beside it
	if c, err := f(strings.Repeat("a", MaxGSM-26)).Fit(); err != nil || c != GSM {
		t.Errorf("214 GSM characters: %v, %v", c, err)
	}
	if c, err := f(strings.Repeat("õ", MaxUCS2-26)).Fit(); err != nil || c != UCS2 {
		t.Errorf("94 UCS-2 characters: %v, %v", c, err)
	}
	for _, c := range []struct {
		frame Frame
		want  string
	}{
		{f(strings.Repeat("a", MaxGSM-25)), "text is 1 character too long: 214 of 240 (GSM) are left"},
		{f(strings.Repeat("€", 120)), "text is 26 characters too long: 214 of 240 (GSM)"},
		{f(strings.Repeat("a", 110) + "õ"), "text is 17 characters too long: 94 of 120 (UCS-2) are left beside the provider's name and the reference code; without characters outside the GSM alphabet such as character 111 (U+00F5) there would be 214"},
		{Frame{AP: "Банк", Text: strings.Repeat("a", 107), Reference: "7F3K"}, "the provider's registered name has U+0411"},
	} {
		_, err := c.frame.Fit()
		if !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// A text that fits for one user fits for all: the label of the event id is in the
// user's language, which a provider does not learn by trying lengths.
func TestFitInEveryLanguage(t *testing.T) {
	text := strings.Repeat("a", 150)
	f := Frame{AP: "Bank", Event: "A1234567", Reference: "7F3K"}
	for f.Text = text; ; f.Text += "a" {
		_, err := f.Fit()
		for lang := range events {
			own := f
			own.Language = lang
			if _, e := own.Fit(); err == nil && e != nil {
				t.Fatalf("%d characters fit, but not in %s: %v", len(f.Text), lang, e)
			}
		}
		if err != nil {
			break
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("Pay 10 € to Ålice\n", true)
	f.Add("p\u0430ypal", false)
	f.Fuzz(func(t *testing.T, s string, lines bool) {
		err := check(s, lines)
		if err != nil {
			if !errors.Is(err, ErrText) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		if !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) {
			t.Fatalf("%q passed", s)
		}
		for _, r := range s {
			if unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.C, r) && !(lines && r == '\n') {
				t.Fatalf("%U passed", r)
			}
		}
		if c, n, _, _ := Measure(s); n < utf8.RuneCountInString(s) || c.Max() == 0 {
			t.Fatalf("measured %d of %d characters", n, utf8.RuneCountInString(s))
		}
	})
}

// A long text costs as much for each character as a short one.
func BenchmarkCheckLong(b *testing.B) {
	for _, n := range []int{100, 10000} {
		text := strings.Repeat("Ref a ", n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := Check(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	text := "Example Bank: Überweisung von 125,50 € an Müller? (7F3K)"
	b.ReportAllocs()
	for b.Loop() {
		if Check(text) != nil {
			b.Fatal("refused")
		}
	}
}

// The borders of what is asked of a single character, with their neighbours.
func TestBorders(t *testing.T) {
	for r, want := range map[rune]script{
		'@': noScript, 'A': latin, 'Z': latin, '[': noScript, '`': noScript, 'a': latin, 'z': latin, '{': noScript, '0': noScript,
		'é': latin, 'ß': latin, 'ª': latin, 'Ⅳ': noScript, 'д': cyrillic, '\u0483': noScript, 'λ': greek, '\u0345': noScript, 'ա': other, 'ა': other, '漢': noScript, 'ع': noScript,
	} {
		if got := scriptOf(r); got != want {
			t.Errorf("%U is of script %d, want %d", r, got, want)
		}
	}
	for r, want := range map[rune]string{
		0x2E7F: "", 0x2E80: "own", 0x2FDF: "own", 0x2FE0: "", 0x249B: "", 0x249C: "own", 0x24E9: "own", 0x24EA: "",
		0xFE0F: "", 0xFE10: "ASCII", 0xFE19: "ASCII", 0xFE1A: "", 0xFE4F: "", 0xFE50: "ASCII", 0xFE6B: "ASCII", 0xFE6C: "",
		0xFB4F: "", 0xFB50: "own", 0xFDFC: "", 0xFDFB: "own", 0xFE70: "own", 0xFEFC: "own", 0xFEFD: "",
		0x10FF: "", 0x1100: "part", 0x11FF: "part", 0x1200: "", 0xA95F: "", 0xA960: "part", 0xA97C: "part", 0xD7A3: "", 0xD7B0: "part", 0xD7FB: "part",
		'ª': "", 'º': "", 'µ': "", 'ﬁ': "own", 'Ａ': "own", '²': "",
	} {
		got := ownForm(r)
		if (got == nil) != (want == "") || got != nil && !strings.Contains(got.what, want) {
			t.Errorf("%U: %+v, want %q", r, got, want)
		}
	}
}
