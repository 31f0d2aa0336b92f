package loopback

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// A frame is a 2-octet length, most significant octet first, and that many
// octets: one attach message or one RP message.
const (
	frameHeader = 2
	maxFrame    = rp.MaxMessage
)

// ErrFrame means that the other side does not speak this protocol.
var ErrFrame = errors.New("bad frame")

// frameReader takes frames from a stream. One Read fetches as many frames as
// have arrived.
type frameReader struct {
	r          io.Reader
	buf        []byte
	start, end int
}

// The buffer grows while reads fill it: a handset stays at the first size,
// the service's end of a busy network becomes larger.
const (
	readBuffer    = 1 << 10
	maxReadBuffer = 32 << 10
)

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{r: r, buf: make([]byte, readBuffer)}
}

// next returns the next frame; it is valid until the following call.
func (f *frameReader) next() ([]byte, error) {
	for {
		have := f.end - f.start
		if have >= frameHeader {
			n := int(binary.BigEndian.Uint16(f.buf[f.start:]))
			if n == 0 || n > maxFrame {
				return nil, fmt.Errorf("%w: length %d, must be 1 to %d", ErrFrame, n, maxFrame)
			}
			if have >= frameHeader+n {
				b := f.buf[f.start+frameHeader : f.start+frameHeader+n]
				f.start += frameHeader + n
				return b, nil
			}
		}
		if err := f.fill(); err != nil {
			if have > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

func (f *frameReader) fill() error {
	rest := f.buf[f.start:f.end]
	if f.end == len(f.buf) && len(f.buf) < maxReadBuffer {
		f.buf = make([]byte, 2*len(f.buf))
	}
	f.start, f.end = 0, copy(f.buf, rest)
	n, err := f.r.Read(f.buf[f.end:])
	f.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// more tells whether next returns at once.
func (f *frameReader) more() bool {
	have := f.end - f.start
	return have >= frameHeader && have >= frameHeader+int(binary.BigEndian.Uint16(f.buf[f.start:]))
}

// appendFrame appends m as one frame.
func appendFrame(b []byte, m *rp.Message) ([]byte, error) {
	at := len(b)
	b = append(b, 0, 0)
	b, err := m.AppendBinary(b)
	if err != nil {
		return b[:at], err
	}
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-frameHeader))
	return b, nil
}
