//go:build linux

package proof

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const root = "../../.."

// swap is a place of the program that a broken build has otherwise: a text
// that stands once in the Go files of a folder, and what stands there instead.
type swap struct{ dir, text, instead string }

// breakage is a program that loses messages on purpose. It is made with "go
// build -overlay" out of the files of the product, which know nothing of it.
type breakage struct {
	swaps []swap
	more  string // a file of testdata that joins the folder of the first swap
}

var broken = map[string]breakage{
	// A message is acknowledged first and stored when there is time.
	"ack": {[]swap{{"mssp/engine", "func (e *Engine) Deliver(", "func (e *Engine) afterwards("}}, "deliver.txt"},
	// Nothing waits for the disk.
	"fsync": {[]swap{{"mssp/store", `{"synchronous", "FULL", "2"}`, `{"synchronous", "OFF", "0"}`}}, ""},
}

// mark makes the version of a broken program say what it is.
func mark(name string) swap {
	return swap{"cmd/simsign", "return v + rev + dirty +", fmt.Sprintf("return v + rev + dirty + \" BROKEN(%s)\" +", name)}
}

// binaries are the programs under test, each built once.
type binaries struct {
	mu   sync.Mutex
	dir  string
	made map[string]string
}

var built binaries

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "simsign-proof-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.dir, built.made = dir, map[string]string{}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// program builds simsign as it is (""), or broken.
func program(t testing.TB, breakage string) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if path, ok := built.made[breakage]; ok {
		return path
	}
	path := filepath.Join(built.dir, "simsign-"+breakage)
	args := []string{"build", "-trimpath", "-o", path}
	if breakage != "" {
		args = append(args, "-overlay", overlay(t, breakage))
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, "../../simsign")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	built.made[breakage] = path
	return path
}

// overlay writes the files of a broken program and returns the list that tells
// the Go tool which of the product's they replace.
func overlay(t testing.TB, name string) string {
	t.Helper()
	b := broken[name]
	replace := map[string]string{}
	for i, c := range append(b.swaps, mark(name)) {
		file, text := c.find(t)
		now := filepath.Join(built.dir, fmt.Sprintf("%s-%d.go", name, i))
		write(t, now, strings.Replace(text, c.text, c.instead, 1))
		replace[file] = now
	}
	if b.more != "" {
		replace[absolute(t, filepath.Join(root, b.swaps[0].dir, "broken.go"))] = absolute(t, filepath.Join("testdata", b.more))
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(built.dir, name+".json")
	write(t, file, string(list))
	return file
}

// find returns the only file that has the text: whoever moves it need not
// tell this test, whoever changes it must.
func (c swap) find(t testing.TB) (file, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, c.dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") || !strings.Contains(string(b), c.text) {
			continue
		}
		n += strings.Count(string(b), c.text)
		file, text = absolute(t, f), string(b)
	}
	if n != 1 {
		t.Fatalf("%s has %d times %q, which a broken build has otherwise: it must be there once", c.dir, n, c.text)
	}
	return file, text
}

func absolute(t testing.TB, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
