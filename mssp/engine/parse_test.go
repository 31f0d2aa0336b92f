package engine

import (
	"errors"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// Every beginning of a request that is not the whole is refused, and so is
// what comes after its end.
func TestParseRequest(t *testing.T) {
	b := appendString(appendString(appendString(nil, "sign"), "test"), "en")
	b = appendString(append(b, 1, 3, 1), `{"slot":3}`)
	h, payload, err := parseRequest(b)
	if err != nil || h != (head{Operation: "sign", Card: "test", Language: "en", Code: 1, Confirms: 3, Bad: true}) || string(payload) != `{"slot":3}` {
		t.Errorf("%+v, payload %s, %v", h, payload, err)
	}
	for n := range b {
		if _, _, err := parseRequest(b[:n]); !errors.Is(err, errRequest) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	if _, _, err := parseRequest(append(b, 0)); !errors.Is(err, errRequest) {
		t.Errorf("an octet too many: %v", err)
	}
}

// All that a request of the release before says is in the request that is
// written anew.
func TestLegacy(t *testing.T) {
	var payload string
	c := &core{procedures: procedures{"sign": func(b []byte) (Procedure, error) { payload = string(b); return nil, nil }}}
	const all = `{"op":"sign","card":"test","slot":3,"usage":2,"lang":"en","confirm":true,"bad":true}`
	want := head{Operation: "sign", Card: "test", Language: "en", Code: mssp.NonRepudiation, Confirms: 3, Bad: true}
	if r, err := c.legacy([]byte(all)); err != nil || r.head != want || payload != all {
		t.Errorf("%+v, payload %s, %v", r, payload, err)
	}
	if r, err := c.legacy([]byte(`{"op":"sign","slot":3}`)); err != nil || r.head != (head{Operation: "sign"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := c.legacy([]byte(`{"op":"other"}`)); !errors.Is(err, errOperation) {
		t.Errorf("an operation that is unknown: %v", err)
	}
}
