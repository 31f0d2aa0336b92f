package smpp

import (
	"bytes"
	"fmt"
	"strings"
)

// Largest C-octet strings, terminator included (SMPP 3.4 chapter 4). They
// bind what is sent; what is read may be longer, since real peers are.
const (
	maxSystemID    = 16
	maxPassword    = 9
	maxSystemType  = 13
	maxAddrRange   = 41
	maxServiceType = 6
	maxAddr        = 21
	maxDataAddr    = 65
	maxTime        = 17
	maxMessageID   = 65
	maxDLName      = 21
	maxShort       = 254
)

// Address is an address with its type of number and numbering plan
// (SMPP 3.4 5.2.5 to 5.2.7). Addr is as sent: digits, or text when TON is 5.
type Address struct {
	TON, NPI byte
	Addr     string
}

func appendCString(b []byte, field, s string, max int) ([]byte, error) {
	if len(s)+1 > max {
		return nil, fmt.Errorf("%w: %s takes %d octets, has %d", ErrTooLong, field, max-1, len(s))
	}
	if strings.IndexByte(s, 0) >= 0 {
		return nil, fmt.Errorf("%w: %s holds a NUL", ErrString, field)
	}
	b = append(b, s...)
	return append(b, 0), nil
}

func (a Address) appendTo(b []byte, field string, max int) ([]byte, error) {
	return appendCString(append(b, a.TON, a.NPI), field, a.Addr, max)
}

// cursor reads a body field by field and remembers the first fault.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) octet(field string) byte {
	if c.err != nil {
		return 0
	}
	if len(c.b) == 0 {
		c.err = fmt.Errorf("%w: %s is missing", ErrShort, field)
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *cursor) cstring(field string) string {
	if c.err != nil {
		return ""
	}
	i := bytes.IndexByte(c.b, 0)
	switch {
	case i < 0 && len(c.b) == 0:
		c.err = fmt.Errorf("%w: %s is missing", ErrShort, field)
	case i < 0:
		c.err = fmt.Errorf("%w: %s has no terminator", ErrString, field)
	case i == 0:
		c.b = c.b[1:]
	default:
		s := string(c.b[:i])
		c.b = c.b[i+1:]
		return s
	}
	return ""
}

func (c *cursor) address(field string) Address {
	return Address{c.octet(field), c.octet(field), c.cstring(field)}
}

func (c *cursor) octets(field string, n int) []byte {
	if c.err != nil {
		return nil
	}
	if len(c.b) < n {
		c.err = fmt.Errorf("%w: %s says %d octets, have %d", ErrShort, field, n, len(c.b))
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) tlvs() TLVs {
	if c.err != nil {
		return nil
	}
	ts, err := parseTLVs(c.b)
	c.err, c.b = err, nil
	return ts
}

func (c *cursor) end() error {
	if c.err == nil && len(c.b) > 0 {
		c.err = fmt.Errorf("%w: %d octets too many", ErrTrailing, len(c.b))
	}
	return c.err
}
