// Package fieldtest walks the fields of a type, for tests of whatever must not
// forget one: a row and its scan function, a codec, a tag over a record, a copy.
//
// Such a test that names the fields stays green when a field is added and
// forgotten. One that walks the type does not: a field that is new is filled and
// changed here without anybody's doing, and either arrives, or its test says
// that it does not. So a test has the short list of what is left out, with the
// reason, and never the long list of what is in.
//
// A field is a leaf: a string, a number, a truth value, octets, a time. Structs,
// arrays, pointers and lists are walked; a list has one element.
package fieldtest

import (
	"bytes"
	"reflect"
	"strconv"
	"testing"
	"time"
)

// Each calls f with a value in which no field is zero, and then, for each field,
// with one that differs from the first in that field alone. What is zero in base
// is filled with values that stand nowhere else; other are the second values of
// fields that take only some. f gets a value of its own each time, and "" or the
// name of the field.
func Each[T any](t testing.TB, base T, other map[string]any, f func(field string, v T)) {
	t.Helper()
	f("", Filled(t, base))
	used := 0
	for _, field := range Fields(t, Filled(t, base)) {
		v := Filled(t, base)
		walk(t, reflect.ValueOf(&v).Elem(), "", func(path string, leaf reflect.Value) {
			if path != field {
				return
			}
			if o, ok := other[field]; ok {
				used++
				leaf.Set(reflect.ValueOf(o).Convert(leaf.Type()))
				return
			}
			change(t, path, leaf)
		})
		f(field, v)
	}
	if used != len(other) {
		t.Errorf("of the second values %v there are %d fields in %T", other, used, base)
	}
}

// Filled is v with a value of its own in every field that is zero.
func Filled[T any](t testing.TB, v T) T {
	t.Helper()
	n := 0
	root := reflect.ValueOf(&v).Elem()
	extend(root)
	walk(t, root, "", func(path string, leaf reflect.Value) {
		n++
		if leaf.IsZero() {
			fill(t, path, leaf, n)
		}
	})
	return v
}

// Fields are the names of the fields of a value, those of inner structs with dots.
func Fields(t testing.TB, v any) (names []string) {
	t.Helper()
	walk(t, reflect.ValueOf(v), "", func(path string, _ reflect.Value) { names = append(names, path) })
	return names
}

// Zero are the names of the fields that have no value, and of empty lists.
func Zero(t testing.TB, v any) (names []string) {
	t.Helper()
	walk(t, reflect.ValueOf(v), "", func(path string, leaf reflect.Value) {
		if leaf.IsZero() {
			names = append(names, path)
		}
	})
	return names
}

// whole types are leaves although they are made of parts.
func whole(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func walk(t testing.TB, v reflect.Value, path string, visit func(string, reflect.Value)) {
	t.Helper()
	dot := path
	if dot != "" {
		dot += "."
	}
	switch {
	case whole(v.Type()):
		visit(path, v)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			switch {
			case f.Anonymous:
				walk(t, v.Field(i), path, visit)
			case !f.IsExported():
				t.Fatalf("%s%s of %s cannot be walked: it is not exported", dot, f.Name, v.Type())
			default:
				walk(t, v.Field(i), dot+f.Name, visit)
			}
		}
	case v.Kind() == reflect.Array, v.Kind() == reflect.Slice && v.Len() > 0:
		for i := range v.Len() {
			walk(t, v.Index(i), dot+strconv.Itoa(i), visit)
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		walk(t, v.Elem(), path, visit)
	default:
		visit(path, v)
	}
}

// extend gives lists an element and pointers something to point at, and makes
// lists and octets that are there the value's own.
func extend(v reflect.Value) {
	switch {
	case whole(v.Type()):
		if v.Kind() == reflect.Slice && !v.IsNil() {
			v.SetBytes(bytes.Clone(v.Bytes()))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				extend(v.Field(i))
			}
		}
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			extend(v.Index(i))
		}
	case v.Kind() == reflect.Slice:
		own := reflect.MakeSlice(v.Type(), max(1, v.Len()), max(1, v.Len()))
		reflect.Copy(own, v)
		v.Set(own)
		for i := range v.Len() {
			extend(v.Index(i))
		}
	case v.Kind() == reflect.Pointer:
		own := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			own.Elem().Set(v.Elem())
		}
		v.Set(own)
		extend(own.Elem())
	}
}

func fill(t testing.TB, path string, v reflect.Value, n int) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 3, 1, 12, n, 0, 0, time.UTC)))
	case v.Type() == reflect.TypeFor[time.Duration]():
		v.SetInt(int64(n) * int64(time.Second))
	case v.Kind() == reflect.String:
		v.SetString("text " + strconv.Itoa(n))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(n))
	case v.CanUint():
		v.SetUint(uint64(n))
	case v.Kind() == reflect.Slice && whole(v.Type()):
		v.SetBytes([]byte{byte(n), 0, 0xFF})
	default:
		t.Fatalf("%s is a %s: which value shall it have?", path, v.Type())
	}
}

// change makes a value another one of its kind.
func change(t testing.TB, path string, v reflect.Value) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(v.Interface().(time.Time).Add(time.Second)))
	case v.Type() == reflect.TypeFor[time.Duration]():
		v.SetInt(v.Int() + int64(time.Second))
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "7")
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.Kind() == reflect.Slice && whole(v.Type()):
		v.SetBytes(append(bytes.Clone(v.Bytes()), 7))
	default:
		t.Fatalf("%s is a %s: what is another value of it?", path, v.Type())
	}
}
