package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// An edit puts a switch around what stands between two offsets of a file.
// self is that text with the switches inside it; sub gives another range of
// the same file likewise.
type edit struct {
	from, to int
	outside  bool // of the others with the same range: a statement is outside its expression
	make     func(self string, sub func(ast.Node) string) string
}

// rewrite is the text of a file with the switches of its mutants.
func rewrite(p *pkg, f *file, mutants []*mutant) string {
	w := writer{p: p, f: f}
	for _, m := range mutants {
		if m.file == f {
			w.edits = append(w.edits, m.edit())
		}
	}
	slices.SortStableFunc(w.edits, func(a, b edit) int {
		outer := 0
		if a.outside != b.outside {
			outer = 1
			if a.outside {
				outer = -1
			}
		}
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to), outer)
	})
	return w.text(0, len(f.text), 0)
}

type writer struct {
	p     *pkg
	f     *file
	edits []edit // outer ones first
}

// text is a range with the edits from number next on that lie in it.
func (w *writer) text(from, to, next int) string {
	var b strings.Builder
	at := from
	for i := next; i < len(w.edits); i++ {
		e := w.edits[i]
		if e.from < at || e.to > to || e.from >= to {
			continue
		}
		b.Write(w.f.text[at:e.from])
		b.WriteString(e.make(w.text(e.from, e.to, i+1), func(n ast.Node) string {
			return w.text(w.p.offset(n.Pos()), w.p.offset(n.End()), i+1)
		}))
		at = e.to
	}
	b.Write(w.f.text[at:to])
	return b.String()
}

// switches is the file that joins a package with changed files.
func switches(name string, n int) string {
	return fmt.Sprintf(`package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var (
	mutant_on   = mutant_number()
	mutant_seen [%d]atomic.Bool
	mutant_file = os.Getenv("SIMSIGN_MUTANT_TRACE")
)

func mutant_number() int {
	n, _ := strconv.Atoi(os.Getenv("SIMSIGN_MUTANT"))
	return n
}

func mutant(n int) bool {
	if mutant_file != "" && !mutant_seen[n].Swap(true) {
		// An empty file: a test may have set a limit to how long one grows.
		if f, err := os.Create(mutant_file + "/" + strconv.Itoa(n)); err == nil {
			f.Close()
		}
	}
	return n == mutant_on
}

func mutant_pick[T any](n int, is, other T) T {
	if mutant(n) {
		return other
	}
	return is
}

func mutant_do[T any](n int, is, other func() T) T {
	if mutant(n) {
		return other()
	}
	return is()
}

func mutant_zero[T any](n int, is T) T {
	var zero T
	return mutant_pick(n, is, zero)
}

func mutant_error(n int, is error) error { return mutant_zero(n, is) }
`, name, n+1)
}

// buildable leaves out what the compiler does not take, such as a constant
// that is one too high for where it stands.
func buildable(loaded []*pkg, chosen []*mutant) (out []*mutant) {
	for _, p := range loaded {
		mine := slices.DeleteFunc(slices.Clone(chosen), func(m *mutant) bool { return m.pkg != p })
		if len(mine) > 0 && compiles(p, mine) != nil {
			mine = slices.DeleteFunc(mine, func(m *mutant) bool { return compiles(p, []*mutant{m}) != nil })
		}
		out = append(out, mine...)
	}
	return out
}

func compiles(p *pkg, mutants []*mutant) error {
	fset := token.NewFileSet()
	texts := []string{switches(p.types.Name(), len(mutants))}
	for _, f := range p.files {
		texts = append(texts, rewrite(p, f, mutants))
	}
	var files []*ast.File
	for i, text := range texts {
		f, err := parser.ParseFile(fset, fmt.Sprint(i), text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: p.importer}
	_, err := conf.Check(p.path, fset, files, nil)
	return err
}
