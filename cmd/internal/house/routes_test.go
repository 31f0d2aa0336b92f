package house

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// route is what net/http takes for a pattern: "GET /readyz".
var route = regexp.MustCompile(`^(GET|POST) /\S*$`)

// routes are the patterns in the files of the program: whoever serves a path
// has it there as one text with its method.
func routes(all []*source) map[string]bool {
	out := map[string]bool{}
	for _, s := range all {
		if s.test || !under(s.dir, "mssp") && !under(s.dir, "cmd") || s.dir == "cmd/internal/house" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if text := literal(n); route.MatchString(text) {
				out[text] = true
			}
			if kv, ok := n.(*ast.KeyValueExpr); ok && s.dir == "mssp/int3" { // its table has the paths of what is posted
				if k, ok := kv.Key.(*ast.Ident); ok && k.Name == "path" {
					out["POST "+literal(kv.Value)] = true
				}
			}
			return true
		})
	}
	return out
}

// literal is the text of a literal, "" for everything else.
func literal(n ast.Node) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// pathOf is the path of a route, up to its first variable part.
func pathOf(route string) string {
	_, p, _ := strings.Cut(route, " ")
	p, _, _ = strings.Cut(p, "{")
	return p
}

// The routes of each plane are found.
func TestRoutes(t *testing.T) {
	all := routes(sources(t))
	for _, want := range []string{"GET /readyz", "GET /metrics", "POST /ask", "POST /rest/service", "GET /ca.crl", "POST /ocsp"} {
		if !all[want] {
			t.Errorf("no route %s", want)
		}
	}
}
