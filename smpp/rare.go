package smpp

import (
	"encoding/binary"
	"fmt"
)

// Data is the body of data_sm (SMPP 3.4 4.7.1). The user data is in
// TagMessagePayload.
type Data struct {
	ServiceType        string
	Source, Dest       Address
	ESMClass           byte
	RegisteredDelivery byte
	DataCoding         byte
	TLVs               TLVs
}

func (m *Data) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != DataSM {
		return nil, ErrCommand
	}
	b, err := appendCString(b, "service_type", m.ServiceType, maxServiceType)
	if err != nil {
		return nil, err
	}
	if b, err = m.Source.appendTo(b, "source_addr", maxDataAddr); err != nil {
		return nil, err
	}
	if b, err = m.Dest.appendTo(b, "destination_addr", maxDataAddr); err != nil {
		return nil, err
	}
	return m.TLVs.appendTo(append(b, m.ESMClass, m.RegisteredDelivery, m.DataCoding))
}

func parseData(body []byte) (*Data, error) {
	c := cursor{b: body}
	m := &Data{ServiceType: c.cstring("service_type"), Source: c.address("source_addr"), Dest: c.address("destination_addr")}
	m.ESMClass, m.RegisteredDelivery, m.DataCoding = c.octet("esm_class"), c.octet("registered_delivery"), c.octet("data_coding")
	m.TLVs = c.tlvs()
	return m, c.err
}

// Message is the same message in the shape of a deliver_sm.
func (m *Data) Message() *Message {
	return &Message{
		ServiceType: m.ServiceType, Source: m.Source, Dest: m.Dest, ESMClass: m.ESMClass,
		RegisteredDelivery: m.RegisteredDelivery, DataCoding: m.DataCoding, TLVs: m.TLVs,
	}
}

// Query is the body of query_sm (SMPP 3.4 4.8.1).
type Query struct {
	MessageID string
	Source    Address
}

func (m *Query) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != QuerySM {
		return nil, ErrCommand
	}
	b, err := appendCString(b, "message_id", m.MessageID, maxMessageID)
	if err != nil {
		return nil, err
	}
	return m.Source.appendTo(b, "source_addr", maxAddr)
}

func parseQuery(body []byte) (*Query, error) {
	c := cursor{b: body}
	m := &Query{c.cstring("message_id"), c.address("source_addr")}
	return m, c.end()
}

// QueryResp is the body of query_sm_resp (SMPP 3.4 4.8.2); Bare when left out
// with an error.
type QueryResp struct {
	MessageID string
	FinalDate string
	State     byte // message_state, 5.2.28
	ErrorCode byte
	Bare      bool
}

func (m *QueryResp) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != QuerySMResp {
		return nil, ErrCommand
	}
	if m.Bare {
		return b, nil
	}
	b, err := appendCString(b, "message_id", m.MessageID, maxMessageID)
	if err != nil {
		return nil, err
	}
	if b, err = appendCString(b, "final_date", m.FinalDate, maxTime); err != nil {
		return nil, err
	}
	return append(b, m.State, m.ErrorCode), nil
}

func parseQueryResp(body []byte) (*QueryResp, error) {
	if len(body) == 0 {
		return &QueryResp{Bare: true}, nil
	}
	c := cursor{b: body}
	m := &QueryResp{MessageID: c.cstring("message_id"), FinalDate: c.cstring("final_date")}
	m.State, m.ErrorCode = c.octet("message_state"), c.octet("error_code")
	return m, c.end()
}

// Cancel is the body of cancel_sm (SMPP 3.4 4.9.1).
type Cancel struct {
	ServiceType  string
	MessageID    string
	Source, Dest Address
}

func (m *Cancel) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != CancelSM {
		return nil, ErrCommand
	}
	b, err := appendCString(b, "service_type", m.ServiceType, maxServiceType)
	if err != nil {
		return nil, err
	}
	if b, err = appendCString(b, "message_id", m.MessageID, maxMessageID); err != nil {
		return nil, err
	}
	if b, err = m.Source.appendTo(b, "source_addr", maxAddr); err != nil {
		return nil, err
	}
	return m.Dest.appendTo(b, "destination_addr", maxAddr)
}

func parseCancel(body []byte) (*Cancel, error) {
	c := cursor{b: body}
	m := &Cancel{c.cstring("service_type"), c.cstring("message_id"), c.address("source_addr"), c.address("destination_addr")}
	return m, c.end()
}

// Replace is the body of replace_sm (SMPP 3.4 4.10.1).
type Replace struct {
	MessageID          string
	Source             Address
	ScheduleTime       string
	ValidityPeriod     string
	RegisteredDelivery byte
	DefaultMessageID   byte
	ShortMessage       []byte
}

func (m *Replace) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != ReplaceSM {
		return nil, ErrCommand
	}
	b, err := appendCString(b, "message_id", m.MessageID, maxMessageID)
	if err != nil {
		return nil, err
	}
	if b, err = m.Source.appendTo(b, "source_addr", maxAddr); err != nil {
		return nil, err
	}
	if b, err = appendCString(b, "schedule_delivery_time", m.ScheduleTime, maxTime); err != nil {
		return nil, err
	}
	if b, err = appendCString(b, "validity_period", m.ValidityPeriod, maxTime); err != nil {
		return nil, err
	}
	if len(m.ShortMessage) > maxShort {
		return nil, fmt.Errorf("%w: short_message takes %d octets, has %d", ErrTooLong, maxShort, len(m.ShortMessage))
	}
	b = append(b, m.RegisteredDelivery, m.DefaultMessageID, byte(len(m.ShortMessage)))
	return append(b, m.ShortMessage...), nil
}

func parseReplace(body []byte) (*Replace, error) {
	c := cursor{b: body}
	m := &Replace{
		MessageID: c.cstring("message_id"), Source: c.address("source_addr"),
		ScheduleTime: c.cstring("schedule_delivery_time"), ValidityPeriod: c.cstring("validity_period"),
	}
	m.RegisteredDelivery, m.DefaultMessageID = c.octet("registered_delivery"), c.octet("sm_default_msg_id")
	m.ShortMessage = c.octets("short_message", int(c.octet("sm_length")))
	return m, c.end()
}

// Alert is the body of alert_notification (SMPP 3.4 4.12.1): a subscriber is
// back.
type Alert struct {
	Source, ESME Address
	TLVs         TLVs
}

func (m *Alert) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != AlertNotification {
		return nil, ErrCommand
	}
	b, err := m.Source.appendTo(b, "source_addr", maxDataAddr)
	if err != nil {
		return nil, err
	}
	if b, err = m.ESME.appendTo(b, "esme_addr", maxDataAddr); err != nil {
		return nil, err
	}
	return m.TLVs.appendTo(b)
}

func parseAlert(body []byte) (*Alert, error) {
	c := cursor{b: body}
	m := &Alert{Source: c.address("source_addr"), ESME: c.address("esme_addr")}
	m.TLVs = c.tlvs()
	return m, c.err
}

// MultiDest is one destination of submit_multi (SMPP 3.4 4.5.1.1): an address,
// or the name of a distribution list when List is not empty.
type MultiDest struct {
	Address
	List string
}

// Multi is the body of submit_multi (SMPP 3.4 4.5.1). Message.Dest is not used.
type Multi struct {
	Message
	Dests []MultiDest
}

func (m *Multi) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != SubmitMulti {
		return nil, ErrCommand
	}
	if len(m.Dests) > 254 {
		return nil, fmt.Errorf("%w: submit_multi takes 254 destinations, has %d", ErrTooLong, len(m.Dests))
	}
	b, err := appendCString(b, "service_type", m.ServiceType, maxServiceType)
	if err != nil {
		return nil, err
	}
	if b, err = m.Source.appendTo(b, "source_addr", maxAddr); err != nil {
		return nil, err
	}
	b = append(b, byte(len(m.Dests)))
	for _, d := range m.Dests {
		if d.List != "" {
			b, err = appendCString(append(b, 2), "dl_name", d.List, maxDLName)
		} else {
			b, err = d.appendTo(append(b, 1), "destination_addr", maxAddr)
		}
		if err != nil {
			return nil, err
		}
	}
	return m.appendRest(b)
}

func parseMulti(body []byte) (*Multi, error) {
	c := cursor{b: body}
	m := &Multi{}
	m.ServiceType = c.cstring("service_type")
	m.Source = c.address("source_addr")
	for range int(c.octet("number_of_dests")) {
		switch flag := c.octet("dest_flag"); {
		case c.err != nil:
		case flag == 1:
			m.Dests = append(m.Dests, MultiDest{Address: c.address("destination_addr")})
		case flag == 2:
			d := MultiDest{List: c.cstring("dl_name")}
			if c.err == nil && d.List == "" {
				c.err = fmt.Errorf("%w: dl_name is empty", ErrString)
			}
			m.Dests = append(m.Dests, d)
		default:
			c.err = fmt.Errorf("%w: dest_flag must be 1 or 2, is %d", ErrShort, flag)
		}
	}
	m.parseRest(&c)
	return m, c.err
}

// Unsuccess is one destination that submit_multi did not reach (SMPP 3.4
// 4.5.2.1).
type Unsuccess struct {
	Address
	Status Status
}

// MultiResp is the body of submit_multi_resp (SMPP 3.4 4.5.2); Bare when left
// out.
type MultiResp struct {
	MessageID string
	Failed    []Unsuccess
	Bare      bool
}

func (m *MultiResp) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != SubmitMultiResp {
		return nil, ErrCommand
	}
	if m.Bare {
		return b, nil
	}
	if len(m.Failed) > 255 {
		return nil, fmt.Errorf("%w: submit_multi_resp takes 255 entries, has %d", ErrTooLong, len(m.Failed))
	}
	b, err := appendCString(b, "message_id", m.MessageID, maxMessageID)
	if err != nil {
		return nil, err
	}
	b = append(b, byte(len(m.Failed)))
	for _, f := range m.Failed {
		if b, err = f.appendTo(b, "destination_addr", maxAddr); err != nil {
			return nil, err
		}
		b = binary.BigEndian.AppendUint32(b, uint32(f.Status))
	}
	return b, nil
}

func parseMultiResp(body []byte) (*MultiResp, error) {
	if len(body) == 0 {
		return &MultiResp{Bare: true}, nil
	}
	c := cursor{b: body}
	m := &MultiResp{MessageID: c.cstring("message_id")}
	for range int(c.octet("no_unsuccess")) {
		a := c.address("destination_addr")
		st := c.octets("error_status_code", 4)
		if c.err != nil {
			break
		}
		m.Failed = append(m.Failed, Unsuccess{a, Status(binary.BigEndian.Uint32(st))})
	}
	return m, c.end()
}
