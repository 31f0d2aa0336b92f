package mssp

import (
	"reflect"
	"testing"
	"time"
)

// What a row keeps of its erasures, in the octets that stand there, and what is
// said of them. What is none of ours is left out and hides nothing.
func TestErased(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	e := Erased("").Add(Texts, at, ByRetention).Add(Numbers, at.Add(time.Hour), ByPerson)
	if e != "texts 1795348800 retention\nnumbers 1795352400 person" {
		t.Errorf("%q", e)
	}
	want := []Erasure{{Texts, at, ByRetention}, {Numbers, at.Add(time.Hour), ByPerson}}
	for _, text := range []Erased{
		e, "one two\n" + e, e + "\none two three four", "octets then retention\n" + e, e + "\noctets 12x retention", e + "\n",
	} {
		if got := text.List(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if got := Erased("").List(); got != nil {
		t.Errorf("%+v", got)
	}
	if x, ok := e.Of(Numbers); !ok || x != want[1] {
		t.Errorf("%+v, %v", x, ok)
	}
	if x, ok := e.Of(Signatures); ok || x != (Erasure{}) {
		t.Errorf("%+v", x)
	}
	if got := want[0].String(); got != "texts erased on 2026-11-22, as the operator's rules of retention have it" {
		t.Error(got)
	}
	if got := want[1].String(); got != "numbers erased on 2026-11-22, with everything else of its user" {
		t.Error(got)
	}
}
