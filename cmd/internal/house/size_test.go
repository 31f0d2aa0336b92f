package house

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

const (
	maxCodeLines = 350 // of a file, comments and empty lines not counted
	maxFuncLines = 60
	maxMethods   = 60 // of a type, in its folder
)

// A file is read in one sitting, a function on one screen, and a type does not
// do everything.
func TestSizes(t *testing.T) {
	var sizes []int
	methods := map[string]int{}
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.text, "// Code generated") {
			continue
		}
		n := 0
		for line := range strings.Lines(s.text) {
			if l := strings.TrimSpace(line); l != "" && !strings.HasPrefix(l, "//") {
				n++
			}
		}
		sizes = append(sizes, n)
		if n > maxCodeLines {
			t.Errorf("%s has %d code lines, at most %d", s.path, n, maxCodeLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			first, last := s.fset.Position(f.Pos()).Line, s.fset.Position(f.End()).Line
			if last-first > maxFuncLines {
				t.Errorf("%s:%d: %s has %d lines, at most %d", s.path, first, f.Name.Name, last-first, maxFuncLines)
			}
			if f.Recv != nil {
				methods[s.dir+"."+receiver(f)]++
			}
			if f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: init runs behind everybody's back: pass what is needed", s.path, first)
			}
		}
	}
	for name, n := range methods {
		if n > maxMethods {
			t.Errorf("%s has %d methods, at most %d", name, n, maxMethods)
		}
	}
	slices.Sort(sizes)
	t.Logf("%d files, median %d code lines, 9 of 10 at most %d", len(sizes), sizes[len(sizes)/2], sizes[len(sizes)*9/10])
}

// Every package says what it is for.
func TestPackageComments(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		doc := s.file.Doc.Text()
		want := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name == "main" {
			want = "Command "
		}
		said[s.dir] = said[s.dir] || strings.HasPrefix(doc, want)
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

// Tests wait for events, not for time; inside a synctest bubble time is free.
func TestNoSleep(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test || strings.Contains(s.text, `"testing/synctest"`) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Sleep in a test", s.fset.Position(sel.Pos()))
				}
			}
			return true
		})
	}
}
