package emulator

import "strings"

// maxLine is the longest command line; a longer one is refused whole.
const maxLine = 2048

// line collects what the host writes: a command line up to S3, or the text
// of a message after the prompt up to ^Z or ESC. mu is held.
type line struct {
	m     *Modem
	p     *port
	buf   []byte
	long  bool // the line is beyond maxLine
	lf    bool // the next octet may be the LF of a CR LF
	echo  []byte
	entry *entry
}

// entry is a message text under way (+CMGS, +CMGW, +CNMA).
type entry struct {
	text bool // text mode: line ends belong to it
	done func(body []byte)
}

const (
	ctrlZ  = 0x1A
	escape = 0x1B
)

func (l *line) octet(b byte) {
	m := l.m
	if m.silent {
		l.buf, l.entry, l.echo = nil, nil, nil
		return
	}
	if m.set.echo {
		l.echo = append(l.echo, b)
	}
	if l.entry != nil {
		l.body(b)
		return
	}
	switch {
	case b == m.set.s3:
		l.flushEcho()
		text, long := string(l.buf), l.long
		l.buf, l.long = l.buf[:0], false
		if long {
			m.final(fail(cmeTextLong))
			return
		}
		l.command(text)
	case b == m.set.s5 && len(l.buf) > 0:
		l.buf = l.buf[:len(l.buf)-1]
	case b < ' ' || b == 0x7F: // LF, NUL, ESC, ^Z: not part of a line
	case len(l.buf) >= maxLine:
		l.long = true
	default:
		l.buf = append(l.buf, b)
	}
}

// body takes an octet of a message text.
func (l *line) body(b byte) {
	e := l.entry
	switch {
	case b == ctrlZ:
		l.flushEcho()
		text := l.buf
		l.buf, l.entry, l.long = nil, nil, false
		e.done(text)
	case b == escape:
		l.flushEcho()
		l.buf, l.entry, l.long = nil, nil, false
		l.m.final(ok)
	case b == '\r' && e.text:
		l.buf = append(l.buf, '\n')
		l.m.raw([]byte("\r\n> "))
	case b < ' ' && b != '\n' || b == '\n': // a PDU is hex digits alone
	case len(l.buf) < maxLine:
		l.buf = append(l.buf, b)
	}
}

func (l *line) flushEcho() {
	l.m.raw(l.echo)
	l.echo = l.echo[:0]
}

// command runs one line.
func (l *line) command(text string) {
	m := l.m
	upper := strings.ToUpper(text)
	if i := strings.Index(upper, "A/"); i >= 0 && !strings.Contains(upper, "AT") {
		text = m.lastLine
		upper = strings.ToUpper(text)
	}
	i := strings.Index(upper, "AT")
	if i < 0 {
		return // noise
	}
	m.lastLine = text
	if m.errors {
		m.final(fail(-1))
		return
	}
	x := &execution{m: m, l: l}
	x.run(parseLine(text[i+2:]))
}
