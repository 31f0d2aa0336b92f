package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
)

// finder walks the functions of a file and notes what can be changed.
type finder struct {
	p        *pkg
	f        *file
	function string
	results  *ast.FieldList // of the function around
	guard    bool           // in a condition that refuses
	refusing bool           // in the block that it opens
	out      []*mutant
}

// find lists all mutants of a package, in the order of its text.
func find(p *pkg) (out []*mutant) {
	for _, f := range p.files {
		w := &finder{p: p, f: f}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Body != nil {
					w.function, w.results = d.Name.Name, d.Type.Results
					w.walk(d.Body)
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR && d.End()-d.Pos() < 4000 { // a longer one is a table of characters
					w.function, w.results = "var", nil
					w.walk(d)
				}
			}
		}
		out = append(out, w.out...)
	}
	return out
}

// add notes a mutant; format has the place of its number and of what stands there.
func (w *finder) add(n ast.Node, kind, format string) {
	w.addFunc(n, kind, false, func(m *mutant, self string, _ func(ast.Node) string) string {
		return fmt.Sprintf(format, m.number, self)
	})
}

func (w *finder) addFunc(n ast.Node, kind string, outside bool, rewrite func(*mutant, string, func(ast.Node) string) string) {
	guard := w.guard || w.refusing && (kind == "no error" || kind == "not")
	w.out = append(w.out, &mutant{pkg: w.p, file: w.f, node: n, function: w.function, kind: kind, guard: guard, outside: outside, rewrite: rewrite})
}

// walk visits a node and what is below it.
func (w *finder) walk(n ast.Node) {
	switch n := n.(type) {
	case nil:
		return
	case *ast.FuncLit:
		results := w.results
		w.results = n.Type.Results
		w.walk(n.Body)
		w.results = results
		return
	case *ast.IfStmt:
		w.ifStmt(n)
		return
	case *ast.CaseClause:
		w.caseClause(n)
		return
	case *ast.ForStmt:
		if n.Cond != nil {
			w.condition(n.Cond, "never")
		}
	case *ast.BlockStmt:
		w.statements(n.List)
	case *ast.CommClause:
		w.statements(n.Body)
	case *ast.ReturnStmt:
		w.returns(n)
	case *ast.CompositeLit:
		w.composite(n)
		return
	case *ast.DeclStmt:
		if d, ok := n.Decl.(*ast.GenDecl); ok && d.Tok != token.VAR {
			return
		}
	case ast.Expr:
		if w.expr(n) {
			return
		}
	}
	w.below(n)
}

// below visits the children of a node.
func (w *finder) below(n ast.Node) {
	ast.Inspect(n, func(c ast.Node) bool {
		if c == nil || c == n {
			return true
		}
		w.walk(c)
		return false
	})
}

// refuses says whether a block ends what it stands in.
func refuses(body []ast.Stmt) bool {
	if len(body) == 0 {
		return false
	}
	switch last := body[len(body)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	case *ast.ExprStmt:
		return calls(last.X) == "panic"
	}
	return false
}

func (w *finder) ifStmt(n *ast.IfStmt) {
	w.walkIf(n.Init)
	refusing := refuses(n.Body.List)
	w.guard = refusing
	w.condition(n.Cond, "never", "always")
	w.walk(n.Cond)
	w.guard = false
	w.block(refusing, n.Body)
	w.walkIf(n.Else)
}

func (w *finder) walkIf(s ast.Stmt) {
	if s != nil {
		w.walk(s)
	}
}

func (w *finder) caseClause(n *ast.CaseClause) {
	refusing := refuses(n.Body)
	w.guard = refusing
	for _, e := range n.List {
		if !w.p.info.Types[e].IsType() {
			w.condition(e, "never", "always")
			w.walk(e)
		}
	}
	w.guard = false
	w.statements(n.Body)
	for _, s := range n.Body {
		w.block(refusing, s)
	}
}

// block walks what a condition opens.
func (w *finder) block(refusing bool, s ast.Stmt) {
	was := w.refusing
	w.refusing = refusing
	w.walk(s)
	w.refusing = was
}

// condition notes that a condition may never or always hold.
func (w *finder) condition(e ast.Expr, kinds ...string) {
	if !w.isBool(e) || w.constant(e) != nil {
		return
	}
	guard := w.guard
	for _, k := range kinds {
		switch k {
		case "never":
			w.add(e, k, "(!mutant(%d) && (%s))")
		case "always":
			w.guard = false // whoever tests that something passes has noticed
			w.add(e, k, "(mutant(%d) || (%s))")
		}
	}
	w.guard = guard
}

func (w *finder) constant(e ast.Expr) constant.Value { return w.p.info.Types[e].Value }

func (w *finder) isBool(e ast.Expr) bool {
	t := w.p.info.Types[e].Type
	return t == types.Typ[types.Bool] || t == types.Typ[types.UntypedBool]
}

// others are the operators that stand in for another.
var others = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.ADD, token.QUO: token.MUL, token.REM: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.XOR: token.OR, token.SHL: token.SHR, token.SHR: token.SHL, token.AND_NOT: token.AND,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.OR_ASSIGN: token.AND_ASSIGN, token.AND_ASSIGN: token.OR_ASSIGN,
	token.XOR_ASSIGN: token.OR_ASSIGN, token.SHL_ASSIGN: token.SHR_ASSIGN, token.SHR_ASSIGN: token.SHL_ASSIGN,
}

// expr notes what can be changed in an expression; done means that nothing
// below it can be.
func (w *finder) expr(e ast.Expr) (done bool) {
	switch e := e.(type) {
	case *ast.ArrayType, *ast.MapType, *ast.StructType, *ast.FuncType, *ast.InterfaceType, *ast.ChanType:
		return true
	case *ast.SelectorExpr:
		if w.constant(e) == nil {
			w.walk(e.X)
			return true
		}
	}
	tv := w.p.info.Types[e]
	if tv.IsType() {
		return true
	}
	if tv.Value != nil {
		w.number(e, tv)
		return true
	}
	if b, ok := e.(*ast.BinaryExpr); ok {
		w.binary(b)
	}
	return false
}

func (w *finder) binary(b *ast.BinaryExpr) {
	op, ok := others[b.Op]
	if !ok {
		return
	}
	kind := b.Op.String() + " is " + op.String()
	if w.isBool(b) {
		w.addFunc(b, kind, false, func(m *mutant, self string, sub func(ast.Node) string) string {
			return fmt.Sprintf("(mutant(%d) && (%s %s %s) || !mutant(%d) && (%s))", m.number, sub(b.X), op, sub(b.Y), m.number, self)
		})
		return
	}
	t := w.p.info.Types[b].Type
	name := w.p.typeName(w.f, t)
	if basic, ok := t.Underlying().(*types.Basic); !ok || basic.Info()&types.IsInteger == 0 || name == "" {
		return
	}
	w.addFunc(b, kind, false, func(m *mutant, self string, sub func(ast.Node) string) string {
		return fmt.Sprintf("mutant_do[%s](%d, func() %s { return %s }, func() %s { return %s %s %s })", name, m.number, name, self, name, sub(b.X), op, sub(b.Y))
	})
}

// number notes that a constant may be another one: a number the next, a truth
// value its opposite.
func (w *finder) number(e ast.Expr, tv types.TypeAndValue) {
	name := w.p.typeName(w.f, tv.Type)
	if name == "" {
		return
	}
	switch tv.Value.Kind() {
	case constant.Bool:
		w.add(e, "not", "mutant_pick["+name+"](%d, %[2]s, !%[2]s)")
	case constant.Int:
		switch v, exact := constant.Int64Val(tv.Value); {
		case name == "time.Duration":
			w.add(e, "twice", "mutant_pick["+name+"](%d, %[2]s, 2*(%[2]s)+1)")
		case exact && v > 0 && slices.Contains([]int64{127, 255, 32767, 65535, 1<<31 - 1, 1<<32 - 1}, v):
			w.add(e, "one less", "mutant_pick["+name+"](%d, %[2]s, (%[2]s)-1)")
		default:
			w.add(e, "one more", "mutant_pick["+name+"](%d, %[2]s, (%[2]s)+1)")
		}
	}
}
