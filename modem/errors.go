package modem

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/warthog618/modem/at"
)

// Why a session ends. All but ErrHeld and ErrPIN go away by themselves or
// with a reset.
var (
	ErrSilent  = errors.New("modem does not answer")
	ErrDesync  = errors.New("modem answered what was not asked")
	ErrNoise   = errors.New("64 kB without a line end: not a modem, or another line speed")
	ErrReboot  = errors.New("modem has restarted by itself")
	ErrHeld    = errors.New("port is held by another program")
	ErrPIN     = errors.New("SIM wants a PIN that we must not try")
	ErrRefuses = errors.New("modem refuses what it needs to be a bearer")
	errPort    = errors.New("port is gone")
	errStopped = errors.New("stopped")
)

// noPort is errPort of a port that could not be opened.
type noPort struct{}

func (noPort) Error() string        { return "port cannot be opened" }
func (noPort) Is(target error) bool { return target == errPort }

// Error is a final code that is not OK. 3GPP TS 27.005 3.2.5, TS 27.007 9.2.
type Error struct {
	Command string // without parameters
	Kind    string // "CMS", "CME" or "" for ERROR and what vendors put there
	Code    int    // -1 when the modem gave none
	Text    string // in place of a code; at most 40 characters
}

func (e *Error) Error() string {
	switch {
	case e.Kind == "":
		return "AT" + e.Command + ": ERROR"
	case e.Code < 0:
		return fmt.Sprintf("AT%s: %s error %q", e.Command, e.Kind, e.Text)
	}
	text := causes[e.Code].text
	if e.Kind == "CME" {
		text = equipment[e.Code]
	}
	if text != "" {
		return fmt.Sprintf("AT%s: %s error %d (%s)", e.Command, e.Kind, e.Code, text)
	}
	return fmt.Sprintf("AT%s: %s error %d", e.Command, e.Kind, e.Code)
}

// equipment is what the usual codes of +CME ERROR say. TS 27.007 9.2.1.
var equipment = map[int]string{
	3: "operation not allowed", 4: "operation not supported", 10: "SIM not inserted", 11: "SIM PIN required", 12: "SIM PUK required",
	13: "SIM failure", 14: "SIM busy", 15: "SIM wrong", 16: "incorrect password", 30: "no network service", 50: "incorrect parameters", 100: "unknown",
}

// newError reads an error of package at.
func newError(command string, err error) *Error {
	e := &Error{Command: command, Code: -1}
	var cms at.CMSError
	var cme at.CMEError
	switch {
	case errors.As(err, &cms):
		e.Kind, e.Text = "CMS", string(cms)
	case errors.As(err, &cme):
		e.Kind, e.Text = "CME", string(cme)
	default:
		return e
	}
	if n, err := strconv.Atoi(strings.TrimSpace(e.Text)); err == nil && n >= 0 {
		e.Code = n
	}
	e.Text = e.Text[:min(len(e.Text), 40)]
	return e
}
