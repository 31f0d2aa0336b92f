package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/fieldtest"
	"github.com/simsign/simsign/ota/keys"
)

// untagged are fields of an open transaction that are not under the tag of its
// request, and why.
var untagged = map[string]string{
	"Seq": "the order", "State": "the state table checks each step", "Attempt": "counts packets", "SentAt": "for the operator",
	"Deadline": "is repaired when it is far from the beginning", "Version": "lock", "Once": "an index", "Status": "comes with the end, which has its own tag",
	"Detail": "as Status", "FinishedAt": "as Status", "Ended": "as Status", "EndedBy": "as Status", "Result": "as Status", "Late": "after the end",
	"LateAt": "after the end", "Erased": "after the end", "Damage": "no column; alone it is refused",
}

// The request of an open transaction is one whole with its row: a row that
// differs in any field, and a request in any octet, is not the one that was
// accepted.
//
// Supports: 3.5.3-6
func TestEveryFieldIsUnderTheTag(t *testing.T) {
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	v, err := keys.OpenVault(t.Context(), root, noKEKs{}, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	whole := fieldtest.Filled(t, mssp.Transaction{})
	whole.Damage = ""
	r := request{head{Operation: "sign", Card: "test", Language: "en", Code: 1, Confirms: 3}, payloadOf{text: "{}"}}
	if whole.Request, err = r.seal(v, &whole); err != nil {
		t.Fatal(err)
	}
	left := slices.DeleteFunc(fieldtest.Fields(t, whole), func(field string) bool { return untagged[field] != "" })
	fieldtest.Each(t, whole, nil, func(field string, tx mssp.Transaction) {
		if field != "Damage" {
			tx.Damage = ""
		}
		err := CheckRequest(v, &tx)
		switch refused := errors.Is(err, errUnauthentic); {
		case field == "" && err != nil, field == "Damage" && !refused, field != "" && field != "Damage" && refused == (untagged[field] != ""):
			t.Errorf("another %s: %v", field, err)
		case untagged[field] == "" && field != "":
			left = slices.DeleteFunc(left, func(f string) bool { return f == field })
		}
	})
	if len(left) > 0 {
		t.Errorf("not looked at: %v", left)
	}
	for i := range whole.Request {
		tx := whole
		tx.Request = slices.Clone(whole.Request)
		if tx.Request[i] ^= 1; CheckRequest(v, &tx) == nil {
			t.Errorf("octet %d of the request may be another", i)
		}
	}
}

// Every field of the head is stored, each in its own place.
func TestEveryFieldOfTheHead(t *testing.T) {
	fieldtest.Each(t, head{}, nil, func(field string, h head) {
		b, err := (&request{h, payloadOf{text: "{}"}}).seal(noTags{}, new(mssp.Transaction))
		if err != nil {
			t.Fatal(err)
		}
		got, payload, err := openRequest(noTags{}, &mssp.Transaction{Request: b})
		if err != nil || got != h || string(payload) != "{}" {
			t.Errorf("%s: %+v, %s, %v", field, got, payload, err)
		}
	})
}

// payloadOf is a procedure that has only a payload.
type payloadOf struct {
	Procedure
	text string
}

func (p payloadOf) Payload() ([]byte, error) { return []byte(p.text), nil }

type noKEKs struct{}

func (noKEKs) KEKs(context.Context) ([]keys.WrappedKEK, error) { return nil, nil }

func (noKEKs) AddKEK(context.Context, keys.WrappedKEK) error { return nil }

// noTags is a vault whose tags fit everything.
type noTags struct{ Vault }

func (noTags) AppendTag(b []byte, _ string, _ ...[]byte) ([]byte, error) {
	return append(b, make([]byte, keys.TagLen)...), nil
}

func (noTags) CheckTag([]byte, string, ...[]byte) error { return nil }
