package emulator

// maxLine is the longest command line; a longer one is refused whole.
const maxLine = 2048

// line collects what the host writes: a command line up to S3 (ITU-T V.250 5.2.1),
// or the text of a message after the prompt up to ^Z or ESC (TS 27.005 3.5.1). mu is held.
type line struct {
	m     *Modem
	buf   []byte
	long  bool // the line is beyond maxLine
	echo  []byte
	entry *entry
	boot  int // of the modem when the line began
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
	if l.boot != m.boots { // a reset forgets what was begun
		l.buf, l.entry, l.echo, l.long, l.boot = nil, nil, nil, false, m.boots
	}
	if m.host.silent {
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
			m.host.final(fail(cmeTextLong))
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
		if len(l.buf) == 2 && index(string(l.buf), "A/") == 0 { // nothing ends this one (ITU-T V.250 5.2.4)
			l.flushEcho()
			l.buf = l.buf[:0]
			l.command(m.lastLine)
		}
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
		l.m.host.final(ok)
	case b == '\r' && e.text:
		l.buf = append(l.buf, '\n')
		l.m.host.raw([]byte("\r\n> "))
	case b == '\n', b < ' ' && !(e.text && l.m.set.cscs == "GSM"): // no part of a text, but for characters of that alphabet
	case len(l.buf) < maxLine:
		l.buf = append(l.buf, b)
	}
}

func (l *line) flushEcho() {
	l.m.host.raw(l.echo)
	l.echo = l.echo[:0]
}

// command runs one line.
func (l *line) command(text string) {
	m := l.m
	i := index(text, "AT")
	if i < 0 {
		return // noise
	}
	m.lastLine = text
	if m.errors {
		m.host.final(fail(-1))
		return
	}
	x := &execution{m: m, l: l}
	x.run(parseLine(text[i+2:]))
}

// index finds two characters in either case; octets beyond ASCII are noise.
func index(s, want string) int {
	for i := range len(s) - 1 {
		if s[i]&^0x20 == want[0] && (s[i+1] == want[1] || s[i+1]&^0x20 == want[1]) {
			return i
		}
	}
	return -1
}
