package config

import (
	"reflect"
	"slices"
	"strings"
)

// reloaded are the keys that a running service takes over; within a [[bearer]]
// by their own names. Every other key needs a restart.
var reloaded = []string{"log.level", "api.tls_cert", "api.tls_key", "api.client_ca", "tls_ca", "tls_cert", "tls_key"}

// Changes are the keys in which two configurations differ: those that a running
// service takes over, and those for which it must be started again.
func Changes(was, is *Config) (now, restart []string) {
	differ("", reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem(), func(key string) {
		name := key
		if strings.HasPrefix(key, "bearer[") {
			name = key[strings.LastIndexByte(key, '.')+1:]
		}
		// To begin or to end with TLS is another listener.
		plain := strings.HasPrefix(key, "api.") && (was.API.TLSCert == "") != (is.API.TLSCert == "")
		if slices.Contains(reloaded, name) && !plain {
			now = append(now, key)
		} else {
			restart = append(restart, key)
		}
	})
	return now, restart
}

// differ calls tell with each key whose values differ.
func differ(key string, a, b reflect.Value, tell func(string)) {
	switch {
	case section(a.Type()):
		for i := range a.NumField() {
			f := a.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
			switch {
			case f.Anonymous:
				differ(key, a.Field(i), b.Field(i), tell)
			case name == "": // no key of the file
			case key == "":
				differ(name, a.Field(i), b.Field(i), tell)
			default:
				differ(key+"."+name, a.Field(i), b.Field(i), tell)
			}
		}
	case a.Kind() == reflect.Slice && section(a.Type().Elem()) && a.Len() == b.Len():
		for i := range a.Len() {
			differ(indexed(key, i), a.Index(i), b.Index(i), tell)
		}
	case !reflect.DeepEqual(a.Interface(), b.Interface()):
		tell(key)
	}
}

// section: a struct with keys, and not one value.
func section(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	return slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("toml") != "" })
}
