// Package faulttest helps to test refusals. A refusal is easily right for the
// wrong reason: a case that is wrong in two things passes when only one of them is
// looked at, and nobody notices that the other rule is gone. So a case here is an
// accepted value that was changed in one thing, which Differences counts, and it
// is known by the whole text of its fault. Rules are the texts that the source of a
// package can give: each case belongs to one of them, and a rule without a case
// is a rule that could be taken away unnoticed.
package faulttest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Rules are the faults that some files can give.
type Rules []*Rule

// Rule is one call of mssp.Faultf.
type Rule struct {
	Where  string
	Format string
	cases  int
	fits   *regexp.Regexp
	letter int // how many characters of it are its own
}

var verb = regexp.MustCompile(`%[0-9]*[a-zA-Z]`)

// Read finds the rules in the files that fit the patterns, tests aside.
func Read(t testing.TB, patterns ...string) (rs Rules) {
	t.Helper()
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files, %v", p, err)
		}
		for _, name := range names {
			if !strings.HasSuffix(name, "_test.go") {
				rs = append(rs, read(t, name)...)
			}
		}
	}
	return rs
}

func read(t testing.TB, name string) (rs Rules) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Faultf" {
			return true
		}
		pos := fset.Position(call.Pos())
		format, ok := literal(call.Args[1])
		if !ok {
			t.Errorf("%s: the text of the fault is no literal", pos)
			return true
		}
		rs = append(rs, newRule(fmt.Sprintf("%s:%d", pos.Filename, pos.Line), format))
		return true
	})
	return rs
}

// literal is a text in quotation marks, or several that are put together.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		x, ok1 := literal(e.X)
		y, ok2 := literal(e.Y)
		return x + y, ok1 && ok2 && e.Op == token.ADD
	}
	return "", false
}

func newRule(where, format string) *Rule {
	own := verb.Split(format, -1)
	r := &Rule{Where: where, Format: format}
	for i, s := range own {
		r.letter += len(s)
		own[i] = regexp.QuoteMeta(s)
	}
	r.fits = regexp.MustCompile(`(?s)^` + strings.Join(own, `.*`) + `$`)
	return r
}

// Met notes that a case has met the rule whose text this is: of several that
// fit, the one that says the most.
func (rs Rules) Met(detail string) bool {
	var best *Rule
	for _, r := range rs {
		if r.fits.MatchString(detail) && (best == nil || r.letter > best.letter) {
			best = r
		}
	}
	if best == nil {
		return false
	}
	best.cases++
	return true
}

// Unmet are the rules that no case has met.
func (rs Rules) Unmet() (unmet []string) {
	for _, r := range rs {
		// One text may stand in several places: a case of one is a case of all.
		if !slices.ContainsFunc(rs, func(o *Rule) bool { return o.cases > 0 && o.Format == r.Format }) {
			unmet = append(unmet, r.Where+": "+strconv.Quote(r.Format))
		}
	}
	return unmet
}

// Differences are the places in which two values of one type differ. What one
// list has more is one place for each of its elements.
func Differences(a, b any) []string { return differences(reflect.ValueOf(a), reflect.ValueOf(b), "") }

func differences(a, b reflect.Value, path string) (d []string) {
	switch kind := a.Kind(); {
	case kind == reflect.Pointer && !a.IsNil() && !b.IsNil():
		return differences(a.Elem(), b.Elem(), path)
	case kind == reflect.Struct && open(a.Type()):
		for i := range a.NumField() {
			d = append(d, differences(a.Field(i), b.Field(i), path+"."+a.Type().Field(i).Name)...)
		}
		return d
	case kind == reflect.Slice && a.Type().Elem().Kind() != reflect.Uint8:
		for i := range max(a.Len(), b.Len()) {
			at := fmt.Sprintf("%s[%d]", path, i)
			if i >= a.Len() || i >= b.Len() {
				d = append(d, at)
			} else {
				d = append(d, differences(a.Index(i), b.Index(i), at)...)
			}
		}
		return d
	case !reflect.DeepEqual(a.Interface(), b.Interface()):
		return []string{path}
	}
	return nil
}

// open reports that all fields of a struct can be read.
func open(t reflect.Type) bool {
	for i := range t.NumField() {
		if !t.Field(i).IsExported() {
			return false
		}
	}
	return true
}
