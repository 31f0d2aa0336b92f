package smpp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// PDUs in octets, as SMPP 3.4 4 lays them out: written so, and read so.
func TestPDUOctets(t *testing.T) {
	src, dst := Address{1, 1, "4179"}, Address{5, 0, "AB"}
	for name, tc := range map[string]struct {
		h    Header
		body Body
		want string
	}{
		"bind_transceiver 4.1.5": {
			Header{0x00000009, 0, 1},
			&Bind{"id", "pw", "t", 0x34, 1, 2, "^4"},
			"00000009" + "00000000" + "00000001" + "696400" + "707700" + "7400" + "34" + "01" + "02" + "5e3400",
		},
		"bind_transceiver_resp 4.1.6": {
			Header{0x80000009, 0, 1},
			&BindResp{SystemID: "c", TLVs: TLVs{{0x0210, []byte{0x34}}}},
			"80000009" + "00000000" + "00000001" + "6300" + "0210000134",
		},
		"submit_sm 4.4.1": {
			Header{0x00000004, 0, 2},
			&Message{
				ServiceType: "O", Source: src, Dest: dst, ESMClass: 0x40, ProtocolID: 0x7F, PriorityFlag: 1, ScheduleTime: "s", ValidityPeriod: "v",
				RegisteredDelivery: 1, ReplaceIfPresent: 2, DataCoding: 0xF6, DefaultMessageID: 3, ShortMessage: []byte{0xAA, 0xBB}, TLVs: TLVs{{0x0204, []byte{0, 9}}},
			},
			"00000004" + "00000000" + "00000002" + "4f00" + "01013431373900" + "0500414200" + "40" + "7f" + "01" + "7300" + "7600" + "01" + "02" + "f6" + "03" + "02" + "aabb" + "020400020009",
		},
		"submit_sm_resp 4.4.2": {Header{0x80000004, 0, 2}, &MessageResp{MessageID: "0A"}, "80000004" + "00000000" + "00000002" + "304100"},
		"data_sm 4.7.1":        {Header{0x00000103, 0, 3}, &Data{"", src, dst, 0x40, 1, 4, nil}, "00000103" + "00000000" + "00000003" + "00" + "01013431373900" + "0500414200" + "40" + "01" + "04"},
		"query_sm 4.8.1":       {Header{0x00000003, 0, 4}, &Query{"i", src}, "00000003" + "00000000" + "00000004" + "6900" + "01013431373900"},
		"query_sm_resp 4.8.2":  {Header{0x80000003, 0, 4}, &QueryResp{MessageID: "i", FinalDate: "f", State: 2, ErrorCode: 1}, "80000003" + "00000000" + "00000004" + "6900" + "6600" + "02" + "01"},
		"cancel_sm 4.9.1":      {Header{0x00000008, 0, 5}, &Cancel{"O", "i", src, dst}, "00000008" + "00000000" + "00000005" + "4f00" + "6900" + "01013431373900" + "0500414200"},
		"replace_sm 4.10.1":    {Header{0x00000007, 0, 6}, &Replace{"i", src, "s", "v", 1, 2, []byte{0xCC}}, "00000007" + "00000000" + "00000006" + "6900" + "01013431373900" + "7300" + "7600" + "01" + "02" + "01" + "cc"},
		"alert_notification":   {Header{0x00000102, 0, 7}, &Alert{src, dst, TLVs{{0x0422, []byte{0}}}}, "00000102" + "00000000" + "00000007" + "01013431373900" + "0500414200" + "0422000100"},
		"outbind 4.1.7":        {Header{0x0000000B, 0, 8}, &OutbindBody{"c", "p"}, "0000000b" + "00000000" + "00000008" + "6300" + "7000"},
		"submit_multi_resp":    {Header{0x80000021, 0, 9}, &MultiResp{MessageID: "m", Failed: []Unsuccess{{src, RInvDstAdr}}}, "80000021" + "00000000" + "00000009" + "6d00" + "01" + "01013431373900" + "0000000b"},
	} {
		b, err := Append([]byte("x"), tc.h, tc.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		have := hex.EncodeToString(b[1:])
		if n := len(b) - 1; have[:8] != hex.EncodeToString([]byte{0, 0, 0, byte(n)}) {
			t.Errorf("%s: command_length %s of %d octets", name, have[:8], n)
		}
		if have[8:] != tc.want { // behind command_length
			t.Errorf("%s:\nhave %s\nwant %s", name, have[8:], tc.want)
		}
	}
}

// Each field of text holds what SMPP 3.4 5.2 gives it, less its NUL, and not
// one character more; none holds a NUL.
func TestFieldBorders(t *testing.T) {
	full := func(n int) string { return strings.Repeat("1", n) }
	address := func(s string) Address { return Address{1, 1, s} }
	for name, tc := range map[string]struct {
		most int
		h    CommandID
		body func(string) Body
	}{
		"system_id":                    {15, BindTransceiver, func(s string) Body { return &Bind{SystemID: s} }},
		"password":                     {8, BindTransceiver, func(s string) Body { return &Bind{Password: s} }},
		"system_type":                  {12, BindTransceiver, func(s string) Body { return &Bind{SystemType: s} }},
		"address_range":                {40, BindTransceiver, func(s string) Body { return &Bind{AddressRange: s} }},
		"system_id of the centre":      {15, BindTransceiverResp, func(s string) Body { return &BindResp{SystemID: s} }},
		"service_type":                 {5, SubmitSM, func(s string) Body { return &Message{ServiceType: s} }},
		"source_addr":                  {20, SubmitSM, func(s string) Body { return &Message{Source: address(s)} }},
		"destination_addr":             {20, SubmitSM, func(s string) Body { return &Message{Dest: address(s)} }},
		"schedule_delivery_time":       {16, SubmitSM, func(s string) Body { return &Message{ScheduleTime: s} }},
		"validity_period":              {16, SubmitSM, func(s string) Body { return &Message{ValidityPeriod: s} }},
		"message_id":                   {64, SubmitSMResp, func(s string) Body { return &MessageResp{MessageID: s} }},
		"source_addr of data_sm":       {64, DataSM, func(s string) Body { return &Data{Source: address(s)} }},
		"destination_addr of data_sm":  {64, DataSM, func(s string) Body { return &Data{Dest: address(s)} }},
		"service_type of data_sm":      {5, DataSM, func(s string) Body { return &Data{ServiceType: s} }},
		"message_id of query_sm":       {64, QuerySM, func(s string) Body { return &Query{MessageID: s} }},
		"source_addr of query_sm":      {20, QuerySM, func(s string) Body { return &Query{Source: address(s)} }},
		"final_date":                   {16, QuerySMResp, func(s string) Body { return &QueryResp{FinalDate: s} }},
		"message_id of query_sm_resp":  {64, QuerySMResp, func(s string) Body { return &QueryResp{MessageID: s} }},
		"service_type of cancel_sm":    {5, CancelSM, func(s string) Body { return &Cancel{ServiceType: s} }},
		"message_id of cancel_sm":      {64, CancelSM, func(s string) Body { return &Cancel{MessageID: s} }},
		"source_addr of cancel_sm":     {20, CancelSM, func(s string) Body { return &Cancel{Source: address(s)} }},
		"dest of cancel_sm":            {20, CancelSM, func(s string) Body { return &Cancel{Dest: address(s)} }},
		"message_id of replace_sm":     {64, ReplaceSM, func(s string) Body { return &Replace{MessageID: s} }},
		"source_addr of replace_sm":    {20, ReplaceSM, func(s string) Body { return &Replace{Source: address(s)} }},
		"schedule of replace_sm":       {16, ReplaceSM, func(s string) Body { return &Replace{ScheduleTime: s} }},
		"validity of replace_sm":       {16, ReplaceSM, func(s string) Body { return &Replace{ValidityPeriod: s} }},
		"system_id of outbind":         {15, Outbind, func(s string) Body { return &OutbindBody{s, ""} }},
		"password of outbind":          {8, Outbind, func(s string) Body { return &OutbindBody{"", s} }},
		"source of alert_notification": {64, AlertNotification, func(s string) Body { return &Alert{address(s), address(""), nil} }},
		"esme of alert_notification":   {64, AlertNotification, func(s string) Body { return &Alert{address(""), address(s), nil} }},
		"message_id of multi_resp":     {64, SubmitMultiResp, func(s string) Body { return &MultiResp{MessageID: s} }},
		"service_type of multi":        {5, SubmitMulti, func(s string) Body { return &Multi{Message: Message{ServiceType: s}} }},
		"source of multi":              {20, SubmitMulti, func(s string) Body { return &Multi{Message: Message{Source: address(s)}} }},
		"dest of multi":                {20, SubmitMulti, func(s string) Body { return &Multi{Dests: []MultiDest{{Address: address(s)}}} }},
		"dl_name":                      {20, SubmitMulti, func(s string) Body { return &Multi{Dests: []MultiDest{{List: s}}} }},
		"failed of multi_resp":         {20, SubmitMultiResp, func(s string) Body { return &MultiResp{Failed: []Unsuccess{{address(s), 1}}} }},
	} {
		for text, want := range map[string]error{full(tc.most): nil, full(tc.most + 1): ErrTooLong, "1\x00": ErrString} {
			b, err := Append(nil, Header{Command: tc.h}, tc.body(text))
			if !errors.Is(err, want) || want == nil && !bytes.Contains(b, append([]byte(text), 0)) {
				t.Errorf("%s of %d characters: %v, want %v", name, len(text), err, want)
			}
		}
	}
	for n, want := range map[int]error{254: nil, 255: ErrTooLong} {
		if _, err := Append(nil, Header{Command: SubmitSM}, &Message{ShortMessage: make([]byte, n)}); !errors.Is(err, want) {
			t.Errorf("short_message of %d octets: %v", n, err)
		}
	}
	for n, want := range map[int]error{0xFFFF: nil, 0x10000: ErrTooLong} {
		if _, err := (TLVs{{0x0424, make([]byte, n)}}).appendTo(nil); !errors.Is(err, want) {
			t.Errorf("optional parameter of %d octets: %v", n, err)
		}
	}
}

// Optional parameters cut in their header, in their value, and not at all.
func TestTLVBorders(t *testing.T) {
	for text, want := range map[string]error{"": nil, "02": ErrTLV, "020400": ErrTLV, "02040000": nil, "0204000100": nil, "02040001": ErrTLV, "02040002aa": ErrTLV, "0204000100" + "02": ErrTLV, "0204000100" + "02050000": nil} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseTLVs(b); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	if StatusFor(nil) != ROK || StatusFor(ErrTLV) != 0xC0 || StatusFor(ErrCommand) != 0x03 || StatusFor(ErrShort) != 0x02 || StatusFor(ErrString) != 0x02 || StatusFor(ErrTrailing) != 0x02 || StatusFor(errors.New("x")) != 0x08 {
		t.Error("command_status of errors")
	}
	payload := TLVs{{TagMessagePayload, []byte{9}}}
	for _, tc := range []struct {
		m    Message
		want string
	}{{Message{TLVs: payload}, "09"}, {Message{ShortMessage: []byte{7}, TLVs: payload}, "07"}, {Message{ShortMessage: []byte{7}}, "07"}, {Message{}, ""}} {
		if have := hex.EncodeToString(tc.m.UserData()); have != tc.want {
			t.Errorf("%+v: %s, want %s", tc.m, have, tc.want)
		}
	}
	if id := (Outcome{Body: (*MessageResp)(nil)}).MessageID(); id != "" {
		t.Errorf("no response has the id %q", id)
	}
	if id := (Outcome{Body: &MessageResp{MessageID: "7"}}).MessageID(); id != "7" {
		t.Errorf("id %q", id)
	}
	if id := (Outcome{Body: &BindResp{}}).MessageID(); id != "" {
		t.Errorf("another response has the id %q", id)
	}
}
