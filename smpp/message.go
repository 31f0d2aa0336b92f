package smpp

import "fmt"

// Body is the body of a PDU. Parse makes one; Append writes one.
type Body interface {
	appendBody(b []byte, c CommandID) ([]byte, error)
}

// Message is the body of submit_sm and deliver_sm (SMPP 3.4 4.4.1, 4.6.1).
// ShortMessage is binary and at most 254 octets, a UDH at its start included;
// longer user data goes into TagMessagePayload with an empty ShortMessage.
// Slices of a parsed Message alias the frame.
type Message struct {
	ServiceType        string // 5.2.11
	Source, Dest       Address
	ESMClass           byte   // 5.2.12
	ProtocolID         byte   // 5.2.13: TP-PID of GSM
	PriorityFlag       byte   // 5.2.14
	ScheduleTime       string // 5.2.15
	ValidityPeriod     string // 5.2.16
	RegisteredDelivery byte   // 5.2.17
	ReplaceIfPresent   byte   // 5.2.18
	DataCoding         byte   // 5.2.19
	DefaultMessageID   byte   // 5.2.20
	ShortMessage       []byte // 5.2.22
	TLVs               TLVs
}

// Bits of esm_class (SMPP 3.4 5.2.12).
const (
	ESMClassReceipt       = 0x04 // SMSC delivery receipt
	ESMClassTypeMask      = 0x3C
	ESMClassUDHI          = 0x40
	ESMClassModeStoreForw = 0x03
)

// UserData is the octets of the message wherever they are: short_message, or
// message_payload when that is present and short_message is empty (SMPP 3.4
// 5.3.2.32: never both).
func (m *Message) UserData() []byte {
	if len(m.ShortMessage) == 0 {
		if p, ok := m.TLVs.Get(TagMessagePayload); ok {
			return p
		}
	}
	return m.ShortMessage
}

func (m *Message) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != SubmitSM && c != DeliverSM {
		return nil, ErrCommand
	}
	b, err := appendCString(b, "service_type", m.ServiceType, maxServiceType)
	if err != nil {
		return nil, err
	}
	if b, err = m.Source.appendTo(b, "source_addr", maxAddr); err != nil {
		return nil, err
	}
	if b, err = m.Dest.appendTo(b, "destination_addr", maxAddr); err != nil {
		return nil, err
	}
	return m.appendRest(b)
}

// appendRest appends what submit_sm and submit_multi share after the addresses.
func (m *Message) appendRest(b []byte) ([]byte, error) {
	b = append(b, m.ESMClass, m.ProtocolID, m.PriorityFlag)
	b, err := appendCString(b, "schedule_delivery_time", m.ScheduleTime, maxTime)
	if err != nil {
		return nil, err
	}
	if b, err = appendCString(b, "validity_period", m.ValidityPeriod, maxTime); err != nil {
		return nil, err
	}
	if len(m.ShortMessage) > maxShort {
		return nil, fmt.Errorf("%w: short_message takes %d octets, has %d; use message_payload", ErrTooLong, maxShort, len(m.ShortMessage))
	}
	b = append(b, m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessageID, byte(len(m.ShortMessage)))
	b = append(b, m.ShortMessage...)
	return m.TLVs.appendTo(b)
}

// ParseMessage reads the body of a submit_sm or deliver_sm into m without
// copying: m is valid as long as body is.
func ParseMessage(body []byte, m *Message) error {
	c := cursor{b: body}
	m.ServiceType = c.cstring("service_type")
	m.Source = c.address("source_addr")
	m.Dest = c.address("destination_addr")
	m.parseRest(&c)
	return c.err
}

func (m *Message) parseRest(c *cursor) {
	m.ESMClass = c.octet("esm_class")
	m.ProtocolID = c.octet("protocol_id")
	m.PriorityFlag = c.octet("priority_flag")
	m.ScheduleTime = c.cstring("schedule_delivery_time")
	m.ValidityPeriod = c.cstring("validity_period")
	m.RegisteredDelivery = c.octet("registered_delivery")
	m.ReplaceIfPresent = c.octet("replace_if_present_flag")
	m.DataCoding = c.octet("data_coding")
	m.DefaultMessageID = c.octet("sm_default_msg_id")
	m.ShortMessage = c.octets("short_message", int(c.octet("sm_length")))
	m.TLVs = c.tlvs()
}

// Clone returns a copy that does not alias the frame.
func (m *Message) Clone() *Message {
	n := *m
	n.ShortMessage = append([]byte(nil), m.ShortMessage...)
	n.TLVs = make(TLVs, len(m.TLVs))
	for i, t := range m.TLVs {
		n.TLVs[i] = TLV{t.Tag, append([]byte(nil), t.Value...)}
	}
	return &n
}

// MessageResp is the body of submit_sm_resp, deliver_sm_resp and
// data_sm_resp (SMPP 3.4 4.4.2, 4.6.2, 4.7.2). With a status other than ESME_ROK peers may leave it out
// (SMPP 3.4 4.4.2); Bare says that they did.
type MessageResp struct {
	MessageID string
	TLVs      TLVs
	Bare      bool
}

func (m *MessageResp) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != SubmitSMResp && c != DeliverSMResp && c != DataSMResp {
		return nil, ErrCommand
	}
	if m.Bare {
		return b, nil
	}
	b, err := appendCString(b, "message_id", m.MessageID, maxMessageID)
	if err != nil {
		return nil, err
	}
	return m.TLVs.appendTo(b)
}

func parseMessageResp(body []byte) (*MessageResp, error) {
	if len(body) == 0 {
		return &MessageResp{Bare: true}, nil
	}
	c := cursor{b: body}
	m := &MessageResp{MessageID: c.cstring("message_id")}
	m.TLVs = c.tlvs()
	return m, c.err
}
