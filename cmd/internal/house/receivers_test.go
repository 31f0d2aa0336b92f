package house

import (
	"go/ast"
	"testing"
)

// What is written as octets is written by value, everywhere: a value and a
// pointer to it can both be given to who wants an encoding.BinaryAppender.
func TestAppendBinaryByValue(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "AppendBinary" && f.Name.Name != "MarshalBinary" {
				continue
			}
			if _, pointer := f.Recv.List[0].Type.(*ast.StarExpr); pointer {
				t.Errorf("%s:%d: %s has a pointer receiver", s.path, s.fset.Position(f.Pos()).Line, f.Name.Name)
			}
		}
	}
}
