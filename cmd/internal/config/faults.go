package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong in the file.
type Fault struct {
	Line, Column int    // from 1
	Key          string // as in "card_profile[0].tar"; "" for the syntax
	Text         string // what is wrong and what to do
}

// Faults is everything that is wrong in a file. It is an error whose text has
// one line a fault, in the order of the file, in the form that editors jump to.
type Faults struct {
	File string
	List []Fault
}

func (f *Faults) Error() string {
	var b strings.Builder
	for i, x := range f.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d:%d: ", f.File, x.Line, x.Column)
		if x.Key != "" {
			b.WriteString(x.Key + ": ")
		}
		b.WriteString(x.Text)
	}
	return b.String()
}

func (f *Faults) add(p position, key, format string, args ...any) {
	f.List = append(f.List, Fault{Line: p.line, Column: p.column, Key: key, Text: fmt.Sprintf(format, args...)})
}

// err is nil when nothing is wrong.
func (f *Faults) err() error {
	if len(f.List) == 0 {
		return nil
	}
	slices.SortStableFunc(f.List, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f
}
