package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A configuration that is cut off anywhere, or has a line of something else in
// it, is refused with the place, or is whole without what it has lost; and no
// command that needs it does anything.
//
// Covers: F8 via simsign check
func TestCheckHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("some 1500 files, and one goroutine that reads them")
	}
	whole, err := os.ReadFile("../../configs/simsign.toml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "simsign.toml")
	// The command line is the same each time and takes most of the time: it is read for
	// one line in eight, the command behind it is called for each.
	check := func(text string, line int) (int, string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if line%8 == 0 {
			return run(t.Context(), []string{"check", "-c", file}, strings.NewReader(""), &out, &errs), errs.String()
		}
		c := &cli{ctx: t.Context(), stdout: &out, stderr: &errs}
		return c.report((&CheckCmd{ConfigFlag: ConfigFlag{Config: file}}).Run(c)), errs.String()
	}
	if code, errs := check(string(whole), 0); code != exitOK {
		t.Fatalf("the example: exit code %d, %s", code, errs)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	refused := 0
	for i := range lines {
		before, after := strings.Join(lines[:i], ""), strings.Join(lines[i:], "")
		for name, text := range map[string]string{
			"cut off":        before + lines[i][:len(lines[i])/2],
			"noise":          before + "\x00\xff = [[\n" + after,
			"an unknown key": before + "no_such_key = 1\n" + after,
			"an open string": before + "listen = \"127.0.0.1\n" + after,
		} {
			code, errs := check(text, i)
			if code != exitOK {
				refused++
			}
			if code != exitOK && !strings.Contains(errs, "simsign.toml:") && !strings.Contains(errs, "missing") || code == exitOK && name != "cut off" {
				t.Errorf("%s at line %d: exit code %d, %s", name, i+1, code, errs)
			}
		}
	}
	if refused < 3*len(lines) {
		t.Errorf("only %d files were refused", refused)
	}
}
