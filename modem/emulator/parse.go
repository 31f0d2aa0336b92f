package emulator

import "strings"

// form is what a command line does with a command (ITU-T V.250 5.4.3, ITU-T V.250
// 5.4.4).
type form byte

const (
	action form = iota // +CMD, or a basic command
	read               // +CMD?
	test               // +CMD=?
	set                // +CMD=...
)

// extensions are the characters that begin an extended command.
const extensions = `+^*#%$\`

// command is one command of a line. A basic command has its digits in args.
type command struct {
	name string // "+CMGS", "E", "&F", "S3"
	form form
	args string
}

// parseLine takes a line after AT apart: basic commands one after the other,
// extended ones up to a semicolon that is not within quotes.
func parseLine(s string) []command {
	var out []command
	for {
		s = strings.TrimLeft(s, " ;")
		if s == "" {
			return out
		}
		var c command
		if strings.IndexByte(extensions, s[0]) >= 0 {
			c, s = extended(s)
		} else {
			c, s = basic(s)
		}
		out = append(out, c)
	}
}

func extended(s string) (command, string) {
	end, quoted := len(s), false
	for i := range len(s) {
		if s[i] == '"' {
			quoted = !quoted
		} else if s[i] == ';' && !quoted {
			end = i
			break
		}
	}
	text, rest := strings.TrimSpace(s[:end]), s[end:]
	n := strings.IndexAny(text, "=?")
	if n < 0 {
		return command{name: strings.ToUpper(text)}, rest
	}
	c := command{name: strings.ToUpper(strings.TrimSpace(text[:n]))}
	switch arg := strings.TrimSpace(text[n+1:]); {
	case text[n] == '?':
		c.form = read
	case arg == "?":
		c.form = test
	default:
		c.form, c.args = set, arg
	}
	return c, rest
}

// basic (ITU-T V.250 5.3.1) reads a letter, or & and a letter, and the number after it; S has its
// own grammar, and D takes the rest.
func basic(s string) (command, string) {
	n := 1
	if s[0] == '&' && len(s) > 1 {
		n = 2
	}
	c := command{name: strings.ToUpper(s[:n])}
	digits := func() string {
		from := n
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		return s[from:n]
	}
	switch c.name {
	case "D":
		return command{name: "D", args: s[1:]}, ""
	case "S":
		c.name += digits()
		if n < len(s) && s[n] == '?' {
			n++
			c.form = read
		} else if n < len(s) && s[n] == '=' {
			n++
			c.form, c.args = set, digits()
		}
	default:
		c.args = digits()
	}
	return c, s[n:]
}

// fields splits arguments at commas that are not within quotes, without the
// quotes.
func fields(s string) []string {
	if s == "" {
		return nil
	}
	var out []string
	from, quoted := 0, false
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ',' && !quoted {
			out = append(out, strings.Trim(strings.TrimSpace(s[from:i]), `"`))
			from = i + 1
		} else if s[i] == '"' {
			quoted = !quoted
		}
	}
	return out
}
