package smpp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Names and numbers of SMPP 3.4 5.1.2.1, written down once more; what has no
// body tolerates stray octets, and what has no answer says so.
func TestCommandNumbers(t *testing.T) {
	named := map[CommandID]string{
		0x80000000: "generic_nack", 0x00000001: "bind_receiver", 0x80000001: "bind_receiver_resp", 0x00000002: "bind_transmitter", 0x80000002: "bind_transmitter_resp",
		0x00000003: "query_sm", 0x80000003: "query_sm_resp", 0x00000004: "submit_sm", 0x80000004: "submit_sm_resp", 0x00000005: "deliver_sm", 0x80000005: "deliver_sm_resp",
		0x00000006: "unbind", 0x80000006: "unbind_resp", 0x00000007: "replace_sm", 0x80000007: "replace_sm_resp", 0x00000008: "cancel_sm", 0x80000008: "cancel_sm_resp",
		0x00000009: "bind_transceiver", 0x80000009: "bind_transceiver_resp", 0x0000000B: "outbind", 0x00000015: "enquire_link", 0x80000015: "enquire_link_resp",
		0x00000021: "submit_multi", 0x80000021: "submit_multi_resp", 0x00000102: "alert_notification", 0x00000103: "data_sm", 0x80000103: "data_sm_resp",
	}
	for _, top := range []CommandID{0, 0x80000000} {
		for n := range CommandID(0x200) {
			c := top | n
			name, known := named[c]
			if c.Known() != known || known && c.String() != name || c.IsResponse() != (top != 0) {
				t.Errorf("%08X is %s, known: %v, response: %v", uint32(c), c, c.Known(), c.IsResponse())
			}
			if known {
				resp, answered := c.Response()
				if answered != (top == 0 && c != 0x0B && c != 0x102) || answered && resp != c+0x80000000 {
					t.Errorf("%s is answered by %s, %v", c, resp, answered)
				}
			}
		}
	}
	if got := CommandID(0x33).String(); got != "command 00000033" {
		t.Error(got)
	}
	for _, c := range []CommandID{0x80000000, 0x06, 0x80000006, 0x15, 0x80000015, 0x80000007, 0x80000008} {
		for _, body := range [][]byte{nil, {1, 2, 3}} {
			if b, err := Parse(Frame{Header{Command: c}, body}); b != nil || err != nil {
				t.Errorf("%s with %d octets: %v, %v", c, len(body), b, err)
			}
		}
	}
}

// A body is written into the commands that have it, and into no other.
func TestWrongCommand(t *testing.T) {
	all := bodies()
	for _, body := range all {
		for c := range commandNames {
			b, err := Append([]byte("x"), Header{Command: c}, body)
			if fits := reflect.TypeOf(all[c]) == reflect.TypeOf(body); fits != (err == nil) || !fits && (!errors.Is(err, ErrCommand) || string(b) != "x") {
				t.Errorf("%T in %s: %v", body, c, err)
			}
		}
	}
}

// Responses that a peer may leave out are read as left out, and written so.
func TestBareResponses(t *testing.T) {
	for c, body := range map[CommandID]Body{
		SubmitSMResp: &MessageResp{Bare: true}, DeliverSMResp: &MessageResp{Bare: true}, DataSMResp: &MessageResp{Bare: true},
		BindReceiverResp: &BindResp{Bare: true}, BindTransmitterResp: &BindResp{Bare: true}, BindTransceiverResp: &BindResp{Bare: true},
		QuerySMResp: &QueryResp{Bare: true}, SubmitMultiResp: &MultiResp{Bare: true},
	} {
		b, err := Append(nil, Header{Command: c}, body)
		if err != nil || len(b) != HeaderLen {
			t.Errorf("%s: %d octets, %v", c, len(b), err)
		}
		if got, err := Parse(Frame{Header: Header{Command: c}}); err != nil || !reflect.DeepEqual(got, body) {
			t.Errorf("%s: %+v, %v", c, got, err)
		}
	}
}

// How many destinations there may be: 254 in submit_multi (4.5.1), 255 that
// failed in its response (4.5.2); and how long a new text is (4.10.1).
func TestCounts(t *testing.T) {
	for n, want := range map[int]error{254: nil, 255: ErrTooLong} {
		b, err := Append(nil, Header{Command: SubmitMulti}, &Multi{Dests: make([]MultiDest, n)})
		if !errors.Is(err, want) || want == nil && b[HeaderLen+4] != byte(n) { // service_type, source_addr
			t.Errorf("%d destinations: %v", n, err)
		}
		if _, err := Append(nil, Header{Command: ReplaceSM}, &Replace{ShortMessage: make([]byte, n)}); !errors.Is(err, want) {
			t.Errorf("replacement of %d octets: %v", n, err)
		}
	}
	for n, want := range map[int]error{255: nil, 256: ErrTooLong} {
		b, err := Append(nil, Header{Command: SubmitMultiResp}, &MultiResp{Failed: make([]Unsuccess, n)})
		if !errors.Is(err, want) || want == nil && b[HeaderLen+1] != byte(n) {
			t.Errorf("%d failed: %v", n, err)
		}
	}
	for n, want := range map[int]error{MaxFrame - HeaderLen - 6 - 0xFFFF: nil, MaxFrame - HeaderLen - 5 - 0xFFFF: ErrTooLong} {
		// message_id and two optional parameters of four octets of header each
		body := &MessageResp{TLVs: TLVs{{1, make([]byte, 0xFFFF)}, {2, make([]byte, n-3)}}}
		b, err := Append([]byte("x"), Header{Command: SubmitSMResp}, body)
		if !errors.Is(err, want) || want == nil && len(b) != 1+MaxFrame || want != nil && string(b) != "x" {
			t.Errorf("a PDU of %d octets more: %d, %v", n, len(b), err)
		}
	}
}

// Values of optional parameters: of exactly their size, with the NUL of a
// string or without, and none can grow into the next.
func TestTLVValues(t *testing.T) {
	b, _ := hex.DecodeString("0423" + "0003" + "030008" + "0427" + "0001" + "02" + "001e" + "0003" + "616200" + "001e" + "0001" + "78" + "020c" + "0002" + "1234" + "1400" + "0000" + "1401" + "0001" + "00")
	ts, err := parseTLVs(b)
	if err != nil || len(ts) != 7 {
		t.Fatal(ts, err)
	}
	if v, ok := ts.Uint8(TagMessageState); v != 2 || !ok {
		t.Errorf("message_state %d, %v", v, ok)
	}
	if v, ok := ts.Uint16(TagSarMsgRefNum); v != 0x1234 || !ok {
		t.Errorf("sar_msg_ref_num %x, %v", v, ok)
	}
	for _, tag := range []Tag{TagNetworkErrorCode, 0x1400, 0x9999} {
		if _, ok := ts.Uint8(tag); ok {
			t.Errorf("%04X is one octet", uint16(tag))
		}
		if _, ok := ts.Uint16(tag); ok {
			t.Errorf("%04X is two octets", uint16(tag))
		}
	}
	for tag, want := range map[Tag]string{TagReceiptedMessageID: "ab", 0x1400: "", 0x1401: "", TagMessageState: "\x02"} {
		if v, ok := ts.String(tag); v != want || !ok {
			t.Errorf("%04X: %q, %v", uint16(tag), v, ok)
		}
	}
	if _, ok := ts.String(0x9999); ok {
		t.Error("what is not there is a string")
	}
	_ = append(ts[0].Value, 0xFF)
	if !bytes.Equal(b[7:9], []byte{0x04, 0x27}) {
		t.Error("a value grew into the next parameter")
	}
	m := &Message{ShortMessage: []byte{1, 2}, TLVs: ts}
	c := m.Clone()
	m.ShortMessage[0], ts[0].Value[0] = 9, 9
	if c.ShortMessage[0] != 1 || c.TLVs[0].Value[0] != 3 || c.TLVs[1].Tag != TagMessageState {
		t.Errorf("the copy changed: %+v", c)
	}
}

// Frames at their borders, and a buffer that does not stay large for ever.
func TestFrameBorders(t *testing.T) {
	frame := func(n int) []byte { return AppendFrame(nil, Header{DeliverSM, ROK, 5}, make([]byte, n-HeaderLen)) }
	for n, want := range map[int]error{HeaderLen: nil, HeaderLen + 1: nil, 99: nil, 100: nil, 101: ErrFrame} {
		f, err := NewReader(bytes.NewReader(frame(n)), 100).Next()
		if !errors.Is(err, want) || f.Seq != 5 || f.Command != DeliverSM || want == nil && len(f.Body) != n-HeaderLen {
			t.Errorf("%d octets of 100: %+v, %v", n, f, err)
		}
	}
	if f, err := NewReader(bytes.NewReader(frame(MaxFrame)), 0).Next(); err != nil || len(f.Body) != 70_000-16 {
		t.Errorf("%d octets, %v", len(f.Body), err)
	}
	if _, err := NewReader(strings.NewReader("\x00\x00\x00\x0f"), 0).Next(); !errors.Is(err, ErrFrame) {
		t.Errorf("a length of 15 and nothing more: %v", err)
	}
	r := NewReader(bytes.NewReader(append(append(frame(20_000), frame(40)...), frame(5000)...)), 0)
	for _, want := range []struct {
		body, most int
		more       bool
	}{{19_984, 19_984, true}, {24, 512, true}, {4984, 4984, false}} {
		f, err := r.Next()
		if err != nil || len(f.Body) != want.body || cap(r.buf) > want.most || r.Pending() != want.more {
			t.Errorf("%d octets in a buffer of %d, more: %v, %v", len(f.Body), cap(r.buf), r.Pending(), err)
		}
	}
}

// Words of stat and states of message_state (SMPP 3.4 appendix B, 5.2.28).
func TestMessageStates(t *testing.T) {
	for n, word := range []string{"state 0", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD", "state 9"} {
		s := MessageState(n)
		if s.String() != word || s.Final() != strings.Contains("DELIVRD EXPIRED DELETED UNDELIV REJECTD", word) {
			t.Errorf("%d is %s, final: %v", n, s, s.Final())
		}
	}
	for word, want := range map[string]MessageState{
		"ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "UNKNOWN": 7, "REJECTD": 8, "delivered": 2,
		"UNDELIVERABLE": 5, "UNDELIVERED": 5, "FAILED": 5, "ACCEPTED": 6, "REJECTED": 8, "BUFFERED": 1, "NEVERHEARD": 7, "DELIVRD\x00": 2,
	} {
		if r, err := ParseReceipt([]byte("id:1 stat:" + word)); err != nil || r.State != want {
			t.Errorf("%q is %d, %v", word, r.State, err)
		}
	}
	at := time.Date(2026, 11, 30, 9, 8, 7, 0, time.FixedZone("", 3600))
	for want, r := range map[string]Receipt{
		"id:7 sub:001 dlvrd:000 submit date:2611300808 done date:0000000000 stat:UNDELIV err:0D1 text:01234567890123456789": {ID: "7", Sub: 1, SubmitDate: at, State: 5, Err: "0D1", Text: "012345678901234567890"},
		"id:8 sub:012 dlvrd:345 submit date:0000000000 done date:2611300808 stat:DELIVRD err:000 text:":                     {ID: "8", Sub: 12, Dlvrd: 345, DoneDate: at, State: 2},
	} {
		if got := string(r.AppendText(nil)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for text, want := range map[string]Receipt{
		"id:1 sub:-1 dlvrd:x stat:DELIVRD":                             {ID: "1", State: 2},
		"id:1 sub:0 dlvrd:007 stat:DELIVRD err:1 2":                    {ID: "1", Dlvrd: 7, State: 2, Err: "1"},
		"id: id:2 stat:DELIVRD id:3":                                   {ID: "2", State: 2},
		"stat:DELIVRD id:1 2 text: a\tb \r\n":                          {ID: "1", State: 2, Text: "a\tb"},
		"xid:9\nid:1\tstat:DELIVRD submit date:20261130080706":         {ID: "1", State: 2, SubmitDate: time.Date(2026, 11, 30, 8, 7, 6, 0, time.UTC)},
		"id:1 stat:DELIVRD done date:261130080706 submit date:2611xx0": {ID: "1", State: 2, DoneDate: time.Date(2026, 11, 30, 8, 7, 6, 0, time.UTC)},
	} {
		if got, err := ParseReceipt([]byte(text)); err != nil || got != want {
			t.Errorf("%q:\n%+v, %v, want\n%+v", text, got, err, want)
		}
	}
	// What stands behind 1024 octets is the message.
	for n, want := range map[int]error{1024 - len(" stat:DELIVRD id:1"): nil, 1025 - len(" stat:DELIVRD id:1"): ErrReceipt} {
		if _, err := ParseReceipt([]byte(strings.Repeat("x", n) + " stat:DELIVRD id:1")); !errors.Is(err, want) {
			t.Errorf("behind %d octets: %v", n, err)
		}
	}
}
