package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// claim is one id of a "Covers:" or "Supports:" line.
type claim struct {
	id, file, test string
	door           string // how a user gets there; "" for a test that only supports
}

var (
	coversForm   = regexp.MustCompile(`^Covers: (\S+(?:, \S+)*) via ((?:simsign|GET|POST) \S.*?)\.?$`)
	supportsForm = regexp.MustCompile(`^Supports: (\S+?(?:, \S+?)*)\.?$`)
)

// claimLine reads a line of a comment; ok is false when it looks like a claim
// and is none.
func claimLine(line string) (ids []string, door string, ok bool) {
	line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "/#"))
	if !strings.HasPrefix(line, "Covers:") && !strings.HasPrefix(line, "Supports:") {
		return nil, "", true
	}
	if m := coversForm.FindStringSubmatch(line); m != nil {
		return strings.Split(m[1], ", "), m[2], true
	}
	if m := supportsForm.FindStringSubmatch(line); m != nil {
		return strings.Split(m[1], ", "), "", true
	}
	return nil, "", false
}

var claimStart = regexp.MustCompile(`(?m)^\s*(//|#) (Covers|Supports):`)

// claims reads every claim. One that is not in the doc comment of a test
// function is a fault: nobody could tell which test it speaks of.
func claims(t *testing.T, all []*source) []claim {
	t.Helper()
	var out []claim
	for _, s := range all {
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
				out = append(out, claimsOf(t, s.path, f.Name.Name, line, &found)...)
			}
		}
		if n := len(claimStart.FindAllString(s.text, -1)); n != found {
			t.Errorf(`%s: %d of %d "Covers:" and "Supports:" lines are not in the doc comment of a test function`, s.path, n-found, n)
		}
	}
	for file, text := range scripts(t) {
		found := 0
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#") {
				out = append(out, claimsOf(t, file, strings.TrimSuffix(filepath.Base(file), ".txtar"), line, &found)...)
			}
		}
	}
	return out
}

func claimsOf(t *testing.T, file, test, line string, found *int) (out []claim) {
	ids, door, ok := claimLine(line)
	if !ok {
		t.Errorf(`%s: %s: %q: write "Covers: ID, ID via simsign COMMAND", "... via GET /PATH" or "Supports: ID"`, file, test, strings.TrimSpace(line))
	}
	if !ok || ids != nil {
		*found++
	}
	for _, id := range ids {
		out = append(out, claim{id, file, test, door})
	}
	return out
}

// scripts are the test scripts with their texts.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	walk(t, func(file string) {
		if strings.HasSuffix(file, ".txtar") {
			b, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				t.Fatal(err)
			}
			out[file] = string(b)
		}
	})
	return out
}

func isTest(name string) bool {
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Benchmark")
}

// What a claim says is so: its door is there, and its test goes through it.
func TestClaims(t *testing.T) {
	all := sources(t)
	tree, paths, clients, texts := commandTree(t, all), routes(all), clientMethods(all), scripts(t)
	known := map[string]bool{}
	for _, r := range requirements(t) {
		known[r.id] = true
	}
	judged := map[claim]bool{} // without the id: a test and a door
	for _, c := range claims(t, all) {
		if !known[c.id] {
			t.Errorf("%s: %s speaks of %q, which is not in requirements.tsv", c.file, c.test, c.id)
		}
		c.id = ""
		if c.door == "" || judged[c] {
			continue
		}
		judged[c] = true
		if command, ok := strings.CutPrefix(c.door, "simsign "); ok && !tree.has(strings.Fields(command)) || !ok && !paths[c.door] {
			t.Errorf("%s: %s goes through %s, which is not there", c.file, c.test, c.door)
			continue
		}
		if text, ok := texts[c.file]; ok {
			if !scriptSays(text, c.door) {
				t.Errorf("%s does not run %s", c.file, c.door)
			}
		} else if why := reaches(all, filepath.ToSlash(filepath.Dir(c.file)), c.test).opens(c.door, clients); why != "" {
			t.Errorf("%s: %s claims to go through %s: %s", c.file, c.test, c.door, why)
		}
	}
}

// The reader of claims finds them and nothing else.
func TestClaimLine(t *testing.T) {
	for line, want := range map[string]struct {
		ids  []string
		door string
		ok   bool
	}{
		"Covers: 5.8-1 via simsign user add":        {[]string{"5.8-1"}, "simsign user add", true},
		"// Covers: I3, 4-4 via GET /readyz.":       {[]string{"I3", "4-4"}, "GET /readyz", true},
		"# Covers: W-1 via POST /ask/{id}/go":       {[]string{"W-1"}, "POST /ask/{id}/go", true},
		"// Supports: 3.5.4-1, 4-4.":                {[]string{"3.5.4-1", "4-4"}, "", true},
		"Covers: 4-4":                               {nil, "", false},
		"Covers: 4-4 via the engine":                {nil, "", false},
		"Covers: 4-4 4-5 via simsign serve":         {nil, "", false},
		"Supports: 4-4 via simsign serve":           {nil, "", false},
		"This test Covers: a lot via simsign serve": {nil, "", true},
	} {
		ids, door, ok := claimLine(line)
		if !slices.Equal(ids, want.ids) || door != want.door || ok != want.ok {
			t.Errorf("%q: %q, %q, %v; want %v", line, ids, door, ok, want)
		}
	}
}
