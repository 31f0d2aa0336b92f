package audit

import (
	"bytes"
	"fmt"
	"slices"
)

// Bad is where a chain is not what was written.
type Bad struct {
	Seq  int64 // the first record that is wrong, or missing
	What string
}

func (b *Bad) Error() string { return fmt.Sprintf("audit entry %d %s", b.Seq, b.What) }

// Verifier reads a chain from its beginning to its end. The error of its methods is a
// *Bad.
type Verifier struct {
	tag     func(*Record) error
	anchors []Anchor // not yet come by, by number
	first   Record
	last    int64
	hash    []byte
	cut     Cut
	tagged  bool
}

// NewVerifier verifies against anchors, and against the tags where tag, which checks one,
// is given.
func NewVerifier(tag func(*Record) error, anchors []Anchor) *Verifier {
	anchors = slices.Clone(anchors)
	slices.SortStableFunc(anchors, func(a, b Anchor) int { return int(a.Seq - b.Seq) })
	return &Verifier{tag: tag, anchors: anchors}
}

// Add is the next record.
func (v *Verifier) Add(r *Record) error {
	begin := v.last == 0
	if !begin && r.Seq != v.last+1 {
		if r.Seq <= v.last {
			return &Bad{r.Seq, "is in the wrong place"}
		}
		return &Bad{v.last + 1, "is missing"}
	}
	if begin {
		v.first = *r
		v.first.Entry = bytes.Clone(r.Entry)
	}
	if (!begin || r.Seq == 1) && !bytes.Equal(r.Hash, r.Next(v.hash)) {
		return &Bad{r.Seq, "was changed: its hash is not that of the entry and of the one before it"}
	}
	e, err := r.Parse()
	if err != nil {
		return &Bad{r.Seq, "cannot be read: " + err.Error()}
	}
	if !bytes.Equal(e.Canonical(), r.Entry) {
		return &Bad{r.Seq, "was not written by this program: it is not in its form"}
	}
	if err := v.written(r); err != nil {
		return err
	}
	if e.Cut != nil && e.Cut.To == v.first.Seq-1 {
		v.cut = *e.Cut
	}
	v.last, v.hash = r.Seq, bytes.Clone(r.Hash)
	return v.anchored()
}

// written checks the tag. Records that were written before there was a key have none;
// the first tag behind them covers them.
func (v *Verifier) written(r *Record) error {
	if v.tag == nil || !v.tagged && len(r.Tag) == 0 {
		return nil
	}
	v.tagged = true
	if err := v.tag(r); err != nil {
		return &Bad{r.Seq, "was not written by this installation: " + err.Error()}
	}
	return nil
}

// anchored compares what stands anchored of the newest record.
func (v *Verifier) anchored() error {
	for len(v.anchors) > 0 && v.anchors[0].Seq <= v.last {
		a := v.anchors[0]
		if v.anchors = v.anchors[1:]; a.Seq == v.last && !bytes.Equal(a.Hash, v.hash) {
			return &Bad{a.Seq, "is not the one that was anchored: everything up to it may have been made anew"}
		}
	}
	return nil
}

// End is the end of the chain. least and most are what is known of its last number from
// elsewhere (0 and math.MaxInt64: nothing).
func (v *Verifier) End(least, most int64) error {
	switch {
	case v.first.Seq > 1 && v.cut.To != v.first.Seq-1:
		return &Bad{1, fmt.Sprintf("is missing, and all up to %d: no entry says that they were cut off lawfully", v.first.Seq-1)}
	case v.first.Seq > 1 && !bytes.Equal(v.first.Hash, v.first.Next(v.cut.Hash)):
		return &Bad{v.first.Seq, "was changed: its hash is not that of the entry and of what was cut off before it"}
	case v.tag != nil && v.last > 0 && !v.tagged:
		return &Bad{v.first.Seq, "was not written by this installation: no entry has a tag"}
	case len(v.anchors) > 0 || least > v.last:
		return &Bad{v.last + 1, "is missing: the end was cut off"}
	case v.last > most:
		return &Bad{most + 1, "was added behind the end"}
	}
	return nil
}

// Extent is where the chain begins and ends, and the hash there.
func (v *Verifier) Extent() (first, last int64, hash []byte) { return v.first.Seq, v.last, v.hash }
