package audit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// written takes what is written.
type written []audit.Entry

func (w *written) write(_ context.Context, es ...audit.Entry) error {
	*w = append(*w, es...)
	return nil
}

func show(number sms.MSISDN) audit.Entry {
	return audit.Entry{Action: "user.show", Subject: audit.User(number), Actor: audit.Actor{Name: "care", Door: "int3b"}}
}

// Equal calls are one entry with their number; persons whose masked numbers are the same
// are told apart; what was flushed is not written again.
//
// Supports: I8
func TestCallsAreCounted(t *testing.T) {
	var w written
	c := audit.NewCalls(w.write)
	for range 3 {
		c.Count(show("41790000001"))
	}
	c.Count(show("41799990001"))
	for range 2 {
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(w) != 2 || w[0].Times+w[1].Times != 4 || max(w[0].Times, w[1].Times) != 3 {
		t.Errorf("%+v", w)
	}
}

// Of more kinds than are told apart the rest is a number, and no flood makes more entries.
//
// Supports: I8
func TestFloodOfCalls(t *testing.T) {
	var w written
	c := audit.NewCalls(w.write)
	for i := range 100 {
		c.Count(show(sms.MSISDN(fmt.Sprintf("4179%07d", i))))
	}
	c.Count(show("41790000000")) // of a kind that is there: counted still
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := int64(0)
	for i := range w {
		all += w[i].Times
	}
	if last := w[len(w)-1]; len(w) != 25 || last.Action != "call.more" || last.Times != 76 || all != 101 {
		t.Errorf("%d entries of %d calls, the last %+v", len(w), all, last)
	}
}

// The first refused call of a kind is written at once, by whom the context says; the
// others wait, and a kind without others is not written twice.
//
// Supports: I8
func TestCallsTell(t *testing.T) {
	var w written
	c := audit.NewCalls(w.write)
	ctx := audit.With(t.Context(), audit.Actor{Name: "anna", Door: "cli"})
	e := show("41790000001")
	e.Actor = audit.Actor{}
	for i := range 3 {
		if err := c.Tell(ctx, e); err != nil {
			t.Fatal(err)
		}
		if len(w) != 1 || w[0].Actor.Name != "anna" || w[0].Times != 0 {
			t.Fatalf("call %d: %+v", i+1, w)
		}
	}
	e.Action = "user.list"
	if err := c.Tell(ctx, e); err != nil || len(w) != 2 {
		t.Fatalf("another kind: %v, %+v", err, w)
	}
	if err := c.Flush(ctx); err != nil || len(w) != 3 || w[2].Action != "user.show" || w[2].Times != 2 {
		t.Errorf("flushed: %v, %+v", err, w)
	}
}

// What could not be written is written the next time, with what has come since.
//
// Supports: I8
func TestCallsOutliveAFailure(t *testing.T) {
	var w written
	full := errors.New("the disk is full")
	err := full
	c := audit.NewCalls(func(ctx context.Context, es ...audit.Entry) error {
		if err != nil {
			return err
		}
		return w.write(ctx, es...)
	})
	for i := range 30 {
		c.Count(show(sms.MSISDN(fmt.Sprintf("4179%07d", i))))
	}
	if got := c.Flush(t.Context()); !errors.Is(got, full) {
		t.Fatal(got)
	}
	c.Count(show("41790000000"))
	err = nil
	if got := c.Flush(t.Context()); got != nil || len(w) != 25 {
		t.Fatalf("%v, %d entries", got, len(w))
	}
	all := int64(0)
	for i := range w {
		all += w[i].Times
	}
	if all != 31 {
		t.Errorf("%d calls, want 31", all)
	}
}

// Who has no log takes nothing.
func TestNoCalls(t *testing.T) {
	var c *audit.Calls
	c.Count(audit.Entry{})
	if c.Tell(t.Context(), audit.Entry{}) != nil || c.Flush(t.Context()) != nil {
		t.Error("an error of nothing")
	}
}
