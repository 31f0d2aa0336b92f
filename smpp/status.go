package smpp

import (
	"fmt"

	"github.com/fiorix/go-smpp/smpp/pdu"
)

// Status is a command_status (SMPP 3.4 5.1.3). As an error it reads like
// "ESME_RTHROTTLED (0x58): throttling error".
type Status uint32

// The statuses that this package and its users act on.
const (
	ROK              Status = 0x00
	RInvMsgLen       Status = 0x01
	RInvCmdLen       Status = 0x02
	RInvCmdID        Status = 0x03
	RInvBndSts       Status = 0x04
	RAlyBnd          Status = 0x05
	RSysErr          Status = 0x08
	RInvSrcAdr       Status = 0x0A
	RInvDstAdr       Status = 0x0B
	RInvMsgID        Status = 0x0C
	RBindFail        Status = 0x0D
	RInvPaswd        Status = 0x0E
	RInvSysID        Status = 0x0F
	RMsgQFul         Status = 0x14
	RSubmitFail      Status = 0x45
	RThrottled       Status = 0x58
	RInvExpiry       Status = 0x62
	RxTAppn          Status = 0x64
	RxPAppn          Status = 0x65
	RxRAppn          Status = 0x66
	RInvOptParStream Status = 0xC0
	RInvOptParLen    Status = 0xC2
	RMissingOptParam Status = 0xC3
	RDeliveryFailure Status = 0xFE
	RUnknownErr      Status = 0xFF
)

// statusNames are all of SMPP 3.4 table 5-2.
var statusNames = map[Status]string{
	ROK: "ESME_ROK", RInvMsgLen: "ESME_RINVMSGLEN", RInvCmdLen: "ESME_RINVCMDLEN", RInvCmdID: "ESME_RINVCMDID",
	RInvBndSts: "ESME_RINVBNDSTS", RAlyBnd: "ESME_RALYBND", RSysErr: "ESME_RSYSERR", RInvSrcAdr: "ESME_RINVSRCADR",
	RInvDstAdr: "ESME_RINVDSTADR", RInvMsgID: "ESME_RINVMSGID", RBindFail: "ESME_RBINDFAIL", RInvPaswd: "ESME_RINVPASWD",
	RInvSysID: "ESME_RINVSYSID", RMsgQFul: "ESME_RMSGQFUL", RSubmitFail: "ESME_RSUBMITFAIL", RThrottled: "ESME_RTHROTTLED",
	RInvExpiry: "ESME_RINVEXPIRY", RxTAppn: "ESME_RX_T_APPN", RxPAppn: "ESME_RX_P_APPN", RxRAppn: "ESME_RX_R_APPN",
	RInvOptParStream: "ESME_RINVOPTPARSTREAM", RInvOptParLen: "ESME_RINVPARLEN", RMissingOptParam: "ESME_RMISSINGOPTPARAM",
	RDeliveryFailure: "ESME_RDELIVERYFAILURE", RUnknownErr: "ESME_RUNKNOWNERR",
	// Those that nobody here acts on, so that logs, metrics and policies have a name for them.
	0x06: "ESME_RINVPRTFLG", 0x07: "ESME_RINVREGDLVFLG", 0x11: "ESME_RCANCELFAIL", 0x13: "ESME_RREPLACEFAIL",
	0x15: "ESME_RINVSERTYP", 0x33: "ESME_RINVNUMDESTS", 0x34: "ESME_RINVDLNAME", 0x40: "ESME_RINVDESTFLAG",
	0x42: "ESME_RINVSUBREP", 0x43: "ESME_RINVESMCLASS", 0x44: "ESME_RCNTSUBDL", 0x48: "ESME_RINVSRCTON",
	0x49: "ESME_RINVSRCNPI", 0x50: "ESME_RINVDSTTON", 0x51: "ESME_RINVDSTNPI", 0x53: "ESME_RINVSYSTYP",
	0x54: "ESME_RINVREPFLAG", 0x55: "ESME_RINVNUMMSGS", 0x61: "ESME_RINVSCHED", 0x63: "ESME_RINVDFTMSGID",
	0x67: "ESME_RQUERYFAIL", 0xC1: "ESME_ROPTPARNOTALLWD", 0xC4: "ESME_RINVOPTPARAMVAL",
}

// String is the standard's name where this package knows it, else the number.
func (s Status) String() string {
	if n, ok := statusNames[s]; ok {
		return n
	}
	return fmt.Sprintf("status %08X", uint32(s))
}

// Error is the name, the number and what it means.
func (s Status) Error() string {
	return fmt.Sprintf("%s (0x%02X): %s", s.String(), uint32(s), pdu.Status(s).Error())
}

// ParseStatus finds a status by its name, with or without "ESME_".
func ParseStatus(name string) (Status, bool) {
	for s, n := range statusNames {
		if n == name || n == "ESME_"+name {
			return s, true
		}
	}
	return 0, false
}

// Known reports whether this package has a name for the status.
func (s Status) Known() bool { _, ok := statusNames[s]; return ok }
