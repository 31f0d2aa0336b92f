package service

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/simsign/simsign/mssp/signature"
)

// left are the members that may say anything, each with the reason.
var left = map[string]string{
	".Header.AP.URL":           "where to notify: nobody is notified, and MSS_StatusQuery answers",
	".Header.MSSP.Instant":     "it is the service's to say",
	".Services[2].NoSpam.Code": "it is not to be verified",
	".Services[5].Entity":      "who would give what is not given",
	".Services[6].Entity":      "who would give what is not given",
}

// Nothing that a request says is left out in silence: each member of the model, when
// it says something else, changes what the engine is asked for, or refuses the
// request, or is named above. Members that will be added are found by themselves.
//
// Supports: W-1
func TestNothingIsLeftOut(t *testing.T) {
	bases := acceptedRequests(t)
	whole := func() *asked {
		a := bases["services"]()
		us := bases["us"]().Req
		a.Req.MSSP, a.Req.User = us.MSSP, us.User
		a.Req.Display, a.Req.Format, a.Req.Comparison = &Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Log in?"}, nsETSI+"PKCS7", "exact"
		a.Req.TimeOut, a.Req.ValidityDate = "60", "2026-11-22T18:01:00Z"
		return a
	}
	asks := func(a *asked) (r signature.Request, refused bool) {
		e, f := a.send(t)
		if f != nil {
			return r, true
		}
		r = e.seen[0]
		r.RequestHash = nil // everything is in it
		return r, false
	}
	first, refused := asks(whole())
	if refused {
		t.Fatal("the request is refused as it is")
	}
	used := map[string]bool{}
	for _, path := range members(reflect.ValueOf(whole().Req), "") {
		a := whole()
		visit(reflect.ValueOf(&a.Req).Elem(), "", func(p string, v reflect.Value) {
			switch {
			case p != path:
			case v.Kind() == reflect.Bool:
				v.SetBool(!v.Bool())
			default:
				v.SetString("x")
			}
		})
		r, refused := asks(a)
		for member := range left {
			if len(path) >= len(member) && path[:len(member)] == member {
				used[member] = true
				if refused {
					t.Errorf("%s is refused, and named as one that may say anything", path)
				}
				refused = true
			}
		}
		if !refused && reflect.DeepEqual(r, first) {
			t.Errorf("%s is left out in silence", path)
		}
	}
	if len(used) != len(left) {
		t.Errorf("of %d members that may say anything there are %d", len(left), len(used))
	}
}

// members are the paths of all that a value is made of.
func members(v reflect.Value, path string) (paths []string) {
	visit(v, path, func(p string, _ reflect.Value) { paths = append(paths, p) })
	slices.Sort(paths)
	return paths
}

// visit comes to every string and truth value, in all elements of a list.
func visit(v reflect.Value, path string, do func(string, reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), path, do)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			visit(v.Field(i), path+"."+v.Type().Field(i).Name, do)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), fmt.Sprintf("%s[%d]", path, i), do)
		}
	default:
		do(path, v)
	}
}
