package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// decoder fills the structs from the tree and collects faults on the way.
type decoder struct{ faults *Faults }

// table fills the struct v from n. A nil n leaves the defaults.
func (d *decoder) table(n *node, v reflect.Value, path string) {
	known := map[string]bool{}
	d.keys(n, v, path)
	keysIn(v.Type(), known)
	if n == nil {
		return
	}
	for _, k := range n.keys {
		if !known[k] {
			d.faults.add(n.keyPos[k], join(path, k), "unknown key%s", suggest(k, known))
		}
	}
}

// keys fills the fields of v; those of an embedded struct are keys of the same table.
func (d *decoder) keys(n *node, v reflect.Value, path string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("toml")
		switch {
		case f.Anonymous:
			d.keys(n, v.Field(i), path)
		case name != "":
			var child *node
			if n != nil {
				child = n.fields[name]
			}
			d.field(n, child, f, v.Field(i), join(path, name))
		}
	}
}

// keysIn notes the keys of a struct.
func keysIn(t reflect.Type, known map[string]bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		switch name := f.Tag.Get("toml"); {
		case f.Anonymous:
			keysIn(f.Type, known)
		case name != "":
			known[name] = true
		}
	}
}

func keysOf[T any](known map[string]bool) { keysIn(reflect.TypeFor[T](), known) }

func (d *decoder) field(parent, n *node, f reflect.StructField, v reflect.Value, path string) {
	if n == nil {
		if def, ok := f.Tag.Lookup("default"); ok {
			d.setDefault(def, v, path)
		}
		if _, required := f.Tag.Lookup("sample"); required && parent != nil {
			d.faults.add(parent.pos, path, "missing; for example: %s = %s", f.Tag.Get("toml"), literal(f.Type, f.Tag.Get("sample")))
		}
		if f.Type.Kind() == reflect.Struct && !isText(f.Type) {
			d.table(nil, v, path)
		}
		return
	}
	before := len(d.faults.List)
	d.value(n, v, path)
	if v.Kind() == reflect.Int && len(d.faults.List) == before && !n.broken {
		d.bounds(n, f, v.Int(), path)
	}
}

func (d *decoder) bounds(n *node, f reflect.StructField, x int64, path string) {
	least, most := f.Tag.Get("min"), f.Tag.Get("max")
	a, errA := strconv.ParseInt(least, 10, 64)
	b, errB := strconv.ParseInt(most, 10, 64)
	if errA == nil && x < a || errB == nil && x > b {
		d.faults.add(n.pos, path, "must be between %s and %s, is %d", least, most, x)
	}
}

// value sets v from n by the type of v.
func (d *decoder) value(n *node, v reflect.Value, path string) {
	if n.broken {
		return
	}
	if isText(v.Type()) {
		d.text(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if d.kind(n, unstable.Table, "a table", path) {
			d.table(n, v, path)
		}
	case reflect.Slice:
		if !d.kind(n, unstable.Array, "a list in brackets", path) {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
		for i, it := range n.items {
			d.value(it, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.String:
		if d.kind(n, unstable.String, "text in quotes", path) {
			v.SetString(n.text)
		}
	case reflect.Bool:
		if d.kind(n, unstable.Bool, "true or false", path) {
			v.SetBool(n.text == "true")
		}
	case reflect.Int:
		if d.kind(n, unstable.Integer, "a whole number", path) {
			x, err := strconv.ParseInt(n.text, 0, 64)
			if err != nil || x > math.MaxInt32 || x < math.MinInt32 {
				d.faults.add(n.pos, path, "number out of range")
				return
			}
			v.SetInt(x)
		}
	default:
		panic("config: no decoding for " + v.Type().String())
	}
}

// text sets a value that knows how to read itself.
func (d *decoder) text(n *node, v reflect.Value, path string) {
	if n.text == "" && n.kind != unstable.String {
		d.kind(n, unstable.String, "text in quotes", path)
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text)); err != nil {
		d.faults.add(n.pos, path, "%v", err)
	} else if n.kind != unstable.String {
		d.faults.add(n.pos, path, "needs quotes: %q", n.text)
	}
}

func (d *decoder) kind(n *node, want unstable.Kind, words, path string) bool {
	if n.kind == want {
		return true
	}
	have := strings.ToLower(n.kind.String())
	if n.kind == unstable.Table {
		have = "table"
	}
	d.faults.add(n.pos, path, "needs %s, has %s %s", words, article(have), have)
	return false
}

func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an"
	}
	return "a"
}

// setDefault sets a default from its tag. Defaults are part of the program:
// a wrong one is a bug that every test finds.
func (d *decoder) setDefault(def string, v reflect.Value, path string) {
	if v.Kind() == reflect.Slice && !isText(v.Type()) {
		for e := range strings.SplitSeq(def, ", ") {
			el := reflect.New(v.Type().Elem()).Elem()
			d.setDefault(e, el, path)
			v.Set(reflect.Append(v, el))
		}
		return
	}
	n := &node{text: def, kind: unstable.String}
	switch {
	case isText(v.Type()):
	case v.Kind() == reflect.Bool:
		n.kind = unstable.Bool
	case v.Kind() == reflect.Int:
		n.kind = unstable.Integer
	}
	d.value(n, v, path)
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// literal writes a tag value as TOML.
func literal(t reflect.Type, s string) string {
	switch {
	case t.Kind() == reflect.Slice && !isText(t):
		parts := strings.Split(s, ", ")
		for i, p := range parts {
			parts[i] = literal(t.Elem(), p)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case t.Kind() == reflect.String || isText(t):
		return strconv.Quote(s)
	}
	return s
}

// suggest names the known key that is most like an unknown one.
func suggest(key string, known map[string]bool) string {
	best, bestD := "", 3
	for k := range known {
		if x := distance(key, k); x < bestD || x == bestD && k < best {
			best, bestD = k, x
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is the number of insertions, removals and replacements between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost = 1 + min(diag, row[j], row[j+1])
			}
			diag, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
