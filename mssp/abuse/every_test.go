package abuse

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/simsign/simsign/mssp/fieldtest"
)

// Every field of a record comes back, each in its own place.
func TestEveryFieldOfARecord(t *testing.T) {
	fieldtest.Each(t, Record{}, nil, func(field string, rec Record) {
		b, err := rec.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(b)
		if diff := cmp.Diff(rec, got); diff != "" || err != nil {
			t.Errorf("%s: %s, %v", field, diff, err)
		}
	})
}
