package house

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// gate is a function through which the tests of a package reach the program:
// as a process, as the function that main calls, or started as the command
// does it, with its sockets.
type gate struct {
	dir, function string
	opens         string // the command that it is; "" where the test says the words
}

var gates = []gate{
	{"cmd/simsign", "run", ""},
	{"cmd/internal/e2e", "binary", ""},
	{"cmd/internal/proof", "program", ""},
	{"cmd/internal/app", "New", "simsign serve"},
	{"cmd/internal/app/demo", "Start", "simsign demo"},
}

// client is the package whose Client posts to clientRoute for a test.
const client, clientRoute = "mssp/rest", "POST /rest/service"

// reach is what a test comes to, by calls of functions of its package's tests:
// by name, so it is rather too much than too little.
type reach struct {
	dir   string
	names map[string]bool // every name in the functions
	texts [][]string      // the words of the texts in each call or list, in order
}

// reaches follows a test function of a folder.
func reaches(all []*source, dir, test string) *reach {
	bodies := map[string][]*ast.FuncDecl{}
	for _, s := range all {
		if s.test && s.dir == dir {
			for _, d := range s.file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok {
					bodies[f.Name.Name] = append(bodies[f.Name.Name], f)
				}
			}
		}
	}
	r := &reach{dir: dir, names: map[string]bool{}}
	r.follow(bodies, test)
	return r
}

func (r *reach) follow(bodies map[string][]*ast.FuncDecl, name string) {
	if r.names[name] {
		return
	}
	r.names[name] = true
	for _, f := range bodies[name] {
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				r.follow(bodies, n.Name)
			case *ast.CallExpr:
				r.texts = append(r.texts, words(n.Args))
			case *ast.CompositeLit:
				r.texts = append(r.texts, words(n.Elts))
			case *ast.BasicLit:
				r.texts = append(r.texts, strings.Fields(literal(n)))
			}
			return true
		})
	}
}

// words are those of the literals among the expressions, in order.
func words(list []ast.Expr) (out []string) {
	for _, x := range list {
		if call, ok := x.(*ast.CallExpr); ok { // append([]string{"sign"}, ...)
			out = append(out, words(call.Args)...)
		}
		if lit, ok := x.(*ast.CompositeLit); ok {
			out = append(out, words(lit.Elts)...)
		}
		out = append(out, strings.Fields(literal(x))...)
	}
	return out
}

// says tells whether the words stand one after the other in one of the texts.
func (r *reach) says(want []string) bool {
	return slices.ContainsFunc(r.texts, func(have []string) bool { return within(have, want) })
}

func within(have, want []string) bool {
	for i := range have {
		if len(have)-i >= len(want) && slices.Equal(have[i:i+len(want)], want) {
			return true
		}
	}
	return false
}

// opens tells why a test does not go through a door; "" if it does.
func (r *reach) opens(door string, clients map[string]bool) string {
	through := func(g gate) bool { return g.dir == r.dir && r.names[g.function] }
	i := slices.IndexFunc(gates, through)
	if i < 0 {
		return "the test does not reach the program: not by one of the functions that doors_test.go calls gates"
	}
	command, isCommand := strings.CutPrefix(door, "simsign ")
	switch {
	case isCommand && (slices.ContainsFunc(gates, func(g gate) bool { return through(g) && g.opens == door }) || r.says(strings.Fields(command))):
		return ""
	case isCommand:
		return "the test does not say " + command
	case r.asks(pathOf(door)) || door == clientRoute && r.calls(clients):
		return ""
	}
	return "the test asks nobody for " + pathOf(door)
}

// asks tells whether a text of the test has the path, alone or in a URL.
func (r *reach) asks(path string) bool {
	at := regexp.MustCompile(regexp.QuoteMeta(path) + `($|[?"/ ])`)
	return slices.ContainsFunc(r.texts, func(words []string) bool { return slices.ContainsFunc(words, at.MatchString) })
}

// calls tells whether the test calls a method of the client.
func (r *reach) calls(clients map[string]bool) bool {
	for name := range clients {
		if r.names[name] {
			return true
		}
	}
	return false
}

// clientMethods are the exported methods of the client.
func clientMethods(all []*source) map[string]bool {
	out := map[string]bool{}
	for _, s := range all {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.dir == client && !s.test && f.Recv != nil && receiver(f) == "Client" && f.Name.IsExported() {
				out[f.Name.Name] = true
			}
		}
	}
	return out
}

// scriptSays tells whether a test script types a command: the words after
// "simsign", or the path of a route.
func scriptSays(text, door string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if want := strings.Fields(door); want[0] == "simsign" && within(f, want) || route.MatchString(door) && strings.Contains(line, pathOf(door)) {
			return true
		}
	}
	return false
}

// The rule finds a test that goes through a door, and one that does not.
func TestDoorsFind(t *testing.T) {
	all := sources(t)
	clients := clientMethods(all)
	for _, tc := range []struct {
		dir, test, door string
		want            bool
	}{
		{"cmd/internal/e2e", "TestJourney", "simsign serve", true},
		{"cmd/internal/e2e", "TestJourney", "simsign user register", true},
		{"cmd/internal/e2e", "TestJourney", "simsign ap disable", false},
		{"cmd/internal/e2e", "TestStopAndTimeOut", "POST /rest/service", true},
		{"cmd/internal/e2e", "TestKilled", "POST /rest/service", true},
		{"cmd/internal/e2e", "TestKilled", "GET /ask/{id}/signature", false},
		{"cmd/internal/app", "TestReadiness", "GET /readyz", true},
		{"cmd/internal/app", "TestReadiness", "simsign serve", true},
		{"cmd/internal/app", "TestHealthAge", "GET /readyz", false},
		{"cmd/internal/app/demo", "TestBothUsersSign", "simsign demo", true},
		{"cmd/internal/app/demo", "TestBothUsersSign", "simsign serve", false},
		{"cmd/simsign", "TestHandset", "simsign handset", true},
		{"cmd/simsign", "TestPrintable", "simsign handset", false},
		{"mssp/engine", "TestEnrol", "simsign user register", false},
	} {
		if why := reaches(all, tc.dir, tc.test).opens(tc.door, clients); (why == "") != tc.want {
			t.Errorf("%s %s through %s: %q, want it to: %v", tc.dir, tc.test, tc.door, why, tc.want)
		}
	}
	if script := "exec simsign ca init --name X\n# simsign ap list\n"; !scriptSays(script, "simsign ca init") || scriptSays(script, "simsign ap list") {
		t.Error("a script says what it runs, and a comment runs nothing")
	}
}
