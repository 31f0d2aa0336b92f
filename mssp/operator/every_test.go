package operator

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/fieldtest"
)

// values that the fields of a provider may have, where not any will do.
var values = map[string]any{
	"Name": "Shop", "ID": "ap://shop", "Certs": []string{strings.Repeat("ab", 32)}, "Profiles": []string{"http://a.example/auth"},
	"Octets": []string{"http://a.example/auth"}, "Prefixes": []string{"4179"}, "Password": "another password", "NoPass": false,
}

// another is another value of a field.
func another(f reflect.StructField, typ reflect.Type) reflect.Value {
	if v, ok := values[f.Name]; ok {
		return reflect.ValueOf(v)
	}
	return reflect.ValueOf(true).Convert(typ)
}

// fieldOf is the field of mssp.AP that a field of a request is about.
func fieldOf(name string) string {
	if name == "Certs" {
		return "CertSHA256"
	}
	return name
}

// Every field of an edit changes its own field of the provider and no other, and
// every field of a provider can be edited, or stands here with the way that it goes.
func TestEveryFieldOfAnEdit(t *testing.T) {
	s, st, _ := newService(t)
	elsewhere := []string{
		"ID",           // is for ever
		"PasswordHash", // SetPassword
		"Disabled",     // DisableAP
		"RemovedAt",    // RemoveAP
		"NotifyURL",    // nobody sets it
		"CreatedAt", "Version",
	}
	left := slices.DeleteFunc(topFields(), func(name string) bool { return slices.Contains(elsewhere, name) })
	typ := reflect.TypeFor[APEdit]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Name == "ID" || f.Name == "Version" { // which one
			continue
		}
		added, err := s.AddAP(t.Context(), APRequest{Name: "Bank", ID: "ap://" + strings.ToLower(f.Name)})
		if err != nil {
			t.Fatal(err)
		}
		before, err := st.AP(t.Context(), added.ID)
		if err != nil {
			t.Fatal(err)
		}
		edit := APEdit{ID: string(added.ID)}
		to := reflect.New(f.Type.Elem())
		to.Elem().Set(another(f, f.Type.Elem()))
		reflect.ValueOf(&edit).Elem().Field(i).Set(to)
		info, err := s.EditAP(t.Context(), edit)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		after, err := st.AP(t.Context(), added.ID)
		if err != nil || after.Version != before.Version+1 || !reflect.DeepEqual(info, apInfo(&after)) {
			t.Errorf("%s: %+v, answered %+v, %v", f.Name, after, info, err)
		}
		after.Version = before.Version
		if changed := differing(before, after); !slices.Equal(changed, []string{fieldOf(f.Name)}) ||
			!reflect.DeepEqual(reflect.ValueOf(after).FieldByName(fieldOf(f.Name)).Interface(), to.Elem().Interface()) {
			t.Errorf("an edit of %s changes %v: %+v", f.Name, changed, after)
		}
		left = slices.DeleteFunc(left, func(name string) bool { return name == fieldOf(f.Name) })
		if _, err := s.RemoveAP(t.Context(), APName{ID: string(added.ID)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(left) > 0 {
		t.Errorf("nobody can edit %v", left)
	}
}

// topFields are the fields of a provider, with those of its switches.
func topFields() (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[mssp.AP]()) {
		if !f.Anonymous {
			names = append(names, f.Name)
		}
	}
	return names
}

func differing(a, b mssp.AP) (names []string) {
	for _, name := range topFields() {
		if !reflect.DeepEqual(reflect.ValueOf(a).FieldByName(name).Interface(), reflect.ValueOf(b).FieldByName(name).Interface()) {
			names = append(names, name)
		}
	}
	return names
}

// Every field of a new provider is stored: without it there would be another one.
func TestEveryFieldOfANewProvider(t *testing.T) {
	s, st, _ := newService(t)
	typ := reflect.TypeFor[APRequest]()
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous || f.Name == "Password" || f.Name == "NoPass" { // only their hash, and whether there is one
			continue
		}
		r := APRequest{Name: "Bank", ID: "ap://bank"}
		reflect.ValueOf(&r).Elem().FieldByIndex(f.Index).Set(another(f, f.Type))
		added, err := s.AddAP(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		ap, err := st.AP(t.Context(), added.ID)
		if err != nil || !reflect.DeepEqual(added.APInfo, apInfo(&ap)) {
			t.Errorf("%s: answered %+v, %v", f.Name, added.APInfo, err)
		}
		bare := mssp.AP{ID: "ap://bank", Name: "Bank", PasswordHash: ap.PasswordHash, CreatedAt: s.Clock(), Version: 1}
		if changed := differing(bare, ap); !slices.Equal(changed, []string{fieldOf(f.Name)}) {
			t.Errorf("a request with another %s changes %v", f.Name, changed)
		}
		// The id is taken for ever: the next one has another database.
		s, st, _ = newService(t)
	}
}

// Every field of a provider is shown, or stands here.
func TestEveryFieldOfAProviderIsShown(t *testing.T) {
	hidden := []string{"PasswordHash", "NotifyURL"} // a secret, of which is shown whether it is there; nobody sets it
	whole := fieldtest.Filled(t, mssp.AP{})
	fieldtest.Each(t, mssp.AP{}, nil, func(field string, ap mssp.AP) {
		field, _, _ = strings.Cut(field, ".")
		if same := reflect.DeepEqual(apInfo(&whole), apInfo(&ap)); field != "" && same != slices.Contains(hidden, field) {
			t.Errorf("another %s is shown: %v", field, !same)
		}
	})
}
