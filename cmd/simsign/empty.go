package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// empty finds an option or argument that was given and is nothing: a script whose
// variable is not set must not lift the limits of all providers with --ap "$AP",
// nor give a provider all numbers with --prefix "$PREFIX". Those for which
// nothing is a value say so with a default.
func empty(parsed *kong.Context) error {
	for _, p := range parsed.Path {
		var v *kong.Value
		name := ""
		switch {
		case p.Flag != nil:
			v, name = p.Flag.Value, "--"+p.Flag.Name
		case p.Positional != nil:
			v, name = p.Positional, strings.Trim(p.Positional.Summary(), "[]") // the brackets of an optional one
		}
		if v == nil || v.HasDefault && v.Default == "" || !nothing(v.Target) {
			continue
		}
		if p.Positional != nil || v.Required {
			return fmt.Errorf("%s is empty: give a value", name)
		}
		return fmt.Errorf("%s is empty: give a value, or leave it out", name)
	}
	return nil
}

// nothing is an empty text, or a list that is empty or has one in it.
func nothing(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && nothing(v.Elem())
	case reflect.String:
		return v.Len() == 0
	case reflect.Slice:
		for i := range v.Len() {
			if nothing(v.Index(i)) {
				return true
			}
		}
		return v.Len() == 0
	}
	return false
}
