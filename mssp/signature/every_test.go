package signature

import (
	"crypto"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/simsign/simsign/mssp/fieldtest"
)

// Every field of what the row keeps of a signature comes back, each in its own place.
func TestEveryFieldOfThePayload(t *testing.T) {
	fieldtest.Each(t, payload{Hash: crypto.SHA256}, map[string]any{"Hash": crypto.SHA384}, func(field string, p payload) {
		b, err := (&signing{payload: p}).Payload()
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(Signer).decode(b)
		if err != nil {
			t.Fatalf("%s: %v", field, err)
		}
		if diff := cmp.Diff(p, got.(*signing).payload); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	})
}
