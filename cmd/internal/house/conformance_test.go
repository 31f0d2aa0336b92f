package house

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write mssp/CONFORMANCE.md anew")

const pageFile = root + "/mssp/CONFORMANCE.md"

// requirement is one row of testdata/requirements.tsv.
type requirement struct{ section, id, who, level, text string }

// own are the sections that are the house's beside what the sources ask for.
var own = []string{"Invariants", "Faults", "Rules"}

func requirements(t *testing.T) []requirement {
	t.Helper()
	b, err := os.ReadFile("testdata/requirements.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out []requirement
	seen := map[string]bool{}
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 5 || seen[f[1]] {
			t.Fatalf("requirements.tsv:%d: needs 5 fields and an id of its own", i+1)
		}
		seen[f[1]] = true
		if i > 0 {
			out = append(out, requirement{f[0], f[1], f[2], f[3], f[4]})
		}
	}
	return out
}

// The page is what the tests claim.
func TestConformance(t *testing.T) {
	byID := map[string][]claim{}
	for _, c := range claims(t, sources(t)) {
		byID[c.id] = append(byID[c.id], c)
	}
	want := page(requirements(t), byID)
	if *update && !t.Failed() {
		if err := os.WriteFile(pageFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("mssp/CONFORMANCE.md is stale: go test ./cmd/internal/house -update")
	}
}

const preface = `# Conformance

What is asked for, the door through which somebody who has the program gets to it, and the tests that go through that door and would fail if it were not so.
Made from the tests by ` + "`go test ./cmd/internal/house -update`" + `; do not edit.
Ids begin with the section of the Mobile Connect PKI SIM-applet document; W: the ETSI mobile signature service; I: invariants; F: faults that are injected; A to G: rules of the house.
Level: M must, S should, O optional. A row without a door is open, whatever its parts can do; tests that show parts of it are named in brackets.
`

func page(reqs []requirement, byID map[string][]claim) []byte {
	var rows bytes.Buffer
	var met, all [2]int // of the sources, and of the house
	var open []string
	section := ""
	for _, r := range reqs {
		doors, through, parts := split(byID[r.id])
		which := 0
		if slices.Contains(own, r.section) {
			which = 1
		}
		all[which]++
		reached := strings.Join(doors, ", ")
		if len(doors) > 0 {
			met[which]++
		} else {
			reached = "open"
			open = append(open, r.id)
			if len(parts) > 0 {
				through = []string{"(" + strings.Join(parts, ", ") + ")"}
			}
		}
		if r.section != section {
			section = r.section
			fmt.Fprintf(&rows, "\n## %s\n\n| id | who | level | requirement | reached by | tests |\n|---|---|---|---|---|---|\n", section)
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s | %s | %s |\n", r.id, r.who, r.level, r.text, reached, strings.Join(through, ", "))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%d of %d rows are met through a door, and %d of the %d that the house has beside them.\n\nOpen: %s.\n",
		preface, met[0], all[0], met[1], all[1], strings.Join(open, ", "))
	b.Write(rows.Bytes())
	return b.Bytes()
}

// split tells doors, tests that go through them, and tests of parts, as links
// relative to the folder of the page.
func split(cs []claim) (doors, through, parts []string) {
	for _, c := range cs {
		rel, err := filepath.Rel("mssp", filepath.FromSlash(c.file))
		if err != nil {
			rel = c.file
		}
		link := fmt.Sprintf("[%s](%s)", c.test, filepath.ToSlash(rel))
		if c.door == "" {
			parts = append(parts, link)
			continue
		}
		doors, through = append(doors, "`"+c.door+"`"), append(through, link)
	}
	for _, list := range []*[]string{&doors, &through, &parts} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return doors, through, parts
}
