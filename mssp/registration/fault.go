package registration

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
)

// keyFault is engine.FaultOfWord in the words of a registration: what is
// not about the user or his phone is REGISTRATION_NOK.
func keyFault(w applet.StatusWord) *mssp.Fault {
	switch w {
	case applet.StatusWrongCode: // a blocked personal code is 6983
		return mssp.Faultf(mssp.RegistrationNOK, "the user entered too many wrong Proof of Possession codes")
	case applet.StatusConditions:
		return mssp.Faultf(mssp.RegistrationNOK, "the user has chosen no personal code, or key or applet are not ready for a registration")
	}
	f := engine.FaultOfWord(w)
	switch f.Code {
	case mssp.UserCancel, mssp.PINBlocked, mssp.ExpiredTransaction, mssp.OTAError:
	default:
		f.Code = mssp.RegistrationNOK
	}
	return f
}
