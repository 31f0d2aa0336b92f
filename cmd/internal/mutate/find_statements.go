package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// unseen are calls whose absence no test can see, or should: locks, what
// closes and flushes, and lines of the log.
var unseen = []string{
	"panic", "Lock", "Unlock", "RLock", "RUnlock", "Close", "CloseNow", "Stop", "cancel", "stop", "Flush", "Helper", "clear", "Clear",
	"Debug", "Info", "Warn", "Error", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "Log", "LogAttrs", "Done", "Wipe",
}

// calls is the name of what an expression calls.
func calls(e ast.Expr) string {
	if c, ok := e.(*ast.CallExpr); ok {
		switch f := c.Fun.(type) {
		case *ast.Ident:
			return f.Name
		case *ast.SelectorExpr:
			return f.Sel.Name
		}
	}
	return ""
}

// statements notes which of a block may be missing.
func (w *finder) statements(list []ast.Stmt) {
	for i, s := range list {
		last := i == len(list)-1
		switch s := s.(type) {
		case *ast.ExprStmt:
			if !slices.Contains(unseen, calls(s.X)) {
				w.missing(s)
			}
		case *ast.DeferStmt:
			if !slices.Contains(unseen, calls(s.Call)) {
				w.missing(s)
			}
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE && !blank(s.Lhs) {
				w.missing(s)
			}
			w.assignment(s)
		case *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt:
			w.missing(s)
		case *ast.ReturnStmt:
			if len(s.Results) == 0 && !last {
				w.missing(s)
			}
		case *ast.BranchStmt:
			if s.Tok == token.CONTINUE {
				w.missing(s)
			}
		}
	}
}

func blank(list []ast.Expr) bool {
	return !slices.ContainsFunc(list, func(e ast.Expr) bool { id, ok := e.(*ast.Ident); return !ok || id.Name != "_" })
}

func (w *finder) missing(s ast.Stmt) {
	w.addFunc(s, "missing", true, func(m *mutant, self string, _ func(ast.Node) string) string {
		return fmt.Sprintf("if !mutant(%d) { %s }", m.number, self)
	})
}

// assignment notes that += may be -=, and so on.
func (w *finder) assignment(s *ast.AssignStmt) {
	op, ok := others[s.Tok]
	if !ok {
		return
	}
	if b, ok := w.p.info.Types[s.Lhs[0]].Type.Underlying().(*types.Basic); !ok || b.Info()&types.IsInteger == 0 {
		return
	}
	w.addFunc(s, s.Tok.String()+" is "+op.String(), true, func(m *mutant, self string, sub func(ast.Node) string) string {
		return fmt.Sprintf("if mutant(%d) { %s %s %s } else { %s }", m.number, sub(s.Lhs[0]), op, sub(s.Rhs[0]), self)
	})
}

// returns notes that an error may be swallowed, a verdict turned round, and
// any other result empty.
func (w *finder) returns(r *ast.ReturnStmt) {
	var want []ast.Expr
	if w.results != nil {
		for _, f := range w.results.List {
			for range max(1, len(f.Names)) {
				want = append(want, f.Type)
			}
		}
	}
	if len(want) != len(r.Results) {
		return // none, or those of one call
	}
	failed := w.refusing && len(r.Results) > 0 && w.fails(r.Results)
	for i, e := range r.Results {
		tv, t := w.p.info.Types[e], w.p.info.Types[want[i]].Type
		if t == nil || tv.IsNil() || tv.Value != nil {
			continue
		}
		switch name := w.p.typeName(w.f, t); {
		case name == "error":
			w.add(e, "no error", "mutant_error(%d, %s)")
		case name == "bool" && w.isBool(e):
			w.add(e, "not", "(mutant(%d) != (%s))")
		case name != "" && !zeroLiteral(e) && !failed:
			w.add(e, "empty", "mutant_zero["+name+"](%d, %s)")
		}
	}
}

// fails says whether the last result is an error: nobody looks at the others.
func (w *finder) fails(results []ast.Expr) bool {
	tv := w.p.info.Types[results[len(results)-1]]
	return !tv.IsNil() && types.AssignableTo(tv.Type, types.Universe.Lookup("error").Type())
}

// zeroLiteral finds T{}, which is empty as it is.
func zeroLiteral(e ast.Expr) bool {
	c, ok := e.(*ast.CompositeLit)
	return ok && len(c.Elts) == 0
}

// composite notes that a field may be left out. The keys themselves are names
// or places and stay.
func (w *finder) composite(c *ast.CompositeLit) {
	t := w.p.info.Types[c].Type
	_, isStruct := under(t).(*types.Struct)
	for _, e := range c.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			w.walk(e)
			continue
		}
		if isStruct {
			w.field(c, kv)
		}
		w.walk(kv.Value)
	}
}

func under(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem().Underlying()
	}
	return t.Underlying()
}

func (w *finder) field(c *ast.CompositeLit, kv *ast.KeyValueExpr) {
	tv := w.p.info.Types[kv.Value]
	if _, isFunc := kv.Value.(*ast.FuncLit); isFunc || tv.IsNil() || zeroLiteral(kv.Value) {
		return
	}
	st := under(w.p.info.Types[c].Type).(*types.Struct)
	for i := range st.NumFields() {
		if f := st.Field(i); f.Name() == kv.Key.(*ast.Ident).Name {
			if name := w.p.typeName(w.f, f.Type()); name != "" {
				w.add(kv.Value, "left out", "mutant_zero["+name+"](%d, %s)")
			}
		}
	}
}
