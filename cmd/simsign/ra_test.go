package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// raOperation is an operation in the document of the interface: the members that its
// message may have, and those that it must.
type raOperation struct {
	may  map[string]any
	must []string
}

// raOperations reads the document.
func raOperations(t *testing.T) map[string]raOperation {
	t.Helper()
	b, err := os.ReadFile("../../mssp/int3/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Properties map[string]any
						Required   []string
					}
				}
			}
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	all := map[string]raOperation{}
	for path, verbs := range doc.Paths {
		if post, ok := verbs["post"]; ok {
			s := post.RequestBody.Content["application/json"].Schema
			all[path] = raOperation{may: s.Properties, must: s.Required}
		}
	}
	if len(all) < 30 {
		t.Fatalf("only %d operations were found", len(all))
	}
	return all
}

// raWords are the words that make a command with all that it requires.
func raWords(leaf *kong.Node) []string {
	value := func(v *kong.Value) string {
		switch {
		case v.Enum != "":
			return strings.Split(v.Enum, ",")[0]
		case v.Target.Kind().String() == "string":
			return "x"
		}
		return "1"
	}
	words := []string{"ra", leaf.Name}
	for _, group := range leaf.AllFlags(false) {
		for _, f := range group {
			if f.Required {
				words = append(words, "--"+f.Name+"="+value(f.Value))
			}
		}
	}
	for _, p := range leaf.Positional {
		if p.Required {
			words = append(words, value(p))
		}
	}
	return words
}

// Every operation of the document has a command, and no command sends what the document
// does not have.
func TestEveryOperationHasACommand(t *testing.T) {
	all, sent := raOperations(t), map[string]string{}
	command := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, ok := all[r.URL.Path]
		if !ok {
			t.Errorf("%s: there is no operation %s", command, r.URL.Path)
		}
		m := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("%s: %v", command, err)
		}
		for name := range m {
			if _, ok := o.may[name]; !ok {
				t.Errorf("%s: %s has no member %s", command, r.URL.Path, name)
			}
		}
		for _, name := range o.must {
			if _, ok := m[name]; !ok {
				t.Errorf("%s: %s misses %s", command, r.URL.Path, name)
			}
		}
		sent[r.URL.Path] = command
		_, _ = w.Write([]byte(`{"result":"ok"}`))
	}))
	defer s.Close()
	p, err := kong.New(&commands{}, kong.Name("simsign"))
	if err != nil {
		t.Fatal(err)
	}
	socket := []string{"work", "confirm"} // clients of the operator's socket
	for _, leaf := range p.Model.Leaves(false) {
		if leaf.Parent.Name != "ra" || slices.Contains(socket, leaf.Name) {
			continue
		}
		send := func(more ...string) {
			words := slices.Concat(raWords(leaf), []string{"--server", s.URL}, more)
			command = "simsign " + strings.Join(words, " ")
			var out, errs bytes.Buffer
			if code := run(t.Context(), words, nil, &out, &errs); code != exitOK {
				t.Errorf("%s: exit code %d %s%s", command, code, out.String(), errs.String())
			}
		}
		send()
		for _, group := range leaf.AllFlags(false) {
			if slices.ContainsFunc(group, func(f *kong.Flag) bool { return f.Name == "built-in" }) {
				send("--built-in")
			}
		}
	}
	for path := range all {
		if sent[path] == "" {
			t.Errorf("no command is a client of %s", path)
		}
	}
}
