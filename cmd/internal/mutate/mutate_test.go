package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is a small program whose tests notice some changes and others not.
const module = `
-- go.mod --
module sample

go 1.26
-- door.go --
// Package sample lets people in.
package sample

import "errors"

type Guest struct {
	Name string
	Age  int
}

var errYoung, errName = errors.New("too young"), errors.New("no name")

func Enter(g Guest) (*Guest, error) {
	if g.Age < 18 {
		return nil, errYoung
	}
	if g.Name == "" || g.Name == "?" {
		return nil, errName
	}
	return &Guest{Name: g.Name, Age: g.Age}, nil
}

func Wait(n int) (sum int) {
	for n > 0 {
		n--
		sum += 2
	}
	return sum
}
-- door_test.go --
package sample

import (
	"errors"
	"testing"
)

func TestAge(t *testing.T) {
	if _, err := Enter(Guest{"A", 17}); !errors.Is(err, errYoung) {
		t.Error(err)
	}
	if g, err := Enter(Guest{"A", 19}); err != nil || g.Name != "A" {
		t.Error(g, err)
	}
}

func TestWait(t *testing.T) {
	if n := Wait(3); n != 6 {
		t.Error(n)
	}
}
-- survivors.txt --
# MUTANT || REASON
`

// inModule makes the module and goes there.
func inModule(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	for f := range strings.SplitSeq(text, "\n-- ") {
		if name, content, ok := strings.Cut(f, " --\n"); ok {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Chdir(dir)
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
}

func mutated(t *testing.T, args ...string) (code int, out string, survived []string) {
	t.Helper()
	var b, complaints bytes.Buffer
	code = run(t.Context(), append(append([]string{"-permitted", "survivors.txt"}, args...), "."), &b, &complaints)
	for line := range strings.Lines(b.String()) {
		if id, ok := strings.CutPrefix(line, "survived: "); ok {
			id, _, _ = strings.Cut(id, " (door.go:")
			survived = append(survived, id)
		}
	}
	slices.Sort(survived)
	return code, b.String() + complaints.String(), survived
}

// What no test notices survives, and nothing else: a boundary that is never
// met, a refusal that is never tried, a field that nobody reads.
func TestSurvivors(t *testing.T) {
	inModule(t, module)
	want := map[string]bool{
		"door.go Enter: < is <=: g.Age < 18":                  true, // nobody of 18 comes
		`door.go Enter: never: g.Name == "" || g.Name == "?"`: true, // nobody without a name
		"door.go Enter: left out: g.Age":                      true,
		"door.go Enter: never: g.Age < 18":                    false,
		"door.go Enter: no error: errYoung":                   false,
		"door.go Enter: left out: g.Name":                     false,
		"door.go Wait: missing: n--":                          false, // it hangs, which is noticed
		"door.go Wait: += is -=: sum += 2":                    false,
	}
	code, out, survived := mutated(t, "-v", "-every")
	if code != 1 {
		t.Errorf("code %d", code)
	}
	for id, survives := range want {
		if !strings.Contains(out, ": "+id+" (door.go:") && !strings.Contains(out, ":  "+id+" (door.go:") {
			t.Errorf("there is no mutant %q", id)
		}
		if slices.Contains(survived, id) != survives {
			t.Errorf("%s: want a survivor: %v", id, survives)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

// The same tree and seed have the same mutants, and guards are those that refuse.
func TestSample(t *testing.T) {
	inModule(t, module)
	sample := func(o options) (out []string) {
		group, err := load(t.Context(), ".")
		if err != nil {
			t.Fatal(err)
		}
		found := find(group[0])
		name(found)
		for _, m := range choose(found, o) {
			out = append(out, m.id)
		}
		return out
	}
	first := sample(options{n: 5, seed: "1"})
	if again := sample(options{n: 5, seed: "1"}); len(first) != 5 || !slices.Equal(first, again) {
		t.Errorf("%q, and then %q", first, again)
	}
	if other := sample(options{n: 5, seed: "2"}); slices.Equal(first, other) {
		t.Error("another seed has the same mutants")
	}
	for _, id := range sample(options{n: 50, seed: "1", guards: true}) {
		if !strings.HasPrefix(id, "door.go Enter: ") || strings.Contains(id, "left out") {
			t.Errorf("%q is no guard", id)
		}
	}
}

// Some files alone.
func TestFiles(t *testing.T) {
	inModule(t, module)
	group, err := load(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	found := find(group[0])
	name(found)
	all := choose(found, options{every: true})
	if some := choose(found, options{every: true, files: "nothing.go,door.go"}); len(all) == 0 || len(some) != len(all) {
		t.Errorf("%d changes, and %d of the only file", len(all), len(some))
	}
	if none := choose(found, options{every: true, files: "nothing.go"}); len(none) != 0 {
		t.Errorf("%d changes of another file", len(none))
	}
}

// A permitted survivor is none; a line that fits nothing, or gives no reason, is an error.
func TestPermitted(t *testing.T) {
	line := "door.go Enter: never: g.Name == \"\" || g.Name == \"?\" || "
	for list, want := range map[string]string{
		"# nothing": "no test noticed",
		"door.go Enter: never: g.Name == 7 || gone": "there is no mutant",
		"door.go Enter: never":                      "a line is",
		line + "why\n" + line + "why":               "a line is",
	} {
		inModule(t, strings.Replace(module, "# MUTANT || REASON", list, 1))
		if code, out, _ := mutated(t, "-guards"); code != 1 || !strings.Contains(out, want) {
			t.Errorf("%q: code %d\n%s\nwant %q", list, code, out, want)
		}
	}
}

// Tests that fail with nothing changed say nothing about a change.
func TestRedBefore(t *testing.T) {
	inModule(t, strings.Replace(module, "n != 6", "n != 7", 1))
	if code, out, _ := mutated(t); code != 1 || !strings.Contains(out, "TestWait fails with nothing changed") {
		t.Errorf("code %d\n%s", code, out)
	}
}
