package card

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/ota"
)

func somePIN(t *testing.T, strict bool) (*Card, *system) {
	t.Helper()
	o := Options{Profile: Profile{
		ICCID: "8999012345678901234", IMSI: "999010123456789", UnblockingCode: "90817263", Carriage: "own", Strict: strict,
		KeySets: []KeySet{{KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}, KID: ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}}},
	}}
	o.Keys.K0[0] = 1
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, &system{c: c, pins: c.pins}
}

// TestFirewall: an applet reaches neither what the card keeps for itself nor, by any call, the
// value of a code.
//
// Supports: 3.4-3, 3.4-9, 3.3-2
func TestFirewall(t *testing.T) {
	c, s := somePIN(t, false)
	c.pins[0].Update("2580")
	c.pins[2].Unblock()
	for _, name := range []string{keyProfile, keyUnblocks, keyCounter(1), keyCode(0)} {
		if c.nv.Get(name) == nil {
			t.Fatalf("nothing is called %q", name)
		}
		before := string(c.nv.Get(name))
		if s.Get(name) != nil || slices.Contains(s.Names(name[:2]), name) {
			t.Errorf("the applet reads %q", name)
		}
		for _, value := range [][]byte{nil, []byte("x")} {
			if s.Put(name, value); string(c.nv.Get(name)) != before {
				t.Errorf("the applet writes %q", name)
			}
		}
	}
	if s.Put("data", []byte("d")); string(s.Get("data")) != "d" || !slices.Contains(s.Names(""), "data") {
		t.Error("the applet has no memory of its own")
	}
	calls := reflect.TypeFor[uicc.PIN]()
	var names []string
	for i := range calls.NumMethod() {
		names = append(names, calls.Method(i).Name)
	}
	if have := strings.Join(names, " "); have != "Check Configure Format Is Left Remove Set Tries Unblock Update" {
		t.Errorf("a code has the calls %s", have)
	}
	if _, ok := s.PIN(0).(interface{ String() string }); ok {
		t.Error("a code prints itself")
	}
	var system []string
	for i := range reflect.TypeFor[uicc.System]().NumMethod() {
		system = append(system, reflect.TypeFor[uicc.System]().Method(i).Name)
	}
	// Who adds a call says in TestNeighbour what a second applet gets by it.
	if have := strings.Join(system, " "); have != "Available Commit Get Has Names PIN Poll Put Respond SetMenu Trace" {
		t.Errorf("a card has the calls %s", have)
	}
}

// TestStrictPIN: a code is compared for a try and in no other way; one that is not set or is
// blocked not at all.
//
// Supports: 3.4-2, 3.5.3-2
func TestStrictPIN(t *testing.T) {
	_, s := somePIN(t, true)
	k := s.PIN(0)
	if ok, err := k.Check(""); ok || err != nil {
		t.Fatal("a code that is not set is entered")
	}
	k.Update("2580")
	if k.Is("2580") || k.Left() != 3 {
		t.Error("it compares without a try")
	}
	for left, entry := range map[byte]string{2: "0000"} {
		if ok, err := k.Check(entry); ok || err != nil || k.Left() != left {
			t.Errorf("%s: %v, %v, %d left", entry, ok, err, k.Left())
		}
	}
	if ok, err := k.Check("2580"); !ok || err != nil || k.Left() != 3 {
		t.Errorf("right: %v, %v, %d left", ok, err, k.Left())
	}
	for range 3 {
		_, _ = k.Check("25800")
	}
	if ok, _ := k.Check("2580"); ok || k.Left() != 0 {
		t.Error("a blocked code is entered")
	}
	if s.Respond(uicc.Origin{SPI: ota.SPI{0x16, 0x39}, KVN: 1}, []byte("x")) != nil {
		t.Error("a strict card makes response packets for an applet")
	}
}
