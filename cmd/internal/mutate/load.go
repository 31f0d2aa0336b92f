package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// pkg is a package of the product with its types.
type pkg struct {
	path, dir, rel string // rel: the folder below the root of the module
	fset           *token.FileSet
	files          []*file
	info           *types.Info
	types          *types.Package
	importer       types.Importer
}

// file is one of its files.
type file struct {
	path, rel string
	text      []byte
	ast       *ast.File
}

// listed is what "go list" says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	TestGoFiles             []string
	XTestGoFiles            []string
	DepOnly, Standard       bool
	Module                  struct{ Dir string }
}

// load reads and type-checks the packages of a pattern. What they import comes
// from the compiler's own export data.
func load(ctx context.Context, pattern string) ([]*pkg, error) {
	all, err := list(ctx, "-export", "-deps", pattern, "os", "strconv", "sync/atomic")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, l := range all {
		exports[l.ImportPath] = l.Export
	}
	var out []*pkg
	for _, l := range all {
		if l.DepOnly || l.Standard || len(l.GoFiles) == 0 {
			continue
		}
		p, err := check(l, exports)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func list(ctx context.Context, args ...string) (out []listed, err error) {
	args = append([]string{"list", "-json=ImportPath,Dir,Export,GoFiles,TestGoFiles,XTestGoFiles,DepOnly,Standard,Module"}, args...)
	b, err := goTool(ctx, args...)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var l listed
		if err := d.Decode(&l); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
}

// goTool runs the Go tool as it builds what is shipped.
func goTool(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	b, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, &complaints)
	}
	return b, nil
}

func check(l listed, exports map[string]string) (*pkg, error) {
	p := &pkg{path: l.ImportPath, dir: l.Dir, fset: token.NewFileSet()}
	p.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	rel, err := filepath.Rel(l.Module.Dir, l.Dir)
	if err != nil {
		return nil, err
	}
	p.rel = filepath.ToSlash(rel)
	var parsed []*ast.File
	for _, name := range l.GoFiles {
		f := &file{path: filepath.Join(l.Dir, name), rel: path.Join(p.rel, name)}
		if f.text, err = os.ReadFile(f.path); err != nil {
			return nil, err
		}
		if f.ast, err = parser.ParseFile(p.fset, f.path, f.text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return nil, err
		}
		p.files, parsed = append(p.files, f), append(parsed, f.ast)
	}
	p.importer = importer.ForCompiler(p.fset, "gc", func(name string) (io.ReadCloser, error) {
		if exports[name] == "" {
			return nil, fmt.Errorf("no export data of %s", name)
		}
		return os.Open(exports[name])
	})
	conf := types.Config{Importer: p.importer}
	if p.types, err = conf.Check(p.path, p.fset, parsed, p.info); err != nil {
		return nil, err
	}
	return p, nil
}

// offset is where a position is in the text of its file.
func (p *pkg) offset(at token.Pos) int { return p.fset.Position(at).Offset }

// typeName is how a file of the package writes a type; "" when it cannot,
// because it does not import where the type comes from.
func (p *pkg) typeName(f *file, t types.Type) string {
	bad := false
	s := types.TypeString(t, func(other *types.Package) string {
		if other == p.types {
			return ""
		}
		for _, i := range f.ast.Imports {
			if strings.Trim(i.Path.Value, `"`) == other.Path() {
				if i.Name == nil {
					return other.Name()
				}
				return i.Name.Name
			}
		}
		bad = true
		return "_"
	})
	if b, ok := t.(*types.Basic); bad || ok && b.Info()&types.IsUntyped != 0 {
		return ""
	}
	return s
}
