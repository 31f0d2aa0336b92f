package handset

import "fmt"

// Result is the general result of a TERMINAL RESPONSE (TS 102 223 8.12).
type Result byte

// General results; their additional information follows in an octet.
const (
	Done             Result = 0x00
	DonePartly       Result = 0x01
	DoneMissing      Result = 0x02 // performed with missing information
	RefreshMore      Result = 0x03
	IconMissing      Result = 0x04
	EndedByUser      Result = 0x10
	Backward         Result = 0x11
	NoResponse       Result = 0x12 // from the user, in time
	HelpRequired     Result = 0x13
	TerminalBusy     Result = 0x20 // "currently unable"; additional information says why
	NetworkBusy      Result = 0x21
	UserRejected     Result = 0x22
	BeyondCapability Result = 0x30
	TypeUnknown      Result = 0x31
	DataUnknown      Result = 0x32
	NumberUnknown    Result = 0x33
	SMSError         Result = 0x35 // additional information is the RP cause
	ValuesMissing    Result = 0x36
)

// Additional information of TerminalBusy (TS 102 223 8.12.2).
const (
	NoCause    byte = 0x00
	ScreenBusy byte = 0x01
	OnCall     byte = 0x02
	NoService  byte = 0x04
)

// String is the code and what it says, as in a trace: "12 no response from the user".
func (r Result) String() string { return fmt.Sprintf("%02X %s", byte(r), r.meaning()) }

func (r Result) meaning() string {
	switch r {
	case Done:
		return "performed"
	case DonePartly:
		return "performed with partial comprehension"
	case DoneMissing:
		return "performed with missing information"
	case EndedByUser:
		return "ended by the user"
	case Backward:
		return "back"
	case NoResponse:
		return "no response from the user"
	case HelpRequired:
		return "help wanted"
	case TerminalBusy:
		return "terminal currently unable"
	case NetworkBusy:
		return "network currently unable"
	case UserRejected:
		return "not accepted by the user"
	case BeyondCapability:
		return "beyond the terminal's capabilities"
	case TypeUnknown:
		return "command type not understood"
	case DataUnknown:
		return "command data not understood"
	case NumberUnknown:
		return "command number not known"
	case SMSError:
		return "short message not sent"
	case ValuesMissing:
		return "required values are missing"
	}
	switch {
	case r < 0x10:
		return "performed, not wholly"
	case r >= 0x20 && r < 0x30:
		return "currently unable"
	}
	return "not performed"
}
