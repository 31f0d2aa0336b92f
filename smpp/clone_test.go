package smpp

import (
	"reflect"
	"testing"
)

// A copy of a message has every field, and none of the octets of the frame that
// the message was read from.
func TestCloneIsWhole(t *testing.T) {
	var m Message
	filled(t, reflect.ValueOf(&m).Elem(), 1)
	c, want := m.Clone(), Message{}
	filled(t, reflect.ValueOf(&want).Elem(), 1)
	if !reflect.DeepEqual(c, &want) {
		t.Errorf("copied %+v of %+v", c, want)
	}
	filled(t, reflect.ValueOf(&m).Elem(), 2)
	if !reflect.DeepEqual(c, &want) {
		t.Errorf("the copy is %+v once the frame is used again", c)
	}
}

// filled writes a number into every field, in place where there are octets.
func filled(t *testing.T, v reflect.Value, n byte) {
	t.Helper()
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			filled(t, v.Field(i), n)
		}
	case v.Kind() == reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		}
		for i := range v.Len() {
			filled(t, v.Index(i), n)
		}
	case v.Kind() == reflect.String:
		v.SetString(string('a' + rune(n)))
	case v.CanUint():
		v.SetUint(uint64(n))
	default:
		t.Fatalf("a %s in a message", v.Type())
	}
}
