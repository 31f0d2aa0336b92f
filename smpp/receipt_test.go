package smpp

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestReceiptVectors: receipts as centres write them. Each line of the file
// is a verdict (an id and a state, or "refused"), a tab, and a quoted text.
func TestReceiptVectors(t *testing.T) {
	f, err := os.Open("testdata/receipts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		n++
		want, text, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("no tab in %q", line)
		}
		text = strings.NewReplacer(`\0`, "\x00", `\n`, "\n", `\t`, "\t").Replace(text)
		r, err := ParseReceipt([]byte(text))
		got := "refused"
		if err == nil {
			got = r.ID + " " + r.State.String()
		} else if !errors.Is(err, ErrReceipt) {
			t.Errorf("%q: undeclared error %v", text, err)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if n < 20 {
		t.Fatalf("%d vectors", n)
	}
}

func TestReceiptFields(t *testing.T) {
	r, err := ParseReceipt([]byte("ID:0A1b SUB:001 dlvrd:001 submit date:2611222015 done date:261122201530 STAT:delivrd err:0x1 Text:id:99 stat:EXPIRED"))
	want := Receipt{
		ID: "0A1b", Sub: 1, Dlvrd: 1, SubmitDate: time.Date(2026, 11, 22, 20, 15, 0, 0, time.UTC),
		DoneDate: time.Date(2026, 11, 22, 20, 15, 30, 0, time.UTC), State: StateDelivered, Err: "0x1", Text: "id:99 stat:EXPIRED",
	}
	if diff := cmp.Diff(want, r); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// An id is whole, or none: of one that is longer than any centre gives, the end may be cut
// off, and what is left may be the id of another message.
func TestReceiptID(t *testing.T) {
	for n, ok := range map[int]bool{1: true, 64: true, 65: true, 255: true, 256: false, 1000: false, 1012: false, 1013: false, 1014: false, 3000: false} {
		id := strings.Repeat("q", n)
		for _, text := range []string{"stat:DELIVRD id:" + id, "id:" + id + " stat:DELIVRD"} {
			r, err := ParseReceipt([]byte(text))
			if ok && (err != nil || r.ID != id) || !ok && !errors.Is(err, ErrReceipt) {
				t.Errorf("%d octets: %d, %v", n, len(r.ID), err)
			}
		}
	}
}

// FuzzReceipt: what is read can be written and reads the same again.
func FuzzReceipt(f *testing.F) {
	f.Add([]byte("id:1 sub:001 dlvrd:001 submit date:2611222015 done date:2611222015 stat:DELIVRD err:000 text:abc"))
	f.Add([]byte("id:1 submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:UNDELIV err:1A"))
	f.Add([]byte("stat:x id: id:\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			if !errors.Is(err, ErrReceipt) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		if r.ID == "" || r.State == StateNone || strings.ContainsAny(r.ID, " ") {
			t.Fatalf("%+v", r)
		}
		again, err := ParseReceipt(r.AppendText(nil))
		if err != nil || again.ID != r.ID || again.State != r.State {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
	})
}
