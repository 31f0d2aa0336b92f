package house

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
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

// claim is one id in one "Covers:" line.
type claim struct{ id, path, test string }

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

// coversLine returns the ids of a "Covers:" line.
func coversLine(line string) []string {
	line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "/#"))
	rest, ok := strings.CutPrefix(line, "Covers:")
	if !ok {
		return nil
	}
	var ids []string
	for id := range strings.SplitSeq(rest, ",") {
		ids = append(ids, strings.TrimRight(strings.TrimSpace(id), "."))
	}
	return ids
}

// claims reads every "Covers:" line. One that is not in the doc comment of a
// test function is a fault: nobody could tell which test it speaks of.
func claims(t *testing.T) []claim {
	t.Helper()
	var out []claim
	for _, s := range sources(t) {
		if !s.test || s.dir == "cmd/internal/house" {
			continue
		}
		found := 0
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !isTest(f.Name.Name) {
				continue
			}
			for line := range strings.Lines(f.Doc.Text()) {
				ids := coversLine(line)
				if ids != nil {
					found++
				}
				for _, id := range ids {
					out = append(out, claim{id, s.path, f.Name.Name})
				}
			}
		}
		if n := strings.Count(s.text, "// Covers:"); n != found {
			t.Errorf(`%s: %d of %d "Covers:" lines are not in the doc comment of a test function`, s.path, n-found, n)
		}
	}
	walk(t, func(path string) {
		if !strings.HasSuffix(path, ".txtar") {
			return
		}
		b, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if !strings.HasPrefix(line, "#") {
				continue
			}
			for _, id := range coversLine(line) {
				out = append(out, claim{id, path, strings.TrimSuffix(filepath.Base(path), ".txtar")})
			}
		}
	})
	return out
}

func isTest(name string) bool {
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Benchmark")
}

// The page is what the tests claim, and they claim nothing that nobody asked for.
func TestConformance(t *testing.T) {
	reqs := requirements(t)
	byID := map[string][]claim{}
	for _, r := range reqs {
		byID[r.id] = nil
	}
	for _, c := range claims(t) {
		if _, ok := byID[c.id]; !ok {
			t.Errorf("%s: %s covers %q, which is not in requirements.tsv", c.path, c.test, c.id)
			continue
		}
		byID[c.id] = append(byID[c.id], c)
	}
	want := page(reqs, byID)
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

func page(reqs []requirement, byID map[string][]claim) []byte {
	var b bytes.Buffer
	covered := 0
	for _, r := range reqs {
		if len(byID[r.id]) > 0 {
			covered++
		}
	}
	b.WriteString("# Conformance\n\nWhat is asked for, and the tests that would fail if it were not so. Made from the tests by `go test ./cmd/internal/house -update`; do not edit.\n")
	b.WriteString("Ids begin with the section of the Mobile Connect PKI SIM-applet document; W: the ETSI mobile signature service; I: invariants; F: faults that are injected.\n")
	b.WriteString("Level: M must, S should, O optional. A row without a test is not claimed.\n\n")
	fmt.Fprintf(&b, "%d of %d rows have a test.\n", covered, len(reqs))
	section := ""
	for _, r := range reqs {
		if r.section != section {
			section = r.section
			fmt.Fprintf(&b, "\n## %s\n\n| id | who | level | requirement | tests |\n|---|---|---|---|---|\n", section)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.id, r.who, r.level, r.text, links(byID[r.id]))
	}
	return b.Bytes()
}

// links are relative to the folder of the page.
func links(cs []claim) string {
	var out []string
	for _, c := range cs {
		rel, err := filepath.Rel("mssp", filepath.FromSlash(c.path))
		if err != nil {
			rel = c.path
		}
		out = append(out, fmt.Sprintf("[%s](%s)", c.test, filepath.ToSlash(rel)))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}

// The reader of "Covers:" lines finds them and nothing else.
func TestCoversLine(t *testing.T) {
	for line, want := range map[string][]string{
		"Covers: 3.5.4-1, 4-4":    {"3.5.4-1", "4-4"},
		"// Covers: I3.":          {"I3"},
		"# Covers: W-1":           {"W-1"},
		"This test Covers: a lot": nil,
		"covers: 4-4":             nil,
	} {
		if have := coversLine(line); !slices.Equal(have, want) {
			t.Errorf("%q: %q, want %q", line, have, want)
		}
	}
}
