package engine

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
)

// FaultOfWord is what the AP hears when the applet has said no. Every status
// word has one row; a test walks all of them.
//
// 63Cx needs a decision: the applet itself asks again while tries are left,
// so the word arrives only when the user has given up or run out of time
// after wrong codes; that is a failed signing process, and the code is not
// blocked. 63C0 is the same as 6983.
func FaultOfWord(w applet.StatusWord) *mssp.Fault {
	if x, ok := w.WrongCode(); ok && x > 0 {
		return mssp.Faultf(mssp.SignatureProcess, "the user entered a wrong code; %d tries are left", x)
	}
	switch w {
	case applet.StatusCancelled: // 3.5.6-1
		return mssp.Faultf(mssp.UserCancel, "the user cancelled")
	case applet.StatusNoAnswer:
		return mssp.Faultf(mssp.ExpiredTransaction, "time is up: %s", mssp.ReachShown.Ended())
	case applet.StatusBusy:
		return mssp.Faultf(mssp.SignatureProcess, "the user's phone was busy with another screen: try again")
	case applet.StatusInterrupted:
		return mssp.Faultf(mssp.SignatureProcess, "the user's phone was switched off while it asked: what it showed is gone, ask again")
	case applet.StatusBlocked, applet.StatusWrongCode: // 3.5.4-1
		return mssp.Faultf(mssp.PINBlocked, "the user's code is blocked after wrong entries: they must have it unblocked")
	case applet.StatusConditions:
		return mssp.Faultf(mssp.NoKeyFound, "the user's key cannot be used: no code is set, the key is not registered, or the applet is not active")
	case applet.StatusSlotEmpty:
		return mssp.Faultf(mssp.NoKeyFound, "the user's card has no key in that slot: they must register again")
	case applet.StatusSlotInUse:
		return mssp.Faultf(mssp.SignatureProcess, "the key slot is in use")
	case applet.StatusNoMemory:
		return mssp.Faultf(mssp.SignatureProcess, "the user's card has no memory left")
	case applet.StatusSecurity:
		return mssp.Faultf(mssp.OTAError, "the user's card asks for a higher security level: its profile must be corrected")
	case applet.StatusNotSupported:
		return mssp.Faultf(mssp.UnsupportedProfile, "the user's card does not support what was asked for")
	case applet.StatusMalformed, applet.StatusWrongLength:
		return mssp.Faultf(mssp.InternalError, "the user's card did not understand the command")
	}
	return mssp.Faultf(mssp.SignatureProcess, "the user's card failed: status %04X", uint16(w))
}
