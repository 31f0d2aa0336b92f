package display

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every string that the applet writes beside a text that is to be signed, in
// every language that it has, is refused in a text, and so is every label of
// an event id. The strings are read from the card's own table: a language that
// comes there must come here.
//
// Supports: 3.5.3-5
func TestLabelsOfTheApplet(t *testing.T) {
	table, err := os.ReadFile("../../applet/card/signing/strings_table.go")
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, m := range regexp.MustCompile(`(?m)^\s+str(Code|SignCode|WrongCode|Blocked|PoP|WrongPoP|Reference):\s+"(.*)",$`).FindAllStringSubmatch(string(table), -1) {
		own = append(own, strings.Replace(m[2], "%", "4", 1))
	}
	if languages := strings.Count(string(table), "strReference:"); languages < 5 || len(own) != 7*languages {
		t.Fatalf("%d strings of %d languages", len(own), languages)
	}
	if err := Check("reference: 7F3K"); err == nil || !strings.Contains(err.Error(), `looks like "Reference"`) {
		t.Errorf("the error names another label: %v", err)
	}
	for _, l := range events {
		own = append(own, l+"A123")
	}
	for _, s := range own {
		for _, text := range []string{s, "Pay 10 EUR?\n" + s, strings.ToUpper(s), "Pay 10 EUR?  " + s} {
			if err := Check(text); err == nil || !strings.Contains(err.Error(), "own screen") {
				t.Errorf("%q: %v", text, err)
			}
		}
		if CheckName(s) == nil {
			t.Errorf("a provider may be called %q", s)
		}
	}
}

// The table of look-alikes has a letter for each.
func TestLookAlikes(t *testing.T) {
	if from, to := []rune(alikeFrom), []rune(alikeTo); len(from) != len(to) || len(drawnAs) != len(from) {
		t.Errorf("%d letters look like %d", len(from), len(to))
	}
	for s, l := range ownLabels {
		if len(s) < 3 {
			t.Errorf("label %q has skeleton %q", l.text, s)
		}
	}
}
