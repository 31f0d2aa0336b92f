package smsc

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/smpp"
)

func TestScripts(t *testing.T) {
	b, err := os.ReadFile("testdata/scripts.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		verdict, script, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || verdict == "#" {
			continue
		}
		n++
		_, err := ParseScript(script)
		if (err == nil) != (verdict == "ok") || err != nil && !errors.Is(err, ErrScript) {
			t.Errorf("%q: %v, want %s", script, err, verdict)
		}
	}
	if n < 40 {
		t.Errorf("only %d scripts", n)
	}
}

func TestScriptMeaning(t *testing.T) {
	s, err := ParseScript("# bursts\nsubmit_sm#2-3 throttle ; submit_sm%4 late=2s\ndeliver_sm~0.5 cut\nseq=high;seed=7")
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{
		{On: smpp.SubmitSM, From: 2, To: 3, Do: Refuse, Status: smpp.RThrottled},
		{On: smpp.SubmitSM, Every: 4, Do: Late, For: 2 * time.Second},
		{On: smpp.DeliverSM, Chance: 0.5, Do: Cut},
	}
	if len(s.Rules) != 3 || s.Rules[0] != want[0] || s.Rules[1] != want[1] || s.Rules[2] != want[2] || s.Seed != 7 || s.Numbering != FromHigh {
		t.Errorf("%+v", s)
	}
	f := newFaults(s)
	var got []Do
	for range 8 {
		got = append(got, f.judge(smpp.SubmitSM).Do)
	}
	if join(got) != ", status, status, late, , , , late" {
		t.Errorf("faults of 8 submissions: %s", join(got))
	}
}

func FuzzScript(f *testing.F) {
	b, err := os.ReadFile("testdata/scripts.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		_, script, _ := strings.Cut(strings.TrimSpace(line), " ")
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScript(text)
		if err != nil {
			if !errors.Is(err, ErrScript) {
				t.Errorf("undeclared error %v", err)
			}
			return
		}
		for _, r := range s.Rules {
			if r.Do == "" || r.To < r.From || r.Chance < 0 || r.Chance > 1 || (r.Do == Refuse) != (r.Status != 0) && r.Do != Nack {
				t.Errorf("rule %+v", r)
			}
		}
	})
}
