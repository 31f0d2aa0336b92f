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
)

func (c Class) String() string {
	return [...]string{"unclear", "permanent", "later", "site", "sim", "storage", "ours"}[c]
}

// cause is a number of a +CMS ERROR: its class, and what it says.
type cause struct {
	class Class
	text  string
	// maybe: a modem says so too when the link ends after the network has taken
	// the message and before it has said so.
	maybe bool
}

// causes: 0 to 127 are RP causes (TS 24.011 E.2), 128 to 255 TP-FCS (TS 23.040
// 9.2.3.22), 300 to 511 of TS 27.005 3.2.5, from 512 on the vendor's.
var causes = map[int]cause{
	1:   {class: Permanent, text: "unassigned number"},
	8:   {class: Permanent, text: "operator determined barring"},
	10:  {class: Permanent, text: "call barred"},
	21:  {class: Site, text: "short message transfer rejected"},
	27:  {class: Later, text: "destination out of service"},
	28:  {class: Permanent, text: "unidentified subscriber"},
	29:  {class: Permanent, text: "facility rejected"},
	30:  {class: Permanent, text: "unknown subscriber"},
	38:  {class: Later, text: "network out of order", maybe: true},
	41:  {class: Later, text: "temporary failure", maybe: true},
	42:  {class: Later, text: "congestion"},
	47:  {class: Later, text: "resources unavailable"},
	50:  {class: Permanent, text: "requested facility not subscribed"},
	69:  {class: Permanent, text: "requested facility not implemented"},
	81:  {class: Permanent, text: "invalid short message transfer reference"},
	95:  {class: Permanent, text: "invalid message"},
	96:  {class: Permanent, text: "invalid mandatory information"},
	97:  {class: Permanent, text: "message type not implemented"},
	98:  {class: Permanent, text: "message not compatible with the protocol state"},
	99:  {class: Permanent, text: "information element not implemented"},
	111: {class: Permanent, text: "protocol error"},
	127: {class: Site, text: "interworking"},
	143: {class: Permanent, text: "TP-PID not supported"},
	144: {class: Permanent, text: "8-bit data coding not supported"},
	145: {class: Permanent, text: "message class not supported"},
	159: {class: Permanent, text: "TP-DCS error"},
	176: {class: Permanent, text: "TPDU not supported"},
	192: {class: Later, text: "service centre busy"},
	193: {class: Permanent, text: "no subscription at the service centre"},
	194: {class: Later, text: "service centre system failure"},
	195: {class: Permanent, text: "invalid service centre address of the message"},
	196: {class: Permanent, text: "destination barred"},
	197: {class: Permanent, text: "duplicate rejected"},
	198: {class: Permanent, text: "validity period format not supported"},
	199: {class: Permanent, text: "validity period not supported"},
	208: {class: Storage, text: "SIM SMS storage full"},
	211: {class: Storage, text: "memory capacity exceeded"},
	300: {class: Later, text: "modem failure", maybe: true},
	301: {class: Site, text: "SMS service of the modem reserved"},
	302: {class: Later, text: "operation not allowed"},
	303: {class: Site, text: "operation not supported"},
	304: {class: Permanent, text: "invalid PDU parameter"},
	305: {class: Permanent, text: "invalid text parameter"},
	310: {class: SIM, text: "SIM not inserted"},
	311: {class: SIM, text: "SIM PIN required"},
	312: {class: SIM, text: "PH-SIM PIN required"},
	313: {class: SIM, text: "SIM failure"},
	314: {class: SIM, text: "SIM busy"},
	315: {class: SIM, text: "SIM wrong"},
	316: {class: SIM, text: "SIM PUK required"},
	317: {class: SIM, text: "SIM PIN2 required"},
	318: {class: SIM, text: "SIM PUK2 required"},
	320: {class: Storage, text: "memory failure"},
	321: {class: Storage, text: "invalid memory index"},
	322: {class: Storage, text: "memory full"},
	330: {class: Site, text: "service centre address unknown"},
	331: {class: Site, text: "no network service"},
	// The modem has sent and heard nothing: the network may have the message.
	332: {class: Later, text: "network time-out", maybe: true},
	340: {class: Ours, text: "no acknowledgement expected"},
}

// Class is that of a final code after the PDU was handed over.
func (e *Error) Class() Class {
	if e.Kind != "CMS" || e.Code < 0 {
		return Unclear
	}
	return causes[e.Code].class
}

// maybe reports whether the network may have the message in spite of the code.
func (e *Error) maybe() bool {
	return e.Class() == Unclear || e.Kind == "CMS" && causes[e.Code].maybe
}
