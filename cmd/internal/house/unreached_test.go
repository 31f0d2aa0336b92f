package house

import (
	"encoding/json"
	"go/ast"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What the program does not reach stands in testdata/unreached.txt, a function
// a line, with the reason why it stays. Nothing else may be unreached, and what
// is reached again may not stand there.
func TestUnreached(t *testing.T) {
	if testing.Short() {
		t.Skip("loads the whole program")
	}
	t.Parallel()
	why := map[string]string{}
	b, err := os.ReadFile("testdata/unreached.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		name, reason, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || reason == "" || why[name] != "" {
			t.Errorf("unreached.txt: %q: a line is FOLDER FUNCTION: REASON", line)
		}
		why[name] = reason
	}
	found := map[string]bool{}
	for _, name := range slices.Concat(unreachable(t), unnamed(sources(t))) {
		found[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if why[name] == "" {
			t.Errorf("%s: the program does not reach it: remove it, or say in unreached.txt why it stays", name)
		}
	}
	for name := range why {
		if !found[name] {
			t.Errorf("unreached.txt: %s is reached, or is there no more", name)
		}
	}
}

// unreachable asks the tool, which follows calls, also those through
// interfaces and reflection.
func unreachable(t *testing.T) (out []string) {
	t.Helper()
	cmd := exec.Command("go", "tool", "deadcode", "-json", "./cmd/simsign")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("go tool deadcode: %v\n%s", err, &complaints)
	}
	var packages []struct {
		Path  string
		Funcs []struct{ Name string }
	}
	if err := json.Unmarshal(b, &packages); err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		for _, f := range p.Funcs {
			out = append(out, strings.TrimPrefix(p.Path, module+"/")+" "+f.Name)
		}
	}
	return out
}

// calledBy are methods that the standard library calls, by name.
var calledBy = []string{"Unwrap", "MarshalText", "UnmarshalJSON", "Less"}

// unnamed are the functions whose names stand nowhere but at their
// declarations and in tests. The tool must take every exported method of a
// value for reached that some interface holds; nobody calls a method whose
// name is nowhere. A folder whose name ends in "test" helps tests of several
// packages.
func unnamed(all []*source) (out []string) {
	used := map[string]bool{}
	declared := map[string][]string{}
	for _, s := range all {
		if s.test || strings.HasSuffix(s.dir, "test") {
			continue
		}
		names := map[*ast.Ident]bool{}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				names[f.Name] = true
				declared[f.Name.Name] = append(declared[f.Name.Name], s.dir+" "+fullName(f))
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && !names[id] {
				used[id.Name] = true
			}
			return true
		})
	}
	for name, where := range declared {
		if !used[name] && !slices.Contains(calledBy, name) {
			out = append(out, where...)
		}
	}
	return out
}

// fullName is the name with the type of the receiver before it.
func fullName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	return receiver(f) + "." + f.Name.Name
}

// receiver is the name of the type that a method belongs to.
func receiver(f *ast.FuncDecl) string {
	x := f.Recv.List[0].Type
	for {
		switch t := x.(type) {
		case *ast.StarExpr:
			x = t.X
		case *ast.IndexExpr:
			x = t.X
		case *ast.IndexListExpr:
			x = t.X
		case *ast.Ident:
			return t.Name
		default:
			return "?"
		}
	}
}
