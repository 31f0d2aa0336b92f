package smpp

import (
	"bytes"
	"fmt"
	"strings"
)

// Largest C-octet strings, terminator included (SMPP 3.4 chapter 4). They
// bind what is sent; what is read may be longer, since real peers are.
const (
	maxSystemID    = 16  // 5.2.1
	maxPassword    = 9   // 5.2.2
	maxSystemType  = 13  // 5.2.3
	maxAddrRange   = 41  // 5.2.7
	maxServiceType = 6   // 5.2.11
	maxAddr        = 21  // 5.2.8, 5.2.9
	maxDataAddr    = 65  // in data_sm and alert_notification: 4.7.1, 4.12.1
	maxTime        = 17  // 7.1.1
	maxMessageID   = 65  // 5.2.23
	maxDLName      = 21  // 5.2.27
	maxShort       = 254 // octets, and no terminator: 5.2.21, 5.2.22
)

// Address is an address with its type of number and numbering plan
// (SMPP 3.4 5.2.5, 5.2.6, 5.2.8). Addr is as sent: digits, or text when TON is 5.
type Address struct {
	TON, NPI byte
	Addr     string
}

// appendCString appends a C-Octet String (SMPP 3.4 3.1) of at most max octets.
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
