package signing

import (
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// dialogue is the applet talking with the user: a session, and the strings,
// codes and time-outs of the applet.
type dialogue struct {
	*session
	a *Applet
	// most is how many seconds a screen waits at most, as the message says whose
	// screens these are; 0 when it says nothing.
	most byte
	// What was entered right: a new code must differ from it.
	old, unblocking string
}

// seconds is the time-out of a screen: the applet's own, or the message's where
// that is shorter or the applet has none.
func (d *dialogue) seconds(own byte) byte {
	if d.most != 0 && (own == 0 || own > d.most) {
		return d.most
	}
	return own
}

// maxHelp bounds how often help is shown before it counts as no answer.
const maxHelp = 3

// show displays a text until the user has read it.
func (d *dialogue) show(text string) applet.StatusWord {
	t, ok := applet.ScreenText(text)
	if !ok || len(t.Octets) > uicc.MaxDisplay {
		return applet.StatusWrongLength // compose has measured it before
	}
	for range maxHelp {
		d.displayText(t, uicc.DisplayWait, d.seconds(d.a.data.textSeconds))
		r := d.send()
		if d.off {
			return statusOff
		}
		if st := statusOfResult(r.Result); st != statusHelp {
			return st
		}
		d.tell(strHelp, "")
	}
	return applet.StatusNoAnswer
}

// tell informs the user without waiting; what becomes of it does not matter.
func (d *dialogue) tell(id stringID, value string) {
	t, ok := applet.ScreenText(d.a.strings.text(id, value))
	if d.off || !ok || len(t.Octets) > uicc.MaxDisplay {
		return
	}
	d.displayText(t, uicc.DisplayHigh, 0)
	d.send()
}

// fitsDisplay says whether a text can stand in a DISPLAY TEXT.
func fitsDisplay(text string) bool {
	t, ok := applet.ScreenText(text)
	return ok && len(t.Octets) <= uicc.MaxDisplay
}

// fitsInput says whether a text can stand in an entry prompt.
func fitsInput(text string) bool {
	t, ok := applet.ScreenText(text)
	return ok && len(t.Octets) <= uicc.MaxInput
}

// ask lets the user enter digits. The value lives in the reply until the next
// command.
func (d *dialogue) ask(prompt string, lo, hi byte, hidden bool) (string, applet.StatusWord) {
	t, ok := applet.ScreenText(prompt)
	if !ok || len(t.Octets) > uicc.MaxInput {
		return "", applet.StatusWrongLength
	}
	qualifier := byte(uicc.InputDigits)
	if hidden {
		qualifier = uicc.InputHidden
	}
	for range maxHelp {
		d.getInput(t, lo, hi, qualifier, d.seconds(d.a.data.inputSeconds))
		r := d.send()
		if d.off {
			return "", statusOff
		}
		st := statusOfResult(r.Result)
		if st == statusHelp {
			d.tell(strHelp, "")
			continue
		}
		if st != applet.StatusOK {
			return "", st
		}
		digits, ok := entered(r)
		if !ok { // the terminal's fault costs the user no try
			return "", applet.StatusOther
		}
		return digits, applet.StatusOK
	}
	return "", applet.StatusNoAnswer
}

// entered reads an entry in whatever coding the terminal chose; ok is false when there is
// none, or none that can be read. What is not a digit cannot be part of a code and
// makes the entry a wrong one.
func entered(r uicc.Response) (digits string, ok bool) {
	if !r.Entry || len(r.Text.Octets) == 0 {
		return "", false
	}
	text, err := r.Text.Decode()
	return strings.TrimRight(text, "\r"), err == nil
}

// step is one screen of a journey.
type step func() applet.StatusWord

// walk goes through steps: forward when one is done, back when the user goes
// back. Back from the first one is a cancel.
func (d *dialogue) walk(steps ...step) applet.StatusWord {
	for i := 0; i < len(steps); {
		switch st := steps[i](); {
		case st == applet.StatusOK:
			i++
		case st == statusBack && i > 0:
			i--
		case st == statusBack:
			return applet.StatusCancelled
		default:
			return st
		}
	}
	return applet.StatusOK
}

// lines joins what is to stand below each other, leaving out what is empty.
func lines(parts ...string) string {
	n := 0
	var only string
	for _, p := range parts {
		if p != "" {
			n, only = n+1, p
		}
	}
	if n <= 1 {
		return only
	}
	var b strings.Builder
	for _, p := range parts {
		if p == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p)
	}
	return b.String()
}

// below puts a prompt under a lead, or alone when both do not fit.
func below(lead, prompt string) string {
	if both := lines(lead, prompt); fitsInput(both) {
		return both
	}
	return prompt
}
