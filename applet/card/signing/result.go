package signing

import "github.com/simsign/simsign/applet"

// Outcomes of a step that are not told to the server as they are.
const (
	statusOff  applet.StatusWord = 0x0001 // power was lost
	statusBack applet.StatusWord = 0x0002 // the user went back
	statusHelp applet.StatusWord = 0x0003 // the user asked for help
)

// General results of a TERMINAL RESPONSE (TS 102 223 8.12).
const (
	resultBack       = 0x11
	resultNoResponse = 0x12 // of the user; also of a terminal that says nothing (maxPolls)
	resultHelp       = 0x13
	resultMalformed  = 0x36 // values are missing: also a TERMINAL RESPONSE that cannot be read
)

// statusOfResult maps every result of a TERMINAL RESPONSE to an answer for the
// server, as the page does (INT6, Results of the terminal). Going back and
// asking for help stay inside the card.
func statusOfResult(result byte) applet.StatusWord {
	switch result {
	case resultBack:
		return statusBack
	case resultHelp:
		return statusHelp
	case 0x10, // proactive session ended by the user
		0x14, // USSD or SS transaction ended by the user
		0x22, // user did not accept
		0x23: // user cleared down
		return applet.StatusCancelled
	case resultNoResponse:
		return applet.StatusNoAnswer
	case 0x21: // network unable to process
		return applet.StatusOther
	case 0x30, 0x31, 0x32: // beyond capabilities, type or data not understood
		return applet.StatusNotSupported
	}
	switch {
	case result < 0x10: // performed, also partly or with limits
		return applet.StatusOK
	case result >= 0x20 && result < 0x30: // currently unable; may be worth trying again
		return applet.StatusBusy
	}
	return applet.StatusOther // 33 command number, 35 SMS error, 36 values missing ...
}
