package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/txtar"
)

// Every command about RA, users and cards that ends and says something says it to
// programs too.
func TestEveryLeafHasJSON(t *testing.T) {
	p, err := kong.New(&commands{}, kong.Name("simsign"))
	if err != nil {
		t.Fatal(err)
	}
	devices := []string{"card attach"} // a card in a reader, until it is taken out
	n := 0
	for _, group := range p.Model.Children {
		if !slices.Contains([]string{"ra", "user", "card"}, group.Name) {
			continue
		}
		for _, leaf := range group.Leaves(false) {
			n++
			has := slices.ContainsFunc(leaf.AllFlags(false), func(fs []*kong.Flag) bool {
				return slices.ContainsFunc(fs, func(f *kong.Flag) bool { return f.Name == "json" })
			})
			name := strings.TrimPrefix(leaf.FullPath(), "simsign ")
			if has == slices.Contains(devices, name) {
				t.Errorf("%s has --json: %v", name, has)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d commands were found", n)
	}
}

// What can be done where no service runs prints one JSON value with --json, and nothing
// else.
func TestJSONOffline(t *testing.T) {
	script, err := filepath.Abs("testdata/script/parties.txtar")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	archive, err := txtar.ParseFile(script)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const number, iccid = "+41790000001", "8941000000000000001"
	json1 := func(args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), append(args, "--json"), nil, &out, &errs); code != exitOK || !json.Valid(out.Bytes()) {
			t.Errorf("simsign %s: exit code %d %s%s", strings.Join(args, " "), code, out.String(), errs.String())
		}
	}
	for _, args := range [][]string{
		{"card", "import", "cards.csv"},
		{"card", "list"},
		{"card", "show", iccid},
		{"card", "advance", iccid, "--confirm"},
		{"card", "emulate", "cards.csv", "--out", "cards"},
		{"card", "install", "cards.csv", "--out", "install.csv"},
		{"user", "add", "--msisdn", number, "--iccid", iccid, "--name", "Anna"},
		{"user", "list"},
		{"user", "show", "--msisdn", number},
		{"user", "identify", "--msisdn", number, "--how", "eid", "--by", "Shop"},
		{"user", "expiring"},
		{"user", "lift", "--msisdn", number},
		{"user", "pop", "--msisdn", number, "--channel", "screen"},
		{"ra", "work"},
		{"user", "erase", number, "--confirm", number},
	} {
		json1(args...)
	}
}
