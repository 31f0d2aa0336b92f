package abuse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
)

// A record is stored as an octet 02, Peace and Recheck, the number of providers,
// and of each the length of its id, the id, its Peace, the number of its prompts
// and the prompts, the number of its requests not signed and these: times are 8
// octets, microseconds since 1970 (0: none), numbers 2. Earlier releases wrote
// 01, Peace, Recheck, prompts and requests not signed, without a provider.

const recordVersion, oldRecord = 2, 1

// ErrRecord: octets that are no record.
var ErrRecord = errors.New("abuse: no record")

// AppendBinary implements encoding.BinaryAppender.
func (rec Record) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, recordVersion)
	b = appendTime(appendTime(b, rec.Peace), rec.Recheck)
	b, err := appendLen(b, len(rec.By))
	for i := range rec.By {
		p := &rec.By[i]
		if err == nil {
			b, err = appendLen(b, len(p.ID))
		}
		b = appendTime(append(b, p.ID...), p.Peace)
		for _, ts := range [...][]time.Time{p.Prompts, p.Unsigned} {
			if err == nil {
				b, err = appendLen(b, len(ts))
			}
			for _, t := range ts {
				b = appendTime(b, t)
			}
		}
	}
	return b, err
}

func appendLen(b []byte, n int) ([]byte, error) {
	if n > 0xFFFF {
		return b, fmt.Errorf("abuse: %d things in a record, at most %d", n, 0xFFFF)
	}
	return binary.BigEndian.AppendUint16(b, uint16(n)), nil
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
	v := p.take(1)[0]
	if v != recordVersion && v != oldRecord {
		return rec, fmt.Errorf("%w: version %d", ErrRecord, v)
	}
	rec.Peace, rec.Recheck = p.time(), p.time()
	if v == oldRecord {
		if c := (Count{Prompts: p.times(), Unsigned: p.times()}); len(c.Prompts)+len(c.Unsigned) > 0 {
			rec.By = []Provider{{Count: c}}
		}
	} else {
		for n := p.len(); n > 0 && p.ok(); n-- {
			id := mssp.APID(p.take(p.len()))
			if i := len(rec.By); i > 0 && id <= rec.By[i-1].ID {
				return Record{}, fmt.Errorf("%w: providers out of order", ErrRecord)
			}
			rec.By = append(rec.By, Provider{ID: id, Count: Count{Peace: p.time(), Prompts: p.times(), Unsigned: p.times()}})
		}
	}
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

func (p *parser) len() int { return int(binary.BigEndian.Uint16(p.take(2))) }

func (p *parser) time() time.Time {
	us := int64(binary.BigEndian.Uint64(p.take(8)))
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func (p *parser) times() (ts []time.Time) {
	for n := p.len(); n > 0 && p.ok(); n-- {
		ts = append(ts, p.time())
	}
	return ts
}
