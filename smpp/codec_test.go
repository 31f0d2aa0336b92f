package smpp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bodies holds one full example of every PDU that has a body.
func bodies() map[CommandID]Body {
	src, dst := Address{1, 1, "46700000001"}, Address{5, 0, "Bank"}
	tlvs := TLVs{{TagMessageState, []byte{2}}, {0x1400, []byte{}}, {TagReceiptedMessageID, []byte("ab\x00")}, {0x1400, []byte{1}}}
	msg := Message{
		ServiceType: "CMT", Source: src, Dest: dst, ESMClass: 0x43, ProtocolID: 0x7F, PriorityFlag: 1, ScheduleTime: "000000010000000R",
		ValidityPeriod: "000001000000000R", RegisteredDelivery: 1, ReplaceIfPresent: 1, DataCoding: 0xF6, DefaultMessageID: 2, ShortMessage: []byte{2, 0x70, 0, 0xFF}, TLVs: tlvs,
	}
	deliver, multi := msg, Multi{Message: msg, Dests: []MultiDest{{Address: src}, {List: "all"}}}
	multi.Message.Dest = Address{}
	return map[CommandID]Body{
		SubmitSM: &msg, DeliverSM: &deliver, SubmitMulti: &multi,
		SubmitSMResp: &MessageResp{MessageID: "0A1B"}, DeliverSMResp: &MessageResp{}, DataSMResp: &MessageResp{MessageID: "x", TLVs: tlvs},
		BindReceiver: &Bind{"id", "secret", "VMA", Version34, 1, 1, "^46"}, BindTransmitter: &Bind{SystemID: "id"}, BindTransceiver: &Bind{},
		BindReceiverResp: &BindResp{SystemID: "smsc", TLVs: TLVs{{TagSCInterfaceVersion, []byte{0x34}}}}, BindTransmitterResp: &BindResp{Bare: true}, BindTransceiverResp: &BindResp{SystemID: "s"},
		Outbind: &OutbindBody{"smsc", "pw"}, DataSM: &Data{"", src, dst, 0x40, 1, 4, tlvs},
		QuerySM: &Query{"id1", src}, QuerySMResp: &QueryResp{MessageID: "id1", FinalDate: "261122120000000+", State: 2, ErrorCode: 1},
		CancelSM: &Cancel{"CMT", "id1", src, dst}, ReplaceSM: &Replace{"id1", src, "", "", 1, 0, []byte("new")},
		SubmitMultiResp: &MultiResp{MessageID: "m", Failed: []Unsuccess{{src, RInvDstAdr}}}, AlertNotification: &Alert{src, dst, TLVs{{TagMsAvailability, []byte{0}}}},
	}
}

// TestRoundTrip appends and parses every PDU and compares.
func TestRoundTrip(t *testing.T) {
	for cmd, body := range bodies() {
		b, err := Append(nil, Header{cmd, 0, 7}, body)
		if err != nil {
			t.Fatal(err)
		}
		f, err := NewReader(bytes.NewReader(b), 0).Next()
		if err != nil || f.Command != cmd || f.Seq != 7 {
			t.Fatalf("%s: frame %+v, %v", cmd, f.Header, err)
		}
		got, err := Parse(f)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(body, got); d != "" {
			t.Errorf("%s: -sent +read\n%s", cmd, d)
		}
	}
}

// TestTruncated cuts every PDU at every octet: the codec names a declared
// error or reads an honest prefix (optional parameters left out whole).
func TestTruncated(t *testing.T) {
	for cmd, body := range bodies() {
		b, _ := Append(nil, Header{cmd, 0, 7}, body)
		for n := range b[HeaderLen:] {
			got, err := Parse(Frame{Header{Command: cmd}, b[HeaderLen : HeaderLen+n]})
			if err == nil {
				back, err := Append(nil, Header{cmd, 0, 7}, got)
				if err != nil || !bytes.Equal(back[HeaderLen:], b[HeaderLen:HeaderLen+n]) {
					t.Errorf("%s cut at %d reads as something else", cmd, n)
				}
				continue
			}
			if !errors.Is(err, ErrShort) && !errors.Is(err, ErrString) && !errors.Is(err, ErrTLV) {
				t.Errorf("%s cut at %d: undeclared error %v", cmd, n, err)
			}
		}
	}
}

// TestBadBodies: each fault of a body has its error and its command_status.
func TestBadBodies(t *testing.T) {
	addr := "010134360001013132333400"
	tests := []struct {
		name string
		cmd  CommandID
		hex  string
		want error
		st   Status
	}{
		{"sm_length_beyond_body", SubmitSM, "00" + addr + "400000" + "0000" + "0000f600" + "05" + "aabb", ErrShort, RInvCmdLen},
		{"no_sm_length", SubmitSM, "00" + addr + "400000" + "0000" + "0000f600", ErrShort, RInvCmdLen},
		{"unterminated_source", DeliverSM, "00" + "0101" + "3436373839", ErrString, RInvCmdLen},
		{"tlv_past_end", DeliverSM, "00" + addr + "400000" + "0000" + "0000f600" + "00" + "0424" + "0005" + "aabb", ErrTLV, RInvOptParStream},
		{"tlv_half_header", DeliverSM, "00" + addr + "400000" + "0000" + "0000f600" + "00" + "0424" + "00", ErrTLV, RInvOptParStream},
		{"bind_with_tail", BindTransceiver, "6100" + "6200" + "00" + "340000" + "00" + "ff", ErrTrailing, RInvCmdLen},
		{"multi_bad_flag", SubmitMulti, "00" + "010100" + "01" + "03", ErrShort, RInvCmdLen},
		{"multi_nameless_list", SubmitMulti, "00" + "010100" + "01" + "0200" + "400000" + "0000" + "0000f600" + "00", ErrString, RInvCmdLen},
		{"multi_fewer_dests", SubmitMulti, "00" + "010100" + "02" + "01" + "0101" + "3100", ErrShort, RInvCmdLen},
		{"unknown_command", 0x00000033, "", ErrCommand, RInvCmdID},
	}
	for _, tt := range tests {
		b, err := hex.DecodeString(tt.hex)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		_, err = Parse(Frame{Header{Command: tt.cmd}, b})
		if !errors.Is(err, tt.want) || StatusFor(err) != tt.st {
			t.Errorf("%s: %v (%v), want %v (%v)", tt.name, err, StatusFor(err), tt.want, tt.st)
		}
	}
}

// TestRefusedToSend: values that other stacks cut or split silently are
// refused with the name of the field.
func TestRefusedToSend(t *testing.T) {
	tests := []struct {
		name string
		body *Message
		want error
		says string
	}{
		{"300 octets in short_message", &Message{ShortMessage: make([]byte, 300)}, ErrTooLong, "message_payload"},
		{"NUL in an address", &Message{Source: Address{1, 1, "12\x0034"}}, ErrString, "source_addr"},
		{"long destination", &Message{Dest: Address{1, 1, strings.Repeat("1", 21)}}, ErrTooLong, "destination_addr"},
		{"long service_type", &Message{ServiceType: "ABCDEF"}, ErrTooLong, "service_type"},
		{"long TLV", &Message{TLVs: TLVs{{TagMessagePayload, make([]byte, 65536)}}}, ErrTooLong, "65535"},
	}
	for _, tt := range tests {
		b, err := Append([]byte("kept"), Header{Command: SubmitSM}, tt.body)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || string(b) != "kept" {
			t.Errorf("%s: %q %v, want %v naming %s", tt.name, b, err, tt.want, tt.says)
		}
	}
}

// TestFrames: what ends a stream and what does not.
func TestFrames(t *testing.T) {
	big := make([]byte, MaxFrame+1-HeaderLen)
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, io.EOF},
		{"half a length", []byte{0, 0}, io.ErrUnexpectedEOF},
		{"half a header", []byte{0, 0, 0, 16, 0, 0}, io.ErrUnexpectedEOF},
		{"length 15", append([]byte{0, 0, 0, 15}, make([]byte, 12)...), ErrFrame},
		{"length 0", make([]byte, 16), ErrFrame},
		{"length 4 GiB", append([]byte{0xFF, 0xFF, 0xFF, 0xFF}, make([]byte, 12)...), ErrFrame},
		{"one over the limit", AppendFrame(nil, Header{Command: DeliverSM}, big), ErrFrame},
		{"body cut", AppendFrame(nil, Header{Command: DeliverSM}, []byte("abc"))[:18], io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		if _, err := NewReader(bytes.NewReader(tt.in), 0).Next(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func declared(err error) bool {
	for _, e := range []error{ErrShort, ErrString, ErrTLV, ErrTooLong, ErrTrailing, ErrCommand} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// FuzzParse: every error is a declared one, and what can be read and written
// is the same octets again.
func FuzzParse(f *testing.F) {
	for cmd, body := range bodies() {
		b, _ := Append(nil, Header{Command: cmd}, body)
		f.Add(uint32(cmd), b[HeaderLen:])
	}
	f.Fuzz(func(t *testing.T, cmd uint32, body []byte) {
		got, err := Parse(Frame{Header{Command: CommandID(cmd)}, body})
		if err != nil {
			if !declared(err) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		if got == nil {
			return
		}
		back, err := Append(nil, Header{Command: CommandID(cmd)}, got)
		if errors.Is(err, ErrTooLong) {
			return // longer than a field that we would send
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back[HeaderLen:], body) {
			t.Fatalf("% x\nbecame\n% x", body, back[HeaderLen:])
		}
	})
}

// FuzzReader: a stream of any octets ends with io.EOF, io.ErrUnexpectedEOF or
// ErrFrame, and the frames before that are exactly the octets.
func FuzzReader(f *testing.F) {
	b, _ := Append(nil, Header{Command: SubmitSM, Seq: 1}, bodies()[SubmitSM])
	f.Add(append(b, b...))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in), 4096)
		var out []byte
		for {
			fr, err := r.Next()
			if err != nil {
				if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.Is(err, ErrFrame) {
					t.Fatalf("undeclared error %v", err)
				}
				break
			}
			out = AppendFrame(out, fr.Header, fr.Body)
		}
		if !bytes.HasPrefix(in, out) {
			t.Fatalf("% x does not begin with % x", in, out)
		}
	})
}
