package config

import (
	"errors"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// position is where something stands in the file, from 1.
type position struct{ line, column int }

// node is a table, an array or a value of the file, with its position.
type node struct {
	pos    position
	kind   unstable.Kind // Table (also inline), Array, or the kind of a value
	text   string        // of a value
	broken bool          // the syntax of its line is wrong, and that has been said
	keys   []string      // of a table, in order
	fields map[string]*node
	keyPos map[string]position
	items  []*node // of an array
}

func newTable(p position) *node {
	return &node{pos: p, kind: unstable.Table, fields: map[string]*node{}, keyPos: map[string]position{}}
}

func (n *node) set(key string, p position, v *node) {
	if _, ok := n.fields[key]; !ok {
		n.keys = append(n.keys, key)
		n.keyPos[key] = p
	}
	n.fields[key] = v
}

// maxSyntaxFaults ends the search: a file with more is something else than a
// configuration file.
const maxSyntaxFaults = 20

// simpleLine is a "key = value" on one line; group 1 ends before the value.
var simpleLine = regexp.MustCompile(`^(\s*[A-Za-z0-9_-]+\s*=\s*)([^\s#].*)$`)

// parseTree reads the syntax. A fault in a plain "key = value" line does not
// end the reading: the value is taken out, and the rest of the file is read
// as well. ok is false when the rest could not be made sense of.
func parseTree(data []byte, faults *Faults) (root *node, ok bool) {
	lines := strings.Split(string(data), "\n")
	broken := map[int]bool{}
	for range maxSyntaxFaults {
		text := []byte(strings.Join(lines, "\n"))
		err := toml.Unmarshal(text, &map[string]any{})
		if err == nil {
			return buildTree(text, broken), true
		}
		var de *toml.DecodeError
		if !errors.As(err, &de) {
			faults.add(position{1, 1}, "", "%v", err)
			return nil, false
		}
		line, column := de.Position()
		what := strings.TrimPrefix(de.Error(), "toml: ")
		if line < 1 || line > len(lines) {
			faults.add(position{1, 1}, "", "%s", what)
			return nil, false
		}
		m := simpleLine.FindStringSubmatch(lines[line-1])
		if m != nil && !broken[line] {
			broken[line] = true
			faults.add(position{line, len(m[1]) + 1}, strings.TrimRight(strings.TrimSpace(m[1]), " \t="), "%s%s", what, quoteHint(m[2]))
			lines[line-1] = m[1] + `""`
			if strings.ContainsAny(m[2], `[{`) || strings.Contains(m[2], `"""`) || strings.Contains(m[2], `'''`) {
				return nil, false // it may go on in the next lines
			}
			continue
		}
		if !broken[line] {
			faults.add(position{line, column}, "", "%s", what)
		} else if m == nil {
			return nil, false
		}
		if m == nil {
			return nil, false
		}
		lines[line-1] = "" // a key that stands twice
	}
	return nil, false
}

// bare is a value that somebody forgot to quote: TAR 000123, +46700000001, 127.0.0.1:80.
var bare = regexp.MustCompile(`^[A-Za-z0-9+./:_-]+$`)

func quoteHint(value string) string {
	if v := strings.TrimSpace(value); bare.MatchString(v) {
		return `; text needs quotes: "` + v + `"`
	}
	return ""
}

// buildTree makes the tree of a text that go-toml has found correct.
func buildTree(text []byte, broken map[int]bool) *node {
	var p unstable.Parser
	p.Reset(text)
	root := newTable(position{1, 1})
	b := treeBuilder{p: &p, broken: broken}
	at := root
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			at = b.table(root, e.Key())
		case unstable.ArrayTable:
			at = b.element(root, e.Key())
		case unstable.KeyValue:
			b.keyValue(at, e)
		}
	}
	return root
}

type treeBuilder struct {
	p      *unstable.Parser
	broken map[int]bool
}

func (b *treeBuilder) position(n *unstable.Node) position {
	s := b.p.Shape(n.Raw).Start
	return position{s.Line, s.Column}
}

// child is the table under key, made when it is new; of an array of tables
// it is the last element.
func (b *treeBuilder) child(at *node, k *unstable.Node) *node {
	key, pos := string(k.Data), b.position(k)
	next, ok := at.fields[key]
	if !ok {
		next = newTable(pos)
		at.set(key, pos, next)
	}
	if next.kind == unstable.Array && len(next.items) > 0 {
		return next.items[len(next.items)-1]
	}
	return next
}

func (b *treeBuilder) table(at *node, key unstable.Iterator) *node {
	for key.Next() {
		at = b.child(at, key.Node())
		at.pos = b.position(key.Node())
	}
	return at
}

func (b *treeBuilder) element(at *node, key unstable.Iterator) *node {
	for key.Next() {
		k := key.Node()
		if !key.IsLast() {
			at = b.child(at, k)
			continue
		}
		name, pos := string(k.Data), b.position(k)
		arr, ok := at.fields[name]
		if !ok {
			arr = &node{pos: pos, kind: unstable.Array}
			at.set(name, pos, arr)
		}
		el := newTable(pos)
		arr.items = append(arr.items, el)
		at = el
	}
	return at
}

func (b *treeBuilder) keyValue(at *node, e *unstable.Node) {
	for key := e.Key(); key.Next(); {
		k := key.Node()
		if !key.IsLast() {
			at = b.child(at, k)
			continue
		}
		pos := b.position(k)
		at.set(string(k.Data), pos, b.value(e.Value(), pos))
	}
}

// value makes the node of a value. Arrays and inline tables have no position
// of their own in the parser: they take that of their key.
func (b *treeBuilder) value(v *unstable.Node, key position) *node {
	switch v.Kind {
	case unstable.Array:
		n := &node{pos: key, kind: unstable.Array}
		for it := v.Children(); it.Next(); {
			n.items = append(n.items, b.value(it.Node(), key))
		}
		return n
	case unstable.InlineTable:
		n := newTable(key)
		for it := v.Children(); it.Next(); {
			b.keyValue(n, it.Node())
		}
		return n
	}
	pos := key
	if v.Raw.Length > 0 {
		pos = b.position(v)
	}
	return &node{pos: pos, kind: v.Kind, text: string(v.Data), broken: b.broken[pos.line]}
}
