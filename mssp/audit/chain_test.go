package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/audit"
)

// chain is one of n records, with the tags that the installation makes.
func chain(r *rand.Rand, n int) (recs []audit.Record) {
	var hash []byte
	for i := range n {
		e := audit.Entry{
			Actor: audit.Actor{Name: fmt.Sprint("a", r.IntN(3)), Role: audit.Operator, Door: "cli"}, Action: "ap.change",
			Subject: audit.Of("ap", fmt.Sprint(r.IntN(5))), Detail: fmt.Sprint(r.Uint64()),
		}
		rec := audit.Record{Seq: int64(i + 1), At: time.UnixMicro(int64(1000 + i)), Entry: e.Canonical()}
		rec.Hash = rec.Next(hash)
		rec.Tag = tag(rec.Hash)
		hash = rec.Hash
		recs = append(recs, rec)
	}
	return recs
}

func tag(hash []byte) []byte { return append([]byte("key"), hash...) }

func check(r *audit.Record) error {
	if !bytes.Equal(r.Tag, tag(r.Hash)) {
		return errors.New("tag does not fit")
	}
	return nil
}

func verify(recs []audit.Record, keys bool, anchors ...audit.Anchor) error {
	var tag func(*audit.Record) error
	if keys {
		tag = check
	}
	v := audit.NewVerifier(tag, anchors)
	for i := range recs {
		if err := v.Add(&recs[i]); err != nil {
			return err
		}
	}
	return v.End(0, math.MaxInt64)
}

// again makes hashes anew from a record on, as everybody can, without tags.
func again(recs []audit.Record, from int) {
	var hash []byte
	if from > 0 {
		hash = recs[from-1].Hash
	}
	for i := from; i < len(recs); i++ {
		recs[i].Seq = int64(i + 1)
		recs[i].Hash = recs[i].Next(hash)
		hash = recs[i].Hash
	}
}

func badAt(t *testing.T, what string, err error, seq int) {
	t.Helper()
	bad, ok := errors.AsType[*audit.Bad](err)
	if !ok || bad.Seq != int64(seq) {
		t.Errorf("%s: %v, want entry %d", what, err, seq)
	}
}

// Whatever is edited, taken out, put in, swapped or cut off is found, and the first bad
// entry is named.
//
// Supports: I8
func TestTamperingIsFound(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		recs := chain(r, 3+r.IntN(20))
		n := len(recs)
		pub, key, _ := ed25519.GenerateKey(nil)
		_ = pub
		anchor := audit.Sign(key, int64(n), recs[n-1].Hash, time.Unix(1, 0))
		if err := verify(recs, true, anchor); err != nil {
			t.Fatalf("seed %d: an untouched chain: %v", seed, err)
		}
		at := r.IntN(n - 1)
		change := func() []audit.Record { c := slices.Clone(recs); c[at].Entry = bytes.Clone(c[at].Entry); return c }
		name := fmt.Sprintf("seed %d of %d at %d: ", seed, n, at+1)

		c := change()
		c[at].Entry[r.IntN(len(c[at].Entry))] ^= 1 << r.IntN(8)
		badAt(t, name+"an edit", verify(c, false), at+1)
		again(c, at)
		if verify(c, true) == nil || verify(c, false, anchor) == nil {
			t.Errorf("%s an edit with a new chain is not found", name)
		}
		c = change()
		c[at].At = c[at].At.Add(time.Microsecond)
		badAt(t, name+"another time", verify(c, false), at+1)
		again(c, at)
		badAt(t, name+"another time in a chain made anew", verify(c, true), at+1)
		badAt(t, name+"the same against an anchor", verify(c, false, anchor), n)

		c = slices.Delete(change(), at, at+1)
		badAt(t, name+"a removal", verify(c, at > 0), max(1, at+1*min(at, 1)))
		c = change()
		again(slices.Delete(c, at, at+1), at)
		badAt(t, name+"a removal, the rest made anew", verify(c[:n-1], true), at+1)

		c = change()
		c[at], c[at+1] = c[at+1], c[at]
		if verify(c, false) == nil {
			t.Errorf("%s a swap is not found", name)
		}
		again(c, at)
		badAt(t, name+"a swap, the rest made anew", verify(c, true), at+1)

		c = slices.Insert(change(), at, recs[at])
		again(c, at)
		badAt(t, name+"an insertion", verify(c, true), at+1+1*b(bytes.Equal(c[at].Hash, recs[at].Hash)))

		badAt(t, name+"a truncation", verify(recs[:at+1], true, anchor), at+2)
		c = change()
		c[at].Tag = nil
		if err := verify(c, true); (err == nil) != (at == 0) { // what has none at the beginning is covered by the next
			t.Errorf("%s a tag that is gone: %v", name, err)
		}
	}
}

func b(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// A lawful cut leaves a chain that verifies; one that no entry tells of does not.
//
// Supports: I8
func TestCutOffBeginning(t *testing.T) {
	recs := chain(rand.New(rand.NewPCG(1, 1)), 10)
	badAt(t, "no entry tells of it", verify(recs[4:], true), 1)
	e := audit.Entry{Action: "audit.cut", Cut: &audit.Cut{To: 4, Hash: recs[3].Hash}}
	last := audit.Record{Seq: 11, At: time.Unix(1, 0), Entry: e.Canonical()}
	last.Hash = last.Next(recs[9].Hash)
	last.Tag = tag(last.Hash)
	recs = append(recs, last)
	for from := range 10 {
		if err := verify(recs[from:], true); (err == nil) != (from == 0 || from == 4) {
			t.Errorf("from %d on: %v", from+1, err)
		}
	}
	recs[4].At = recs[4].At.Add(time.Microsecond)
	badAt(t, "the first one that is left was changed", verify(recs[4:], false), 5)
}
