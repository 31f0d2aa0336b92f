package service

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/ota/sms"
)

// The rule of repeats at this layer: the same AP_TransID, Instant and meaning is
// the first transaction, another meaning is refused, and whatever makes it another
// request is one.
//
// Supports: I12
func TestRepeat(t *testing.T) {
	s, e := testService(t)
	first, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
	if f != nil {
		t.Fatal(f)
	}
	e.end(t, first.TransID, mssp.Done, mssp.Signature, "", []byte("CMS"))
	for name, c := range map[string]struct {
		change func(*SignatureReq)
		code   mssp.Code // of a fault
		same   bool
	}{
		"the same":             {func(*SignatureReq) {}, 0, true},
		"another zone":         {func(r *SignatureReq) { r.AP.Instant = now.In(time.FixedZone("", 7200)).Format(time.RFC3339) }, 0, true},
		"digits of a second":   {func(r *SignatureReq) { r.AP.Instant = now.Format("2006-01-02T15:04:05.000Z07:00") }, 0, true},
		"the number otherwise": {func(r *SignatureReq) { r.User.MSISDN = "41791234567" }, 0, true},
		"2^64 ns later": {func(r *SignatureReq) { // what does not fit into 64 bits is no other time
			r.AP.Instant = now.Add(1<<63 - 1).Add(1<<63 - 1).Add(2).Format(time.RFC3339Nano)
		}, mssp.WrongParam, false},
		"another meaning":    {func(r *SignatureReq) { r.Data.Data = "Pay 1000 EUR?" }, mssp.WrongParam, false},
		"another user":       {func(r *SignatureReq) { r.User.MSISDN = "+41791234568" }, mssp.WrongParam, false},
		"a nanosecond later": {func(r *SignatureReq) { r.AP.Instant = now.Add(1).Format(time.RFC3339Nano) }, 0, false},
		"another provider": {func(r *SignatureReq) {
			r.AP.ID, r.AP.Password, r.Profile = "http://shop", "secret", profileSign
		}, 0, false},
		"another user, later": {func(r *SignatureReq) {
			r.User.MSISDN, r.AP.Instant = "+41791234568", now.Add(time.Second).Format(time.RFC3339)
		}, 0, false},
	} {
		req := bankRequest("T1")
		c.change(req)
		switch got, f := s.Signature(t.Context(), plain(), Peer{}, req); {
		case c.code != 0:
			if f == nil || f.Code != c.code {
				t.Errorf("%s: %+v, %v", name, got, f)
			}
		case f != nil || (got.TransID == first.TransID) != c.same:
			t.Errorf("%s: %+v, %v", name, got, f)
		}
	}
}

// A repeat is looked for before the time is judged: it is answered when its
// Instant is old and when its ValidityDate has passed, for a day. A request that is
// no repeat is judged as ever, and the time before what is wrong with the message.
//
// Supports: I12
func TestRepeatIsOld(t *testing.T) {
	s, _ := testService(t)
	at := now
	s.o.Clock = func() time.Time { return at }
	request := func(id string) *SignatureReq {
		r := bankRequest(id)
		r.ValidityDate = now.Add(time.Minute).Format(time.RFC3339)
		return r
	}
	first, f := s.Signature(t.Context(), plain(), Peer{}, request("T1"))
	if f != nil {
		t.Fatal(f)
	}
	for _, age := range []time.Duration{2 * time.Minute, time.Hour, mssp.RepeatFor} {
		at = now.Add(age)
		if again, f := s.Signature(t.Context(), plain(), Peer{}, request("T1")); f != nil || again.TransID != first.TransID {
			t.Errorf("after %s: %+v, %v", age, again, f)
		}
	}
	at = now.Add(2 * time.Minute)
	if _, f := s.Signature(t.Context(), plain(), Peer{}, request("T2")); f == nil || f.Code != mssp.ValidityExpired {
		t.Errorf("a new request whose time is over: %v", f)
	}
	at = now.Add(time.Hour)
	wrong := request("T3")
	wrong.Mode = "never"
	for name, r := range map[string]*SignatureReq{"a new request": request("T2"), "a wrong one": wrong} {
		if _, f := s.Signature(t.Context(), plain(), Peer{}, r); f == nil || f.Code != mssp.WrongParam || !bytes.Contains([]byte(f.Detail), []byte("Instant is 1h0m0s behind")) {
			t.Errorf("%s an hour late: %v", name, f)
		}
	}
	at = now.Add(mssp.RepeatFor + s.o.InstantWindow + time.Second)
	if _, f := s.Signature(t.Context(), plain(), Peer{}, request("T1")); f == nil || f.Code != mssp.WrongParam {
		t.Errorf("after more than a day: %v", f)
	}
}

// Status requests may use an AP_TransID again, whatever the Instant is.
func TestStatusRepeatsIdentifier(t *testing.T) {
	s, _ := testService(t)
	first, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
	if f != nil {
		t.Fatal(f)
	}
	for _, instant := range []time.Time{now, now.Add(time.Second)} {
		req := statusRequest(first.TransID)
		req.AP.TransID, req.AP.Instant = "T1", instant.Format(time.RFC3339)
		if _, f := s.StatusQuery(t.Context(), plain(), Peer{}, req); f != nil {
			t.Errorf("at %s: %v", instant, f)
		}
	}
}

// unsaid are the members of the model that are no part of a meaning: how the
// request is found, and the password.
var unsaid = map[string]bool{".Header.AP.ID": true, ".Header.AP.TransID": true, ".Header.AP.Password": true, ".Header.AP.Instant": true}

// Every member of a request is in its meaning: each is changed alone, wherever
// it stands, and members that will be added are found by themselves.
//
// Supports: I12
func TestMeaningHasEveryMember(t *testing.T) {
	whole := func() *SignatureReq {
		req := new(SignatureReq)
		fill(reflect.ValueOf(req).Elem())
		return req
	}
	mean := func(req *SignatureReq) string {
		number := sms.MSISDN(req.User.MSISDN)
		return string(meaning(&signature.Request{MSISDN: number, Mode: mssp.MessagingMode(req.Mode)}, req))
	}
	unchanged, seen := mean(whole()), map[string]string{}
	var paths []string
	leaves(reflect.ValueOf(whole()), "", func(path string, _ reflect.Value) { paths = append(paths, path) })
	if len(paths) < 30 {
		t.Errorf("only %d members: %v", len(paths), paths)
	}
	for _, changed := range paths {
		req := whole()
		leaves(reflect.ValueOf(req), "", func(path string, v reflect.Value) {
			switch {
			case path != changed:
			case v.Kind() == reflect.String:
				v.SetString("x")
			case v.Kind() == reflect.Bool:
				v.SetBool(true)
			default:
				t.Fatalf("%s is a %s: how is it changed?", path, v.Kind())
			}
		})
		got := mean(req)
		if unsaid[changed] != (got == unchanged) {
			t.Errorf("%s changed, the meaning is the same: %v", changed, got == unchanged)
		}
		if other := seen[got]; other != "" && !unsaid[changed] {
			t.Errorf("%s and %s cannot be told apart", changed, other)
		}
		seen[got] = changed
	}
	less, more := whole(), whole()
	less.Display, more.Services = nil, make([]AdditionalService, 2)
	for name, req := range map[string]*SignatureReq{"no display": less, "two services": more} {
		if mean(req) == unchanged {
			t.Errorf("%s means the same", name)
		}
	}
}

// fill gives every pointer something to point at and every list an element.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	}
}

// leaves visits what a value is made of, the first element of a list for all.
func leaves(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		leaves(v.Elem(), path, visit)
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Slice:
		leaves(v.Index(0), path, visit)
	default:
		visit(path, v)
	}
}
