package audit

import (
	"bufio"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Anchor says that the chain had this record at this time.
type Anchor struct {
	Seq  int64     `json:"seq"`
	Hash []byte    `json:"hash"`
	At   time.Time `json:"at"`
	Sig  []byte    `json:"sig"` // Ed25519
}

const anchorHead = "simsign audit anchor 1\x00"

func (a *Anchor) signed() []byte {
	b := append([]byte(anchorHead), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint64(b[len(anchorHead):], uint64(a.Seq))
	binary.BigEndian.PutUint64(b[len(anchorHead)+8:], uint64(a.At.UnixMicro()))
	return append(b, a.Hash...)
}

// Sign makes the anchor of a record.
func Sign(key ed25519.PrivateKey, seq int64, hash []byte, at time.Time) Anchor {
	a := Anchor{Seq: seq, Hash: hash, At: at.UTC().Truncate(time.Microsecond)}
	a.Sig = ed25519.Sign(key, a.signed())
	return a
}

// Line is the anchor as a line of its file.
func (a *Anchor) Line() []byte {
	b, _ := json.Marshal(a)
	return append(b, '\n')
}

// ErrAnchor: an anchor that the key has not signed.
var ErrAnchor = errors.New("anchor was not signed by this key")

// ReadAnchors reads a file of anchors and checks each. A part of a line is what a crash
// leaves, and not counted.
func ReadAnchors(r io.Reader, key ed25519.PublicKey) (anchors []Anchor, err error) {
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return anchors, nil
		}
		if err != nil {
			return anchors, err
		}
		var a Anchor
		if json.Unmarshal(line, &a) != nil {
			continue
		}
		if !ed25519.Verify(key, a.signed(), a.Sig) {
			return anchors, fmt.Errorf("line %d: %w", n, ErrAnchor)
		}
		anchors = append(anchors, a)
	}
}
