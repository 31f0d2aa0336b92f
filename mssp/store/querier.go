package store

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp/audit"
)

// querier runs the statements of one job: the same SQL text on both engines,
// with $1, $2, ... for arguments. Arguments are int, int64, byte, bool (0 or
// 1), string, []byte (nil is an empty blob) and time.Time (microseconds since
// 1970, 0 for the zero time).
type querier interface {
	// exec answers how many rows changed.
	exec(q string, args ...any) (int64, error)
	// one answers the first row, or ErrNotFound. The row is good until the
	// next statement.
	one(q string, args ...any) (*row, error)
	// each calls f for every row; f must not run a statement.
	each(q string, f func(*row) error, args ...any) error
	// authority is what its rows are held to.
	authority() *authority
	// note keeps an entry of the audit log, which this job writes at its end.
	note(e audit.Entry)
}

// errNote: a statement outside of a job has something for the audit log, a mistake in
// this package.
const errNote = "store: an entry of the audit log outside of a job"

// row reads the columns of a result from left to right. A value of another
// type than asked for is kept as an error, which err answers: a scan function
// checks once, at its end.
type row struct {
	v    []driver.Value
	i    int
	bad  error
	auth *authority
}

func (r *row) next() driver.Value {
	if r.i >= len(r.v) {
		r.fail("nothing")
		return nil
	}
	r.i++
	return r.v[r.i-1]
}

func (r *row) fail(v any) {
	if r.bad == nil {
		r.bad = fmt.Errorf("store: column %d of a row holds %T: %w", r.i, v, ErrAltered)
	}
}

func (r *row) err() error { return r.bad }

// int reads an integer; NULL is 0.
func (r *row) int() int64 {
	switch v := r.next().(type) {
	case int64:
		return v
	case nil:
		return 0
	default:
		r.fail(v)
		return 0
	}
}

// text reads a string; NULL is "".
func (r *row) text() string {
	switch v := r.next().(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case nil:
		return ""
	default:
		r.fail(v)
		return ""
	}
}

// blob reads octets; an empty blob and NULL are nil.
func (r *row) blob() []byte {
	switch v := r.next().(type) {
	case []byte:
		if len(v) == 0 {
			return nil
		}
		return v
	case nil:
		return nil
	default:
		r.fail(v)
		return nil
	}
}

// num reads an integer that has bounds.
func (r *row) num(low, high int64) int64 {
	n := r.int()
	if n < low || n > high {
		r.wrong("%d, which must be %d to %d", n, low, high)
		return low
	}
	return n
}

// wordOf reads one of some words.
func wordOf[T ~string](r *row, words ...T) T {
	s := T(r.text())
	if !slices.Contains(words, s) {
		r.wrong("none of the words %q", words)
		return words[0]
	}
	return s
}

// wrong keeps that the column just read holds what cannot be. The text never
// shows what is there when it may be a person's.
func (r *row) wrong(format string, args ...any) {
	if r.bad == nil {
		r.bad = fmt.Errorf("store: column %d of a row holds "+format+": %w", append(append([]any{r.i}, args...), ErrAltered)...)
	}
}

// maxVersion bounds the versions of rows.
const maxVersion = 1 << 62

func (r *row) bool() bool { return r.int() != 0 }

// flag reads a truth value that decides something: 0 or 1.
func (r *row) flag() bool { return r.num(0, 1) != 0 }

// time reads microseconds since 1970; 0 is the zero time.
func (r *row) time() time.Time {
	us := r.int()
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// moment reads a time that is not before 1970 and has a year of four digits.
func (r *row) moment() time.Time {
	us := r.num(0, 253402300799e6)
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// micros is how times are stored.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Storable is a text as both engines take it. PostgreSQL refuses octets that
// are not UTF-8, and NUL; message ids of some centres, and what somebody sends
// as his AP_ID, have them. They are kept in the form \xE9.
func Storable(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02X`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// value makes a column value of an argument.
func value(a any) driver.Value {
	switch v := a.(type) {
	case int64:
		return v
	case raw:
		return v.v
	case string:
		return Storable(v)
	case []byte:
		if v == nil {
			return []byte{}
		}
		return v
	case int:
		return int64(v)
	case byte:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return micros(v)
	case time.Duration:
		return int64(v / time.Microsecond)
	}
	panic(fmt.Sprintf("store: argument of type %T", a)) // a mistake in this package, found by its first test
}
