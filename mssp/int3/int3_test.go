package int3

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp/party"
)

// The interface has every operation of the table of roles, each once, and no other.
func TestEveryOperation(t *testing.T) {
	var have []party.Operation
	for _, o := range operations() {
		have = append(have, o.op)
		if o.do == nil && o.op != party.CallStatus || o.about == "" || o.door == "" {
			t.Errorf("%s is not whole", o.op)
		}
	}
	slices.Sort(have)
	if !slices.Equal(have, party.Operations()) {
		t.Errorf("served %v\nin the table %v", have, party.Operations())
	}
}

// Messages that are read, and those that are not: no JSON that everybody reads alike
// is an error, everything else that is wrong a refusal that names it.
func TestRead(t *testing.T) {
	fields := []field{
		{name: "msisdn", kind: text, must: true, most: 16},
		{name: "usage", kind: text, words: []string{"a", "b"}, most: 8},
		{name: "slot", kind: number, most: 255},
		{name: "certificate", kind: octets, most: 8},
	}
	for _, c := range []struct{ doc, wrong, err string }{
		{`{"msisdn":"1"}`, "", ""},
		{` {"msisdn":"1","usage":"a","slot":255,"certificate":"AQI="} `, "", ""},
		{`{"msisdn":"\u0031"}`, "", ""},
		{`{}`, "msisdn is missing", ""},
		{`{"msisdn":""}`, "msisdn: is empty", ""},
		{`{"msisdn":1}`, "msisdn: must be a text", ""},
		{`{"msisdn":null}`, "msisdn: must be a text", ""},
		{`{"msisdn":["1"]}`, "msisdn: must be a text", "nested"},
		{`{"msisdn":"12345678901234567"}`, "msisdn: has 17 octets, at most 16 are taken", ""},
		{`{"msisdn":"1","usage":"c"}`, "usage: must be one of a, b", ""},
		{`{"msisdn":"1","usage":""}`, "usage: must be one of a, b", ""},
		{`{"msisdn":"1","slot":256}`, "slot: must be a whole number from 0 to 255", ""},
		{`{"msisdn":"1","slot":-1}`, "slot: must be a whole number from 0 to 255", ""},
		{`{"msisdn":"1","slot":1.5}`, "slot: must be a whole number from 0 to 255", ""},
		{`{"msisdn":"1","slot":1e1}`, "slot: must be a whole number from 0 to 255", ""},
		{`{"msisdn":"1","slot":"1"}`, "slot: must be a number", ""},
		{`{"msisdn":"1","certificate":"A"}`, "certificate: is no base64", ""},
		{`{"msisdn":"1","certificate":"AQJ="}`, "certificate: is no base64", ""},
		{`{"msisdn":"1","certificate":true}`, "certificate: must be a text in base64", ""},
		{`{"msisdn":"1","text":"x"}`, `there is no member "text" in this message`, ""},
		{`{"MSISDN":"1"}`, `there is no member "MSISDN" in this message`, ""},
		{`{"text":"x","slot":-1}`, `there is no member "text" in this message`, ""}, // the first
		{``, "", "JSON"},
		{`{`, "", "JSON"},
		{`[]`, "", "JSON"},
		{`"1"`, "", "JSON"},
		{`null`, "", "JSON"},
		{`{"msisdn":"1"}{}`, "", "JSON"},
		{`{"msisdn":"1",}`, "", "JSON"},
		{`{"msisdn":"1","msisdn":"2"}`, "", "JSON"},
		{`{'msisdn':'1'}`, "", "JSON"},
		{`{"msisdn":01}`, "", "JSON"},
		{"{\"msisdn\":\"\xff\"}", "", "JSON"},
		{`{"msisdn":"\ud800"}`, "", "JSON"},
		{"\ufeff{}", "", "JSON"},
		{`{"msisdn":"1","text":{"a":{}}}`, "", "JSON"},
		{"{" + strings.Repeat(`"a":1,`, 30) + `"b":1}`, "", "JSON"},
	} {
		m, wrong, err := read([]byte(c.doc), fields)
		switch {
		case c.err != "":
			if err == nil || m != nil {
				t.Errorf("%s: %v, %q", c.doc, m, wrong)
			}
		case err != nil || wrong != c.wrong:
			t.Errorf("%s: %q, %v; want %q", c.doc, wrong, err, c.wrong)
		}
	}
	m, _, _ := read([]byte(`{"msisdn":"1","usage":"a","slot":255,"certificate":"AQI="}`), fields)
	if m.text("msisdn") != "1" || m.text("usage") != "a" || m.number("slot") != 255 || !slices.Equal(m.octets("certificate"), []byte{1, 2}) {
		t.Errorf("%v", m)
	}
	if m.text("none") != "" || m.number("none") != 0 || m.octets("none") != nil {
		t.Error("a member that is not there has a value")
	}
}

// The meaning of a message is the same however it is written, and another one when
// any member says something else.
func TestMeaning(t *testing.T) {
	base := message{"msisdn": "1", "slot": 2}
	with := func(name string, v any) message { m := maps.Clone(base); m[name] = v; return m }
	for name, same := range map[string]bool{"request": true, "wait": true, "usage": false, "msisdn": false, "slot": false} {
		if (with(name, "x").meaning() == base.meaning()) != same {
			t.Errorf("another %s has the same meaning: %v", name, !same)
		}
	}
	if (message{"a": "1;b=32"}).meaning() == (message{"a": "1", "b": "2"}).meaning() {
		t.Error("two messages are one")
	}
}

// Calls of a client: a request id finds its call while it is under way, others have none of it,
// and who fills his places takes none from another.
func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		ctx := context.Background()
		x, fresh, ok := c.begin("crm", "r1", "m", time.Now())
		if !fresh || !ok {
			t.Fatal("a new call is none")
		}
		if y, fresh, _ := c.begin("crm", "r1", "other", time.Now()); fresh || y != x || y.meaning != "m" {
			t.Error("a repeat is another call")
		}
		if y, fresh, _ := c.begin("care", "r1", "m", time.Now()); !fresh || y == x {
			t.Error("a call is two clients'")
		}
		if y, fresh, _ := c.begin("crm", "", "m", time.Now()); !fresh || y == x || c.find("crm", y.id) != y {
			t.Error("without a request id a call is not new")
		}
		if c.find("crm", x.id) != x || c.find("care", x.id) != nil || c.find("crm", "c1") != nil {
			t.Error("a call is found by somebody else, or not by its own")
		}
		if a := x.wait(ctx, time.Minute); a.Result != Pending || a.Call != x.id {
			t.Errorf("%+v", a)
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if a := x.wait(gone, time.Hour); a.Result != Pending {
			t.Errorf("%+v", a)
		}
		go func() { time.Sleep(time.Second); c.end(x, Answer{Result: OK, Call: x.id}) }()
		if a := x.wait(ctx, time.Minute); a.Result != OK || a.Call != x.id {
			t.Errorf("%+v", a)
		}
		if a := x.wait(gone, 0); a.Result != OK {
			t.Errorf("ended, and %+v", a)
		}
		if y, fresh, _ := c.begin("crm", "r1", "m", time.Now()); !fresh || y == x || c.find("crm", x.id) != nil {
			t.Error("what has ended is still here, and not in the database alone")
		}
	})
}

func TestCallsAreBounded(t *testing.T) {
	c := newCalls()
	var begun []*call
	for {
		x, _, ok := c.begin("crm", fmt.Sprint(len(begun)), "m", time.Now())
		if !ok {
			break
		}
		begun = append(begun, x)
	}
	if len(begun) != openMost {
		t.Errorf("%d calls under way", len(begun))
	}
	if _, _, ok := c.begin("care", "1", "m", time.Now()); !ok {
		t.Error("one client has the places of another")
	}
	c.end(begun[7], Answer{Result: OK})
	if _, fresh, ok := c.begin("crm", "new", "m", time.Now()); !fresh || !ok {
		t.Error("a place that is free is not given")
	}
	if n := len(c.of["crm"].by); n != openMost || len(c.byID) != openMost+1 {
		t.Errorf("%d calls are here, %d in all", n, len(c.byID))
	}
}
