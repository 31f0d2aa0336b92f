package handset

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
