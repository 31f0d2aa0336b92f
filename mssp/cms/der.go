package cms

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Tags that cryptobyte/asn1 has no constant for.
const (
	tag0     = 0xa0 // [0], constructed
	tag1     = 0xa1 // [1], constructed
	tagName4 = 0xa4 // GeneralName directoryName [4] EXPLICIT, RFC 5280 4.2.1.6

	tagInteger  = byte(asn1.INTEGER)
	tagOctets   = byte(asn1.OCTET_STRING)
	tagSequence = byte(asn1.SEQUENCE)
	tagSet      = byte(asn1.SET)
)

// builder writes DER from the end to the beginning: when the header of an
// element is written its content is there already, so that its length is
// known and nothing is moved or measured beforehand.
type builder struct {
	buf []byte
	at  int // buf[at:] is written
}

// newBuilder makes a builder; size octets fit without another allocation.
func newBuilder(size int) *builder {
	return &builder{buf: make([]byte, size), at: size}
}

// prepend writes octets before everything written so far.
func (b *builder) prepend(octets ...[]byte) {
	for i := len(octets) - 1; i >= 0; i-- {
		o := octets[i]
		if len(o) > b.at {
			b.grow(len(o))
		}
		b.at -= len(o)
		copy(b.buf[b.at:], o)
	}
}

// mark is the place that a later wrap counts from.
func (b *builder) mark() int { return len(b.buf) - b.at }

// wrap writes the header of an element that holds everything written since mark.
func (b *builder) wrap(tag byte, mark int) {
	var h [6]byte
	b.prepend(appendHeader(h[:0], tag, b.mark()-mark))
}

// element writes a whole element.
func (b *builder) element(tag byte, content []byte) {
	m := b.mark()
	b.prepend(content)
	b.wrap(tag, m)
}

func (b *builder) bytes() []byte { return b.buf[b.at:] }

func (b *builder) grow(n int) {
	bigger := make([]byte, 2*len(b.buf)+n)
	at := len(bigger) - (len(b.buf) - b.at)
	copy(bigger[at:], b.buf[b.at:])
	b.buf, b.at = bigger, at
}

// appendHeader appends tag and DER length (X.690 10.1); n is below 2^32.
func appendHeader(b []byte, tag byte, n int) []byte {
	b = append(b, tag)
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 0x100:
		return append(b, 0x81, byte(n))
	case n < 0x10000:
		return append(b, 0x82, byte(n>>8), byte(n))
	case n < 0x1000000:
		return append(b, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(b, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// whole reads one element of the given tag that fills s, and returns its content.
func whole(s []byte, tag asn1.Tag) (cryptobyte.String, bool) {
	in := cryptobyte.String(s)
	var out cryptobyte.String
	if !in.ReadASN1(&out, tag) || !in.Empty() {
		return nil, false
	}
	return out, true
}
