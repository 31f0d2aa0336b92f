// Package vectors runs a file of secured packets with known contents against
// the codecs of package ota and ota/sms, and says which ones they get wrong.
//
// The file is one JSON object with up to five lists. "commands" and
// "responses" give keys, fields and the packet that they make; each is sealed
// and compared octet by octet, opened again, taken apart, split and joined.
// "negative_responses" are damaged answers with the kind of error that must
// meet them. "third_party_vectors" were published by other implementations,
// each with a verdict on how far to trust it. "card_simulator_session" holds
// the two directions of a session with a card.
//
// Nothing passes for lack of a check: an entry in which nothing could be
// compared, or that lacks what every entry of its kind has, has failed.
package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Report is the outcome.
type Report struct {
	Passed, Failed int
	Failures       []string // one line each: which entry and what is wrong
}

// ErrFile means that the octets are not a file of vectors.
var ErrFile = errors.New("not a file of vectors")

// file keeps the entries raw, so that one that cannot be read is one failure.
type file struct {
	Commands     []json.RawMessage `json:"commands"`
	Responses    []json.RawMessage `json:"responses"`
	Negative     []json.RawMessage `json:"negative_responses"`
	NegativeCmds []json.RawMessage `json:"negative_commands"`
	ThirdParty   []json.RawMessage `json:"third_party_vectors"`
	Session      *session          `json:"card_simulator_session"`
}

// Verify runs every entry. The error is about the file as a whole (ErrFile);
// wrong entries are in the report.
func Verify(r io.Reader) (Report, error) {
	var rep Report
	raw, err := io.ReadAll(r)
	if err != nil {
		return rep, err
	}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return rep, fmt.Errorf("%w: %s", ErrFile, where(raw, err))
	}
	bases := make(map[string]entry)
	rep.list("command", f.Commands, keep(bases, (*entry).command))
	rep.list("response", f.Responses, keep(bases, (*entry).response))
	negative := func(e *entry, c *check) { e.negative(c, bases) }
	rep.list("negative response", f.Negative, negative)
	rep.list("negative command", f.NegativeCmds, negative)
	rep.list("third party", f.ThirdParty, (*entry).thirdParty)
	if f.Session != nil {
		rep.list("card session", f.Session.Steps, f.Session.step)
	}
	if rep.Passed+rep.Failed == 0 {
		return rep, fmt.Errorf("%w: it has none of commands, responses, negative_responses, third_party_vectors, card_simulator_session", ErrFile)
	}
	return rep, nil
}

// keep remembers entries by id, for the negative ones that refer to them.
func keep(bases map[string]entry, run func(*entry, *check)) func(*entry, *check) {
	return func(e *entry, c *check) {
		if _, twice := bases[e.ID]; twice {
			c.fail("the id is there twice")
		}
		bases[e.ID] = *e
		run(e, c)
	}
}

// list runs one section.
func (rep *Report) list(section string, raw []json.RawMessage, run func(*entry, *check)) {
	for i, r := range raw {
		var e entry
		c := check{}
		name := fmt.Sprintf("%s %d", section, i+1)
		if string(r) == "null" {
			c.fail("it is null")
		} else if err := json.Unmarshal(r, &e); err != nil {
			c.fail("%v", err)
		} else {
			run(&e, &c)
		}
		if c.err == nil && c.made == 0 {
			c.fail("nothing could be checked")
		}
		if c.err == nil {
			rep.Passed++
			continue
		}
		if label := e.label(); label != "" {
			name += " (" + label + ")"
		}
		rep.Failed++
		rep.Failures = append(rep.Failures, oneLine(name+": "+c.err.Error()))
	}
}

func (e *entry) label() string {
	if e.ID != "" {
		return e.ID
	}
	return e.Name
}

// oneLine removes what would break a line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, s)
}

// where adds the line to an error of the JSON decoder.
func where(raw []byte, err error) string {
	at := int64(-1)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	if at < 0 || at > int64(len(raw)) {
		return err.Error()
	}
	return fmt.Sprintf("line %d: %v", 1+bytes.Count(raw[:at], []byte("\n")), err)
}

// check collects the comparisons of one entry and keeps the first failure.
type check struct {
	made int
	err  error
}

func (c *check) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// failed reports an error of the codec; it is true when the entry cannot go on.
func (c *check) failed(what string, err error) bool {
	if err != nil {
		c.fail("%s: %w", what, err)
	}
	return err != nil
}

// number compares unless want is absent.
func (c *check) number(what string, have int, want *number) {
	if want == nil {
		return
	}
	c.made++
	if have != int(*want) {
		c.fail("%s is %d, the vector has %d", what, have, int(*want))
	}
}

// octets compares unless want is absent.
func (c *check) octets(what string, have []byte, want *octets) {
	if want == nil {
		return
	}
	c.made++
	if bytes.Equal(have, *want) {
		return
	}
	n := 0
	for n < min(len(have), len(*want)) && have[n] == (*want)[n] {
		n++
	}
	c.fail("%s differs from octet %d on: have %d octets %s, the vector has %d octets %s", what, n,
		len(have), excerpt(have[n:]), len(*want), excerpt((*want)[n:]))
}

// text compares unless want is absent.
func (c *check) text(what, have string, want *string) {
	if want == nil {
		return
	}
	c.made++
	if have != *want {
		c.fail("%s is %s, the vector has %s", what, have, *want)
	}
}

// excerpt shows a few octets.
func excerpt(b []byte) string {
	if len(b) > 8 {
		return fmt.Sprintf("%X...", b[:8])
	}
	return fmt.Sprintf("%X", b)
}
