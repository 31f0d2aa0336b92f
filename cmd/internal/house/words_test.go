package house

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A comment for a linter that nobody runs explains nothing to anybody.
func TestNoLinterComments(t *testing.T) {
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if strings.Contains(c.Text, "no"+"lint") {
					t.Errorf("%s: a comment for a linter: say why in plain words, or nothing", s.fset.Position(c.Pos()))
				}
			}
		}
	}
}

var (
	logKey  = regexp.MustCompile(`^[a-z]+$`)
	loggers = []string{"Debug", "Info", "Warn", "Error", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "Log", "LogAttrs"}
	attrs   = []string{"String", "Int", "Int64", "Uint64", "Bool", "Any", "Duration", "Time", "Float64", "Group", "Attr"}
)

// Keys of the log are one lower-case word each: people type them into filters.
func TestLogKeys(t *testing.T) {
	keys := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			for _, key := range keysOf(n) {
				text := literal(key)
				keys[text] = true
				if text != "" && !logKey.MatchString(text) {
					t.Errorf("%s: the log key %q is not one lower-case word", s.fset.Position(key.Pos()), text)
				}
			}
			return true
		})
	}
	if len(keys) < 20 {
		t.Errorf("only %d keys were found: %v", len(keys), keys)
	}
}

// keysOf are the keys in a call of a logger: what follows the message, which is
// a literal, or the first of all in With.
func keysOf(n ast.Node) (out []ast.Expr) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return nil
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if x, ok := sel.X.(*ast.Ident); ok && x.Name == "slog" && slices.Contains(attrs, sel.Sel.Name) {
		return call.Args[:1]
	}
	from := slices.IndexFunc(call.Args, func(a ast.Expr) bool { return literal(a) != "" })
	switch {
	case sel.Sel.Name == "With" && from == 0:
	case slices.Contains(loggers, sel.Sel.Name) && from >= 0:
		from++
	default:
		return nil
	}
	for i := from; i < len(call.Args); i += 2 {
		if literal(call.Args[i]) == "" { // slog.Attr, or no logger at all
			break
		}
		out = append(out, call.Args[i])
	}
	return out
}
