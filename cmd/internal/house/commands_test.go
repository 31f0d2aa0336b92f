package house

import (
	"go/ast"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// command is a node of the tree of commands that cmd/simsign gives to kong.
type command struct {
	help  string
	below map[string]*command
	words []string // values of its first argument, where the tag lists them
}

// commandTree reads the tree off the tags, as kong does.
func commandTree(t *testing.T, all []*source) *command {
	t.Helper()
	types := map[string]*ast.StructType{}
	for _, s := range all {
		if s.dir != "cmd/simsign" || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if st, ok := spec.Type.(*ast.StructType); ok {
					types[spec.Name.Name] = st
				}
			}
			return true
		})
	}
	if types["commands"] == nil {
		t.Fatal("cmd/simsign has no struct commands")
	}
	return commandOf(types, types["commands"])
}

func commandOf(types map[string]*ast.StructType, st *ast.StructType) *command {
	c := &command{below: map[string]*command{}}
	for _, f := range st.Fields.List {
		id, _ := f.Type.(*ast.Ident)
		if len(f.Names) == 0 { // embedded: its fields are fields of this one
			if id != nil && types[id.Name] != nil {
				in := commandOf(types, types[id.Name])
				c.words = append(c.words, in.words...)
			}
			continue
		}
		if f.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
		if _, ok := tag.Lookup("arg"); ok && c.words == nil && tag.Get("enum") != "" {
			c.words = strings.Split(tag.Get("enum"), ",")
		}
		if _, ok := tag.Lookup("cmd"); ok && id != nil && types[id.Name] != nil {
			name := tag.Get("name")
			if name == "" {
				name = dashed(f.Names[0].Name)
			}
			c.below[name] = commandOf(types, types[id.Name])
			c.below[name].help = tag.Get("help")
		}
	}
	return c
}

// dashed is the name that kong makes of a field's: VerifyVectors, verify-vectors.
func dashed(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(rune(name[i-1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// has tells whether somebody can type these words, without "simsign": a
// command that runs, and perhaps one value of its argument.
func (c *command) has(words []string) bool {
	for i, w := range words {
		next := c.below[w]
		if next == nil {
			return len(c.below) == 0 && i == len(words)-1 && i > 0 && slices.Contains(c.words, w)
		}
		c = next
	}
	return len(words) > 0 && len(c.below) == 0
}

// The tree is read as kong reads it.
func TestCommandTree(t *testing.T) {
	tree := commandTree(t, sources(t))
	for words, want := range map[string]bool{
		"serve": true, "user add": true, "user code unblock": true, "ota verify-vectors": true, "smsc run": true, "ap enable": true,
		"": false, "user": false, "user fly": false, "user code mend": false, "serve me": false, "unblock": false,
	} {
		if have := tree.has(strings.Fields(words)); have != want {
			t.Errorf("simsign %s: a command: %v, want %v", words, have, want)
		}
	}
}

// The line of a command in the help names each command below it.
func TestHelpNamesCommands(t *testing.T) {
	var walk func(name string, c *command)
	walk = func(name string, c *command) {
		words := strings.FieldsFunc(c.help, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' })
		for n, below := range c.below {
			if name != "" && !slices.Contains(words, n) {
				t.Errorf("the help of simsign%s says %q and does not name %s", name, c.help, n)
			}
			walk(name+" "+n, below)
		}
	}
	walk("", commandTree(t, sources(t)))
}
