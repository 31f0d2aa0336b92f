package signing

import (
	"strconv"

	"github.com/simsign/simsign/applet"
)

// enter lets the user enter a code that exists, until it is right, blocked or
// given up. lead stands above the prompt the first time. *entered is set with
// the first entry: from then on nothing counts as a cancel (3.5.6-1).
func (d *dialogue) enter(ref applet.CodeRef, lead string, prompt stringID, entered *bool) applet.StatusWord {
	a, k := d.a, d.a.codes.get(ref)
	lo, hi := k.Format()
	for {
		if k.Left() == 0 {
			d.tell(strBlocked, "")
			return applet.StatusBlocked
		}
		digits, st := d.ask(below(lead, a.strings.text(prompt, "")), lo, hi, true)
		if st != applet.StatusOK {
			return st
		}
		*entered = true
		ok, err := k.Check(digits)
		switch {
		case err != nil:
			return applet.StatusOther
		case ok:
			d.old = digits
			return applet.StatusOK
		}
		lead = a.strings.text(strWrongCode, strconv.Itoa(int(k.Left())))
	}
}

// choose lets the user choose a code: enter, enter again, compare (3.5.1-5).
// The format is told (3.4-6), weak codes are refused. After the last attempt
// an error is shown and the code stays as it was.
func (d *dialogue) choose(ref applet.CodeRef, pop string) applet.StatusWord {
	a, k := d.a, d.a.codes.get(ref)
	prompt, lead := newCodePrompt(ref), ""
	lo, hi := k.format()
	format := strconv.Itoa(int(lo))
	if hi != lo {
		format += "-" + strconv.Itoa(int(hi))
	}
	for attempts := a.p.CreateAttempts; attempts > 0; {
		first, st := d.ask(below(lead, a.strings.text(prompt, format)), lo, hi, true)
		if st != applet.StatusOK {
			return st
		}
		if !k.allows(first) || weak(first, pop) || first == d.old || !a.p.Strict && a.codes.chosen(ref, first, a.limits.otherCode) {
			lead = a.strings.text(strWeakCode, "")
			attempts--
			continue
		}
		second, st := d.ask(a.strings.text(strAgain, ""), lo, hi, true)
		switch {
		case st == statusBack:
			lead = ""
			attempts--
		case st != applet.StatusOK:
			return st
		case first != second:
			lead = a.strings.text(strMismatch, "")
			attempts--
		default:
			k.choose(first)
			return applet.StatusOK
		}
	}
	d.tell(strNotSet, "")
	return applet.StatusConditions
}

// allows says whether an entry has the format of the code.
func (k code) allows(digits string) bool {
	lo, hi := k.format()
	return allDigits(digits) && len(digits) >= int(lo) && len(digits) <= int(hi)
}

// askPoP lets the user enter the proof of possession code (3.5.1-3).
func (d *dialogue) askPoP(mode applet.PoPMode, digits int) (string, applet.StatusWord) {
	a, lead := d.a, ""
	lo, hi, format := byte(minPoP), byte(maxPoP), "4-16"
	if digits > 0 {
		lo, hi, format = byte(digits), byte(digits), strconv.Itoa(digits)
	}
	for left := int(a.data.popTries); left > 0; {
		code, st := d.ask(below(lead, a.strings.text(strPoP, format)), lo, hi, false)
		if st != applet.StatusOK {
			return "", st
		}
		if allDigits(code) && len(code) >= int(lo) && len(code) <= int(hi) && (mode != applet.PoPChecked || luhn(code)) {
			return code, applet.StatusOK
		}
		left--
		lead = a.strings.text(strWrongPoP, strconv.Itoa(left))
	}
	return "", applet.StatusWrongCodeTries(0)
}

// Length of a PoP code that the server did not fix.
const (
	minPoP = 4
	maxPoP = 16
)

func codePrompt(ref applet.CodeRef) stringID {
	if ref == applet.CodeNonRepudiation {
		return strSignCode
	}
	return strCode
}

func newCodePrompt(ref applet.CodeRef) stringID {
	if ref == applet.CodeNonRepudiation {
		return strNewSignCode
	}
	return strNewCode
}

func oldCodePrompt(ref applet.CodeRef) stringID {
	if ref == applet.CodeNonRepudiation {
		return strOldSignCode
	}
	return strOldCode
}
