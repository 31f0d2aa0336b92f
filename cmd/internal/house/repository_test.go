package house

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	root   = "../../.."
	module = "github.com/simsign/simsign"
)

// source is one Go file of the repository.
type source struct {
	path string // from the root, with slashes
	dir  string // "." for the root
	test bool
	text string
	fset *token.FileSet
	file *ast.File
}

// imports are the packages of this module that the file imports, without the
// module's name ("ota/sms").
func (s *source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		if rest, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// walk calls f for every file of the repository that could be part of it.
func walk(t *testing.T, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != root {
			return nil // it was there for a moment only: an editor's, or of another test
		}
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && (name == ".git" || name == "node_modules"):
			return filepath.SkipDir
		case d.Type().IsRegular():
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			f(filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// parsed are the sources: they are the same for every test.
var parsed struct {
	once sync.Once
	all  []*source
}

// sources are the Go files of the repository.
func sources(t *testing.T) []*source {
	t.Helper()
	parsed.once.Do(func() { parsed.all = parse(t) })
	if len(parsed.all) < 20 {
		t.Fatalf("found only %d Go files from %s", len(parsed.all), root)
	}
	return parsed.all
}

func parse(t *testing.T) (out []*source) {
	t.Helper()
	walk(t, func(path string) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		b, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, b, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &source{
			path: path, dir: filepath.ToSlash(filepath.Dir(path)),
			test: strings.HasSuffix(path, "_test.go"), text: string(b), fset: fset, file: file,
		})
	})
	return out
}
