package abuse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A record is stored as an octet 01, Peace and Recheck, the number of prompts
// and the prompts, the number of requests not signed and these: times are 8
// octets, microseconds since 1970 (0: none), numbers 2.

const recordVersion = 1

// ErrRecord: octets that are no record.
var ErrRecord = errors.New("abuse: no record")

// AppendBinary implements encoding.BinaryAppender.
func (rec Record) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, recordVersion)
	b = appendTime(appendTime(b, rec.Peace), rec.Recheck)
	for _, ts := range [...][]time.Time{rec.Prompts, rec.Unsigned} {
		if len(ts) > 0xFFFF {
			return nil, fmt.Errorf("abuse: %d times, at most %d", len(ts), 0xFFFF)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(ts)))
		for _, t := range ts {
			b = appendTime(b, t)
		}
	}
	return b, nil
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.BigEndian.AppendUint64(b, 0)
	}
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixMicro()))
}

// Parse reads a record; nothing is the zero one. The error is ErrRecord.
func Parse(b []byte) (Record, error) {
	var rec Record
	if len(b) == 0 {
		return rec, nil
	}
	p := parser{b: b}
	if v := p.take(1); p.ok() && v[0] != recordVersion {
		return rec, fmt.Errorf("%w: version %d", ErrRecord, v[0])
	}
	rec.Peace, rec.Recheck = p.time(), p.time()
	rec.Prompts, rec.Unsigned = p.times(), p.times()
	if !p.ok() || len(p.b) > 0 {
		return Record{}, fmt.Errorf("%w: %d octets", ErrRecord, len(b))
	}
	return rec, nil
}

// parser takes octets from the front; once there are too few it takes none.
type parser struct {
	b     []byte
	short bool
}

func (p *parser) ok() bool { return !p.short }

func (p *parser) take(n int) []byte {
	if p.short = p.short || len(p.b) < n; p.short {
		return make([]byte, n)
	}
	v := p.b[:n]
	p.b = p.b[n:]
	return v
}

func (p *parser) time() time.Time {
	us := int64(binary.BigEndian.Uint64(p.take(8)))
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func (p *parser) times() (ts []time.Time) {
	n := binary.BigEndian.Uint16(p.take(2))
	for i := uint16(0); i < n && p.ok(); i++ {
		ts = append(ts, p.time())
	}
	return ts
}
