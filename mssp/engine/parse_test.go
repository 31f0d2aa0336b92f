package engine

import (
	"errors"
	"testing"
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
