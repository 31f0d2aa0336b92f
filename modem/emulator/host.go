package emulator

import "strconv"

// host is the modem's way to the program that uses it: what it says goes there
// in the form that the program has chosen (ITU-T V.250 6.2). The lock of the modem
// guards it.
type host struct {
	set    *settings
	trace  func(toHost bool, b []byte) // Options.Trace
	port   *port                       // nil: nobody is there
	silent bool                        // nothing is said
}

// raw writes octets to the host.
func (h *host) raw(b []byte) {
	if h.port == nil || h.silent || len(b) == 0 {
		return
	}
	if h.trace != nil {
		h.trace(true, b)
	}
	h.port.put(b)
}

// lines writes unsolicited result codes.
func (h *host) lines(lines ...string) {
	for _, l := range lines {
		h.raw(h.framed(l))
	}
}

// framed is a result code or information as it goes to the host (ITU-T V.250 5.7.1).
func (h *host) framed(text string) []byte {
	end := string([]byte{h.set.s3, h.set.s4})
	if !h.set.verbose {
		return []byte(text + end)
	}
	return []byte(end + text + end)
}

// final writes the last answer of a line.
func (h *host) final(f final) {
	if f.none || h.set.quiet {
		return
	}
	h.raw(h.finalCode(f))
}

// finalCode is a result code in words, or a number (ITU-T V.250 6.2.6); that of
// an error as +CMEE wants it (TS 27.007 9.1).
func (h *host) finalCode(f final) []byte {
	short := func(s string) []byte {
		if h.set.verbose {
			return nil
		}
		return append([]byte(s), h.set.s3)
	}
	var text string
	switch {
	case f.exact != "":
		text = f.exact
	case f.code == 0:
		if b := short("0"); b != nil {
			return b
		}
		text = "OK"
	case f.code < 0, !f.cms && h.set.cmee == 0:
		if b := short("4"); b != nil {
			return b
		}
		text = "ERROR"
	default:
		word, what := "+CME ERROR: ", strconv.Itoa(f.code)
		if f.cms {
			word = "+CMS ERROR: "
		}
		if h.set.cmee == 2 {
			what = verbose(f)
		}
		text = word + what
	}
	return h.framed(text)
}
