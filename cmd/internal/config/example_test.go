package config

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write configs/simsign.toml anew")

const exampleFile = "../../../configs/simsign.toml"

const exampleHead = `# Configuration of simsign.
#
# "simsign check -c FILE" tells everything that is wrong with such a file, with
# line and column; unknown keys are refused. A key behind a comment sign shows
# an example; every other key shows what holds when it is absent, except in
# [[bearer]], [[card_profile]] and [[signature_profile]]: these sections describe
# your network, cards and services. Texts, numbers of persons and hexadecimal
# values stand in quotes. Secrets are never in this file.

`

// The example is the documentation of the structs: their comments and tags,
// in their order. It is accepted as it stands, and it says what the defaults say.
func TestExample(t *testing.T) {
	want := example(t)
	if *update {
		if err := os.WriteFile(exampleFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Fatalf("%s is stale: go test ./cmd/internal/config -update", exampleFile)
	}
	c, err := Load(exampleFile)
	if err != nil {
		t.Fatalf("the example is refused:\n%v", err)
	}

	// What the example sets besides the sections of the site must be the default.
	site := have[bytes.Index(have, []byte("\n[[")):]
	d, err := Parse(exampleFile, site, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if !c.RetentionWritten() || d.RetentionWritten() {
		t.Error("[retention] stands in the example, and not in the site alone")
	}
	if !c.DemandsIdentity() || d.DemandsIdentity() {
		t.Error("an identity is demanded by the example, and not by the site alone")
	}
	d.written, d.registers = true, true
	if !reflect.DeepEqual(c, d) {
		t.Errorf("the example differs from the defaults:\n%+v\n%+v", c, d)
	}
}

// Every example value would be accepted in its place, as far as its type goes.
func TestExampleValues(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			for _, tag := range []string{"default", "example", "sample"} {
				text, ok := f.Tag.Lookup(tag)
				if !ok || f.Anonymous {
					continue
				}
				d := &decoder{faults: &Faults{}}
				d.setDefault(text, reflect.New(f.Type).Elem(), f.Name)
				if err := d.faults.err(); err != nil {
					t.Errorf("%s %s: %v", typ.Name(), tag, err)
				}
			}
			switch {
			case isText(f.Type):
			case f.Type.Kind() == reflect.Struct:
				walk(f.Type)
			case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct && !isText(f.Type.Elem()):
				walk(f.Type.Elem())
			}
		}
	}
	walk(reflect.TypeFor[Config]())
}

// example writes the file from the structs.
func example(t *testing.T) []byte {
	docs := fieldDocs(t)
	var b bytes.Buffer
	b.WriteString(exampleHead)
	top := reflect.TypeFor[Config]()
	writeFields(&b, docs, top)
	for i := range top.NumField() {
		f := top.Field(i)
		name := f.Tag.Get("toml")
		switch {
		case name == "" || isText(f.Type):
		case f.Type.Kind() == reflect.Struct:
			fmt.Fprintf(&b, "\n%s[%s]\n", comment(docs[f.Type.Name()]), name)
			writeFields(&b, docs, f.Type)
		case f.Type.Kind() == reflect.Slice:
			el := f.Type.Elem()
			fmt.Fprintf(&b, "\n%s[[%s]]\n", comment(docs[el.Name()]), name)
			writeFields(&b, docs, el)
			if name == "bearer" {
				writeKind[SMPP](&b, docs, "smpp", "north", "network and emulate")
				writeKind[Modem](&b, docs, "modem", "stick", "network and emulate; receipts and country_code of smpp too")
			}
			if name == "signature_profile" {
				fmt.Fprintf(&b, "\n[[%s]]\nuri = %q\nusage = %q\n", name, "http://localhost/simsign/signature", "non-repudiation")
			}
		}
	}
	return b.Bytes()
}

func writeFields(b *bytes.Buffer, docs map[string]string, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			continue // shown apart
		}
		name, doc := f.Tag.Get("toml"), docs[t.Name()+"."+f.Name]
		b.WriteString(comment(doc))
		if s, ok := f.Tag.Lookup("default"); ok {
			fmt.Fprintf(b, "%s = %s\n", name, literal(f.Type, s))
		} else if s, ok := f.Tag.Lookup("sample"); ok {
			fmt.Fprintf(b, "%s = %s\n", name, literal(f.Type, s))
		} else if s, ok := f.Tag.Lookup("example"); ok {
			fmt.Fprintf(b, "#%s = %s\n", name, literal(f.Type, s))
		}
	}
}

// writeKind shows a bearer of another kind behind comment signs.
func writeKind[T any](b *bytes.Buffer, docs map[string]string, kind, name, but string) {
	var s bytes.Buffer
	t := reflect.TypeFor[T]()
	writeFields(&s, docs, t)
	fmt.Fprintf(b, "\n%s# The keys above hold for it too, but for %s.\n#[[bearer]]\n#name = %q\n#kind = %q\n", comment(docs[t.Name()]), but, name, kind)
	for line := range strings.Lines(s.String()) {
		if line[0] != '#' {
			line = "#" + line
		}
		b.WriteString(line)
	}
}

func comment(doc string) string {
	var b strings.Builder
	for line := range strings.Lines(doc) {
		b.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return b.String()
}

// fieldDocs reads the comments of the structs: "Type" and "Type.Field".
func fieldDocs(t *testing.T) map[string]string {
	docs := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			s := g.Specs[0].(*ast.TypeSpec)
			st, ok := s.Type.(*ast.StructType)
			if !ok {
				continue
			}
			// "API is the web service" reads better as "The web service" in the file.
			doc := g.Doc.Text()
			for _, verb := range []string{" is ", " are ", " holds ", " keep ", " carries "} {
				if rest, ok := strings.CutPrefix(doc, s.Name.Name+verb); ok {
					if verb == " is " || verb == " are " {
						verb = " "
					}
					rest = strings.TrimSpace(verb) + " " + rest
					rest = strings.TrimSpace(rest)
					doc = strings.ToUpper(rest[:1]) + rest[1:]
					break
				}
			}
			docs[s.Name.Name] = doc
			for _, field := range st.Fields.List {
				if len(field.Names) == 1 {
					docs[s.Name.Name+"."+field.Names[0].Name] = field.Doc.Text()
				}
			}
		}
	}
	return docs
}
