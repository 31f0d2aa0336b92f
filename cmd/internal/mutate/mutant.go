package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one change of the program.
type mutant struct {
	pkg      *pkg
	file     *file
	node     ast.Node
	function string
	kind     string
	guard    bool // in a condition that refuses, or in what it answers
	outside  bool
	rewrite  func(m *mutant, self string, sub func(ast.Node) string) string

	id, group string
	number    int          // of its switch
	seen      map[int]bool // the tests that come past it, by their place in the list of all
	noticed   string       // by which folder's tests; "" for a survivor
}

func (m *mutant) edit() edit {
	return edit{
		m.pkg.offset(m.node.Pos()), m.pkg.offset(m.node.End()), m.outside,
		func(self string, sub func(ast.Node) string) string { return m.rewrite(m, self, sub) },
	}
}

func (m *mutant) line() string {
	return fmt.Sprintf("%s:%d", m.file.rel, m.pkg.fset.Position(m.node.Pos()).Line)
}

// name gives each mutant its name: what stands there, not at which line, so
// that a change elsewhere in the file leaves it as it was.
func name(found []*mutant) {
	times := map[string]int{}
	for _, m := range found {
		text := strings.Join(strings.Fields(string(m.file.text[m.pkg.offset(m.node.Pos()):m.pkg.offset(m.node.End())])), " ")
		if len(text) > 90 {
			text = text[:80] + fmt.Sprintf("...%x", sha256.Sum256([]byte(text)))[:9]
		}
		m.id = fmt.Sprintf("%s %s: %s: %s", m.file.rel, m.function, m.kind, text)
		if times[m.id]++; times[m.id] > 1 {
			m.id += fmt.Sprintf(" (%d)", times[m.id])
		}
	}
}

// choose takes a sample: lines in the order of their hashes, and of each line
// one mutant, so that a line full of numbers weighs no more than another.
func choose(found []*mutant, o options) (out []*mutant) {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(o.seed + "\n" + s))
		return string(sum[:])
	}
	if o.guards {
		found = slices.DeleteFunc(slices.Clone(found), func(m *mutant) bool { return !m.guard })
	}
	if o.files != "" {
		names := strings.Split(o.files, ",")
		found = slices.DeleteFunc(slices.Clone(found), func(m *mutant) bool { return !slices.Contains(names, filepath.Base(m.file.path)) })
	}
	if o.every {
		return found
	}
	best := map[string]*mutant{}
	for _, m := range found {
		if b := best[m.line()]; b == nil || hash(m.id) < hash(b.id) {
			best[m.line()] = m
		}
	}
	for _, m := range best {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *mutant) int { return cmp.Compare(hash(a.id), hash(b.id)) })
	return out[:min(len(out), o.n)]
}
