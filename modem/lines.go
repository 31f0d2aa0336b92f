package modem

// Bounds of what a modem may say. The longest honest line is the PDU of a
// message: 2 x (12 + 1 + 175) hexadecimal digits.
const (
	maxLine  = 2048
	maxNoise = 64 << 10 // octets without a line end: not a modem, or another speed
)

// prompt is the line that stands for the prompt of +CMGS, which has no end.
const prompt = ">"

// splitter cuts what comes from a port into lines. Octets that are no printable
// ASCII are left out; an empty line is none; one that is too long is left out
// whole. It holds at most maxLine octets.
type splitter struct {
	line  []byte
	long  bool // the present line is too long
	quiet int  // octets since the last line end
	// dropped counts lines that were too long and octets that were no text.
	dropped int
}

// feed takes octets and calls f for every line that they complete. f must not
// keep the slice. It reports false when the line is nothing but noise.
func (s *splitter) feed(b []byte, f func(line []byte)) bool {
	for _, c := range b {
		s.quiet++
		switch {
		case c == '\r' || c == '\n':
			s.quiet = 0
			s.end(f)
		case c < 0x20 || c > 0x7E:
			s.dropped++
		case s.long:
		case len(s.line) == maxLine:
			s.long = true
			s.dropped++
		default:
			s.line = append(s.line, c)
			// It waits for us: neither a line end nor, in some modems, the
			// space of TS 27.005 3.5.1 follows it.
			if len(s.line) == 1 && c == prompt[0] {
				s.end(f)
			}
		}
	}
	return s.quiet <= maxNoise
}

// end completes a line.
func (s *splitter) end(f func([]byte)) {
	line := s.line
	for len(line) > 0 && line[len(line)-1] == ' ' {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	if len(line) > 0 && !s.long {
		f(line)
	}
	s.line, s.long = s.line[:0], false
}
