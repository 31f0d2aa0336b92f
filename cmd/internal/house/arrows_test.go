package house

import (
	"slices"
	"strings"
	"testing"
)

// arrow forbids what the files under from import.
type arrow struct {
	from, to  string   // folders; a folder stands for all under it
	except    []string // folders under from that may
	spared    []string // folders under to that they may
	testsToo  bool
	otherwise string // why
}

var arrows = []arrow{
	{from: "smpp", to: "mssp", testsToo: true, otherwise: "smpp is a library for anybody"},
	{from: "modem", to: "mssp", testsToo: true, otherwise: "modem is a library for anybody"},
	{from: "ota", to: "mssp", testsToo: true, otherwise: "ota is a library for anybody"},
	{from: "applet", to: "mssp", testsToo: true, otherwise: "applet is a library for anybody"},
	{from: ".", to: "cmd", except: []string{"cmd"}, testsToo: true, otherwise: "cmd is the end of every arrow"},
	{from: "cmd", to: "cmd/internal/app", except: []string{"cmd/simsign", "cmd/internal/app"}, otherwise: "app wires the others; they do not know it"},
	// The server side and the card side meet only over SMS TPDUs on a network.
	{from: "mssp", to: "applet/card", otherwise: "the card is reached only as a real one is"},
	{from: "mssp", to: "applet/handset", otherwise: "the handset is reached only by short messages"},
	{from: "ota", to: "applet", otherwise: "bearers carry messages and do not know the applet"},
	{from: "applet", to: "ota/bearer", except: []string{"applet/handset"}, otherwise: "a card knows only APDUs"},
	{from: "applet", to: "ota/keys", otherwise: "the gateway's key store is not for cards"},
	{from: "applet/card/signing", to: "applet/card", spared: []string{"applet/card/uicc"}, testsToo: true, otherwise: "an applet has the calls of a toolkit and not the card"},
	{from: "applet/card/neighbour", to: "applet/card", spared: []string{"applet/card/uicc"}, testsToo: true, otherwise: "an applet has the calls of a toolkit and not the card"},
	{from: "applet/card/uicc", to: "applet/card", testsToo: true, otherwise: "the calls between card and applet belong to neither"},
	{from: "applet/card", to: "applet/handset", otherwise: "a card knows only APDUs"},
	{from: "applet/handset", to: "applet/card", otherwise: "a handset knows its card only by APDUs"},
}

func under(dir, folder string) bool {
	return folder == "." || dir == folder || strings.HasPrefix(dir, folder+"/")
}

// Who may import whom. The arrows keep each library usable alone and the
// emulated card as far away as a real one.
func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		for _, bad := range violations(s.dir, s.test, s.imports()) {
			t.Errorf("%s %s", s.path, bad)
		}
	}
}

func violations(dir string, test bool, imports []string) (out []string) {
	for _, a := range arrows {
		if !under(dir, a.from) || slices.ContainsFunc(a.except, func(x string) bool { return under(dir, x) }) || test && !a.testsToo {
			continue
		}
		for _, i := range imports {
			spared := slices.ContainsFunc(a.spared, func(x string) bool { return under(i, x) })
			if under(i, a.to) && i != dir && !spared {
				out = append(out, "imports "+i+": "+a.otherwise)
			}
		}
	}
	return out
}

// The rule finds what it is there to find.
func TestArrowsFind(t *testing.T) {
	for _, tc := range []struct {
		dir     string
		test    bool
		imports string
		bad     bool
	}{
		{"ota", false, "mssp", true},
		{"ota/bearer/smpp", true, "mssp/engine", true},
		{"applet/card", false, "ota/sms", false},
		{"applet/card", false, "ota/bearer", true},
		{"applet/card/signing", false, "applet/card", true},
		{"applet/card/signing", true, "applet/card", true},
		{"applet/card/signing", false, "applet/card/uicc", false},
		{"applet/card/signing", false, "applet/card/neighbour", true},
		{"applet/card/neighbour", false, "applet/card/signing", true},
		{"applet/card/neighbour", false, "applet/card/uicc", false},
		{"applet/card/uicc", false, "applet/card/signing", true},
		{"applet/card", false, "applet/card/signing", false},
		{"mssp/engine", false, "applet", false},
		{"mssp/engine", false, "applet/card", true},
		{"mssp/engine", true, "applet/card", false},
		{"mssp/engine", false, "cmd/internal/config", true},
		{"cmd/internal/console", false, "cmd/internal/app", true},
		{"cmd/simsign", false, "cmd/internal/app", false},
		{"cmd/internal/app", false, "applet/card", false},
	} {
		if have := violations(tc.dir, tc.test, []string{tc.imports}); (len(have) > 0) != tc.bad {
			t.Errorf("%s imports %s: %q, want a fault: %v", tc.dir, tc.imports, have, tc.bad)
		}
	}
}

// Top-level folders are few on purpose.
func TestTopLevel(t *testing.T) {
	allowed := []string{"cmd", "smpp", "modem", "ota", "applet", "mssp", "configs", "systemd", ".ci", "go.mod", "go.sum", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", ".gitignore"}
	walk(t, func(path string) {
		top, _, _ := strings.Cut(path, "/")
		// What a run leaves here (a database, a signature) is nobody's fault.
		if strings.HasPrefix(path, "data/") || strings.HasPrefix(path, "demo-data/") || path == top && !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".md") {
			return
		}
		if !slices.Contains(allowed, top) {
			t.Errorf("%s: nothing is meant to be there", path)
		}
	})
}
