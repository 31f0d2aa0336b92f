package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// line is a record as it is exported: its entry octet for octet.
type line struct {
	Seq   int64           `json:"seq"`
	At    int64           `json:"at"` // microseconds since 1970
	Time  time.Time       `json:"time"`
	Entry json.RawMessage `json:"entry"`
	Hash  []byte          `json:"hash"`
}

// Line is a record as a line of JSON, which ReadExport reads.
func (r *Record) Line() []byte {
	at := int64(0)
	if !r.At.IsZero() {
		at = r.At.UnixMicro()
	}
	b, err := json.Marshal(line{r.Seq, at, r.At.UTC(), r.Entry, r.Hash})
	if err != nil { // the entry is no JSON: somebody has written over it
		text, _ := json.Marshal(string(r.Entry))
		b, _ = json.Marshal(line{r.Seq, at, time.UnixMicro(at).UTC(), text, r.Hash})
	}
	return append(b, '\n')
}

// ReadExport calls f for each line of an export.
func ReadExport(r io.Reader, f func(*Record) error) error {
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		b, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(b) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var l line
		if err := json.Unmarshal(b, &l); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		rec := Record{Seq: l.Seq, Entry: l.Entry, Hash: l.Hash}
		if l.At != 0 {
			rec.At = time.UnixMicro(l.At)
		}
		if err := f(&rec); err != nil {
			return err
		}
	}
}

// Filter selects records. Its zero value selects all.
type Filter struct {
	From, To time.Time // not before, and before
	Actor    string
	Action   string              // it, or what begins with it and a point
	Who      func(*Subject) bool // nil: everybody

	txs map[string]bool // of that person, as far as met
}

// All reports whether the filter selects everything: only that can be verified elsewhere.
func (f *Filter) All() bool {
	return f.From.IsZero() && f.To.IsZero() && f.Actor == "" && f.Action == "" && f.Who == nil
}

// Has tells whether a record is selected. Of a person's transactions only the first entry
// names him: records must come in their order.
func (f *Filter) Has(r *Record, e *Entry) bool {
	return f.person(e) && (f.From.IsZero() || !r.At.Before(f.From)) && (f.To.IsZero() || r.At.Before(f.To)) &&
		(f.Actor == "" || e.Actor.Name == f.Actor) &&
		(f.Action == "" || e.Action == f.Action || strings.HasPrefix(e.Action, f.Action+"."))
}

func (f *Filter) person(e *Entry) bool {
	if f.Who == nil {
		return true
	}
	tx := e.Subject.Kind == "tx"
	if e.Subject.Who != "" && f.Who(&e.Subject) {
		if tx {
			if f.txs == nil {
				f.txs = map[string]bool{}
			}
			f.txs[e.Subject.Name] = true
		}
		return true
	}
	return tx && f.txs[e.Subject.Name]
}
