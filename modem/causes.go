package modem

// Class says what a +CMS ERROR means for the message, the SIM and us.
type Class byte

// The classes.
const (
	Unclear   Class = iota // nobody knows: perhaps the network has the message
	Permanent              // this message will never be taken
	Later                  // the network is busy: again after a pause
	Site                   // the operator or our set-up: every message would fail
	SIM                    // no SIM, wrong SIM, PIN
	Storage                // memory of the modem or of the SIM
	Ours                   // the program has made a mistake
	classes                // how many there are
)

func (c Class) String() string {
	return [classes]string{"unclear", "permanent", "later", "site", "sim", "storage", "ours"}[c]
}

// cause is a number of a +CMS ERROR: its class, and what it says.
type cause struct {
	class Class
	text  string
}

// causes: 0 to 127 are RP causes (TS 24.011 E.2), 128 to 255 TP-FCS (TS 23.040
// 9.2.3.22), 300 to 511 of TS 27.005 3.2.5, from 512 on the vendor's.
var causes = map[int]cause{
	1:   {Permanent, "unassigned number"},
	8:   {Permanent, "operator determined barring"},
	10:  {Permanent, "call barred"},
	21:  {Site, "short message transfer rejected"},
	27:  {Later, "destination out of service"},
	28:  {Permanent, "unidentified subscriber"},
	29:  {Permanent, "facility rejected"},
	30:  {Permanent, "unknown subscriber"},
	38:  {Later, "network out of order"},
	41:  {Later, "temporary failure"},
	42:  {Later, "congestion"},
	47:  {Later, "resources unavailable"},
	50:  {Permanent, "requested facility not subscribed"},
	69:  {Permanent, "requested facility not implemented"},
	81:  {Permanent, "invalid short message transfer reference"},
	95:  {Permanent, "invalid message"},
	96:  {Permanent, "invalid mandatory information"},
	97:  {Permanent, "message type not implemented"},
	98:  {Permanent, "message not compatible with the protocol state"},
	99:  {Permanent, "information element not implemented"},
	111: {Permanent, "protocol error"},
	127: {Site, "interworking"},
	143: {Permanent, "TP-PID not supported"},
	144: {Permanent, "8-bit data coding not supported"},
	145: {Permanent, "message class not supported"},
	159: {Permanent, "TP-DCS error"},
	176: {Permanent, "TPDU not supported"},
	192: {Later, "service centre busy"},
	193: {Permanent, "no subscription at the service centre"},
	194: {Later, "service centre system failure"},
	195: {Permanent, "invalid service centre address of the message"},
	196: {Permanent, "destination barred"},
	197: {Permanent, "duplicate rejected"},
	198: {Permanent, "validity period format not supported"},
	199: {Permanent, "validity period not supported"},
	208: {Storage, "SIM SMS storage full"},
	211: {Storage, "memory capacity exceeded"},
	300: {Later, "modem failure"},
	301: {Site, "SMS service of the modem reserved"},
	302: {Later, "operation not allowed"},
	303: {Site, "operation not supported"},
	304: {Permanent, "invalid PDU parameter"},
	305: {Permanent, "invalid text parameter"},
	310: {SIM, "SIM not inserted"},
	311: {SIM, "SIM PIN required"},
	312: {SIM, "PH-SIM PIN required"},
	313: {SIM, "SIM failure"},
	314: {SIM, "SIM busy"},
	315: {SIM, "SIM wrong"},
	316: {SIM, "SIM PUK required"},
	317: {SIM, "SIM PIN2 required"},
	318: {SIM, "SIM PUK2 required"},
	320: {Storage, "memory failure"},
	321: {Storage, "invalid memory index"},
	322: {Storage, "memory full"},
	330: {Site, "service centre address unknown"},
	331: {Later, "no network service"},
	// The modem has sent and heard nothing: the network may have the message.
	332: {Unclear, "network time-out"},
	340: {Ours, "no acknowledgement expected"},
}

// Class is that of a final code after the PDU was handed over.
func (e *Error) Class() Class {
	if e.Kind != "CMS" || e.Code < 0 {
		return Unclear
	}
	return causes[e.Code].class
}
