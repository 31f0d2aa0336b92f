package smpp

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// HeaderLen is the length of a PDU header in octets (SMPP 3.4 3.2).
const HeaderLen = 16

// MaxFrame is the largest command_length (SMPP 3.4 5.1.1) that is read: a
// deliver_sm with a message_payload of 65,535 octets and room for the rest.
const MaxFrame = 70_000

// Header is the header of a PDU (SMPP 3.4 3.2) without its length.
type Header struct {
	Command CommandID
	Status  Status
	Seq     uint32
}

// Frame is one PDU as it was on the wire: the header, and the body whose
// meaning the command decides. Body is valid until the next read.
type Frame struct {
	Header
	Body []byte
}

// Reader reads frames from a stream. It keeps one buffer that grows to the
// largest frame seen and shrinks again after large ones.
type Reader struct {
	r     *bufio.Reader
	limit int
	buf   []byte
}

// keepBuffer is the size up to which a frame buffer is kept for the next frame.
const keepBuffer = 4096

// NewReader reads frames of at most limit octets (0: MaxFrame).
func NewReader(r io.Reader, limit int) *Reader {
	if limit <= 0 {
		limit = MaxFrame
	}
	return &Reader{r: bufio.NewReaderSize(r, 16<<10), limit: limit}
}

// Next reads one frame. An ErrFrame means that the stream is out of step and
// must be closed; the header of the offending PDU is still returned so that
// it can be answered. io.EOF comes only between frames.
func (r *Reader) Next() (Frame, error) {
	h, err := r.r.Peek(HeaderLen)
	if err != nil {
		switch {
		case len(h) == 0:
			return Frame{}, err // io.EOF between frames
		case len(h) >= 4 && binary.BigEndian.Uint32(h) < HeaderLen:
			return Frame{}, fmt.Errorf("%w: needs at least %d, is %d", ErrFrame, HeaderLen, binary.BigEndian.Uint32(h))
		}
		return Frame{}, unexpected(err)
	}
	n := int64(binary.BigEndian.Uint32(h))
	f := Frame{Header: Header{
		CommandID(binary.BigEndian.Uint32(h[4:])), Status(binary.BigEndian.Uint32(h[8:])), binary.BigEndian.Uint32(h[12:]),
	}}
	r.r.Discard(HeaderLen) // they are there
	if n < HeaderLen || n > int64(r.limit) {
		return f, fmt.Errorf("%w: %s says %d octets, 16 to %d are taken", ErrFrame, f.Command, n, r.limit)
	}
	body := int(n) - HeaderLen
	if cap(r.buf) < body || cap(r.buf) > keepBuffer && body <= keepBuffer {
		r.buf = make([]byte, body, max(body, 512))
	}
	r.buf = r.buf[:body]
	if _, err := io.ReadFull(r.r, r.buf); err != nil {
		return f, unexpected(err)
	}
	f.Body = r.buf
	return f, nil
}

// Pending reports whether octets of another frame have already arrived.
func (r *Reader) Pending() bool { return r.r.Buffered() > 0 }

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// AppendFrame appends a PDU whose body is already coded.
func AppendFrame(b []byte, h Header, body []byte) []byte {
	b = appendHeader(b, h, len(body))
	return append(b, body...)
}

func appendHeader(b []byte, h Header, body int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(HeaderLen+body))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Command))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Status))
	return binary.BigEndian.AppendUint32(b, h.Seq)
}

// Append appends a PDU: its header and its body (nil for none). With an error
// b comes back as it was.
func Append(b []byte, h Header, body Body) ([]byte, error) {
	start, before := len(b), b
	b = appendHeader(b, h, 0)
	if body != nil {
		var err error
		if b, err = body.appendBody(b, h.Command); err != nil {
			return before, fmt.Errorf("%s: %w", h.Command, err)
		}
	}
	n := len(b) - start
	if n > MaxFrame {
		return before, fmt.Errorf("%w: %s of %d octets, at most %d", ErrTooLong, h.Command, n, MaxFrame)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(n))
	return b, nil
}
