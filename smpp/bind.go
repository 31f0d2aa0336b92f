package smpp

// Bind is the body of the three bind requests (SMPP 3.4 4.1.1, 4.1.3, 4.1.5).
type Bind struct {
	SystemID         string // 5.2.1
	Password         string // 5.2.2
	SystemType       string // 5.2.3
	InterfaceVersion byte
	TON, NPI         byte   // of AddressRange, 5.2.5, 5.2.6
	AddressRange     string // 5.2.7: what a receiver wants, as a regular expression
}

// Version34 is the interface_version of SMPP 3.4 (5.2.4).
const Version34 = 0x34

func (m *Bind) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != BindReceiver && c != BindTransmitter && c != BindTransceiver {
		return nil, ErrCommand
	}
	b, err := appendCString(b, "system_id", m.SystemID, maxSystemID)
	if err != nil {
		return nil, err
	}
	if b, err = appendCString(b, "password", m.Password, maxPassword); err != nil {
		return nil, err
	}
	if b, err = appendCString(b, "system_type", m.SystemType, maxSystemType); err != nil {
		return nil, err
	}
	return appendCString(append(b, m.InterfaceVersion, m.TON, m.NPI), "address_range", m.AddressRange, maxAddrRange)
}

func parseBind(body []byte) (*Bind, error) {
	c := cursor{b: body}
	m := &Bind{SystemID: c.cstring("system_id"), Password: c.cstring("password"), SystemType: c.cstring("system_type")}
	m.InterfaceVersion = c.octet("interface_version")
	m.TON, m.NPI = c.octet("addr_ton"), c.octet("addr_npi")
	m.AddressRange = c.cstring("address_range")
	return m, c.end()
}

// BindResp is the body of the three bind responses (SMPP 3.4 4.1.2, 4.1.4,
// 4.1.6); Bare when a peer that refuses leaves it out.
type BindResp struct {
	SystemID string
	TLVs     TLVs
	Bare     bool
}

func (m *BindResp) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != BindReceiverResp && c != BindTransmitterResp && c != BindTransceiverResp {
		return nil, ErrCommand
	}
	if m.Bare {
		return b, nil
	}
	b, err := appendCString(b, "system_id", m.SystemID, maxSystemID)
	if err != nil {
		return nil, err
	}
	return m.TLVs.appendTo(b)
}

func parseBindResp(body []byte) (*BindResp, error) {
	if len(body) == 0 {
		return &BindResp{Bare: true}, nil
	}
	c := cursor{b: body}
	m := &BindResp{SystemID: c.cstring("system_id")}
	m.TLVs = c.tlvs()
	return m, c.err
}

// OutbindBody is the body of outbind (SMPP 3.4 4.1.7.1): an SMSC asks an ESME
// to bind.
type OutbindBody struct {
	SystemID, Password string
}

func (m *OutbindBody) appendBody(b []byte, c CommandID) ([]byte, error) {
	if c != Outbind {
		return nil, ErrCommand
	}
	b, err := appendCString(b, "system_id", m.SystemID, maxSystemID)
	if err != nil {
		return nil, err
	}
	return appendCString(b, "password", m.Password, maxPassword)
}

func parseOutbind(body []byte) (*OutbindBody, error) {
	c := cursor{b: body}
	m := &OutbindBody{c.cstring("system_id"), c.cstring("password")}
	return m, c.end()
}
