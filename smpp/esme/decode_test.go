package esme

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/smpp"
)

// What is taken for a receipt: an answer of a phone that is taken for one is lost.
//
// Supports: I1
func TestIsReceipt(t *testing.T) {
	id, state := smpp.TLV{Tag: smpp.TagReceiptedMessageID, Value: []byte("7\x00")}, smpp.TLV{Tag: smpp.TagMessageState, Value: []byte{2}}
	secured := []byte{2, 0x71, 0, 0xFF}
	for _, tt := range []struct {
		name  string
		m     smpp.Message
		plain bool
		want  bool
	}{
		{"esm_class", smpp.Message{ESMClass: smpp.ESMClassReceipt}, false, true},
		{"intermediate notification", smpp.Message{ESMClass: 0x20}, false, true},
		{"id and state", smpp.Message{TLVs: smpp.TLVs{id, state}}, false, true},
		{"id and text", smpp.Message{TLVs: smpp.TLVs{id}, ShortMessage: []byte("id:7 stat:DELIVRD")}, false, true},
		{"id on a text", smpp.Message{TLVs: smpp.TLVs{id}, ShortMessage: []byte("hello")}, false, false},
		{"id on a secured packet", smpp.Message{ESMClass: smpp.ESMClassUDHI, TLVs: smpp.TLVs{id}, ShortMessage: secured}, true, false},
		{"text alone", smpp.Message{ShortMessage: []byte("id:7 stat:DELIVRD")}, false, false},
		{"text alone, as the quirk has it", smpp.Message{ShortMessage: []byte("id:7 stat:DELIVRD")}, true, true},
		{"secured packet", smpp.Message{ESMClass: smpp.ESMClassUDHI, ShortMessage: secured}, true, false},
		{"state alone", smpp.Message{ESMClass: smpp.ESMClassUDHI, TLVs: smpp.TLVs{state}, ShortMessage: secured}, false, false},
	} {
		o := Options{Quirks: Quirks{PlainReceipts: tt.plain}}
		if got := o.isReceipt(&tt.m); got != tt.want {
			t.Errorf("%s: a receipt: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A receipt that says nothing is an error that says so.
func TestReportSaysWhy(t *testing.T) {
	for _, text := range []string{"", "hello", "id:1 stat:DELIVRD"} {
		m := &smpp.Message{ShortMessage: []byte(text), TLVs: smpp.TLVs{{Tag: smpp.TagReceiptedMessageID, Value: []byte(" \x00")}}}
		if text == "id:1 stat:DELIVRD" {
			m.ShortMessage = []byte("id:\x00 stat:DELIVRD")
		}
		if _, _, err := new(Options).report(m, time.Time{}); err == nil || strings.Contains(err.Error(), "%!") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A UDH that has no room for a concatenation stays what it is.
func TestSARWithoutRoom(t *testing.T) {
	udh := append([]byte{255, 0x24, 253}, make([]byte, 253)...)
	got := sarToUDH(udh, smpp.TLVs{
		{Tag: smpp.TagSarMsgRefNum, Value: []byte{1, 2}}, {Tag: smpp.TagSarTotalSegments, Value: []byte{2}}, {Tag: smpp.TagSarSegmentSeqnum, Value: []byte{1}},
	})
	if int(got[0])+1 != len(got) || !bytes.Equal(got, udh) {
		t.Errorf("UDHL %d of %d octets", got[0], len(got))
	}
}
