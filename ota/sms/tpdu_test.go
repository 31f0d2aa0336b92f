package sms

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

// Messages that others made, read and written again octet for octet.
// Supports: 3.1-1
func TestForeignTPDUs(t *testing.T) {
	t.Run("deliver_text", func(t *testing.T) {
		raw := unhex(t, "040b911346610089f60000208062917314080cc8f71d14969741f977fd07")
		d, err := ParseDeliver(raw)
		if err != nil {
			t.Fatal(err)
		}
		text, err := DecodeText(d.DCS, d.UDH, d.UD, d.Septets)
		if text != "How are you?" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		at, err := d.Time.Time()
		if err != nil || at.UTC().Format("2006-01-02 15:04:05") != "2002-08-26 19:37:41" {
			t.Errorf("%v, %v", at, err)
		}
		if m, err := d.Originator.MSISDN(); m != "31641600986" || err != nil {
			t.Errorf("%v, %v", m, err)
		}
		again(t, raw, &d)
	})
	t.Run("deliver_packet", func(t *testing.T) {
		raw := unhex(t, "400a9194511132547ff6227052000000001c0500038d02026d3d03e326284a7913c9aac8769b248b8908336121a4")
		d, err := ParseDeliver(raw)
		if err != nil || d.PID != PIDDownload || d.DCS != DCSClass2Data || len(d.UDH) != 6 || len(d.UD) != 22 || !d.MoreMessages {
			t.Errorf("%+v, %v", d, err)
		}
		again(t, raw, &d)
	})
	t.Run("submit_of_a_card", func(t *testing.T) {
		raw := unhex(t, "41000a9194511132547ff629027100002412b000112f30459b1803f6e6725a7eb99e8d3c97eb3877186317ed71b776ad904bb6f9e2")
		s, err := ParseSubmit(raw)
		if err != nil || s.Destination.Number != "4915112345" || len(s.UD) != 38 {
			t.Errorf("%+v, %v", s, err)
		}
		again(t, raw, &s)
	})
	t.Run("submit_text", func(t *testing.T) {
		raw := unhex(t, "11000b916407281553f80000aa0ae8329bfd4697d9ec37")
		s, err := ParseSubmit(raw)
		if err != nil {
			t.Fatal(err)
		}
		text, err := DecodeText(s.DCS, s.UDH, s.UD, s.Septets)
		if text != "hellohello" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		if d, ok := s.Validity.Duration(); !ok || d != 4*24*time.Hour {
			t.Errorf("validity %v, %v", d, ok)
		}
		again(t, raw, &s)
	})
	t.Run("status_report", func(t *testing.T) {
		raw := unhex(t, "06d50b911326880736f4111011719551401110117195714000")
		r, err := ParseStatusReport(raw)
		if err != nil || r.Reference != 0xD5 || r.Recipient.Number != "31628870634" || r.Outcome() != OutcomeDelivered {
			t.Errorf("%+v, %v", r, err)
		}
		again(t, raw, &r)
	})
	t.Run("status_report_with_nonsense_times", func(t *testing.T) {
		raw := unhex(t, "06d50b911326880736f4ffffffffffffff0000000000000030")
		r, err := ParseStatusReport(raw)
		if err != nil || r.Outcome() != OutcomePending {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := r.Time.Time(); !errors.Is(err, ErrTime) {
			t.Error(err)
		}
		again(t, raw, &r)
	})
}

func again(t *testing.T, raw []byte, v interface {
	AppendBinary([]byte) ([]byte, error)
},
) {
	t.Helper()
	have, err := v.AppendBinary([]byte{0x77})
	if err != nil || string(have[1:]) != string(raw) {
		t.Errorf("written again as %X, %v", have[1:], err)
	}
}

// What is written is read back the same, for every type and its flags.
func TestTPDURoundTrip(t *testing.T) {
	a := AddressOf("41791234567")
	data := Optional{PI: PIPID | PIDCS | PIUD, PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x71, 0}, UD: []byte{1, 2, 3}}
	stamp := NewTimestamp(time.Date(2026, 11, 22, 20, 15, 30, 0, time.FixedZone("", -5*3600-1800)))
	roundTrip(t, &Deliver{MoreMessages: true, Loop: true, ReplyPath: true, StatusReport: true, Originator: a, PID: 0x7F, DCS: 0xF6, Time: stamp, UDH: []byte{2, 0x70, 0}, UD: []byte{9}}, ParseDeliver)
	roundTrip(t, &Deliver{Originator: Address{TON: TONAlphanumeric, Number: "simsign €1"}, DCS: DCSUCS2, Time: stamp, UD: []byte{0, 65}}, ParseDeliver)
	for _, v := range []Validity{{}, ValidFor(time.Hour), {Format: ValidityAbsolute, Absolute: stamp}, {Format: ValidityEnhanced, Enhanced: [7]byte{2, 30}}} {
		roundTrip(t, &Submit{RejectDuplicates: true, StatusReport: true, ReplyPath: true, Reference: 7, Destination: a, PID: 1, DCS: 4, Validity: v, UD: []byte("data")}, ParseSubmit)
	}
	report := func(failed bool) func([]byte) (DeliverReport, error) {
		return func(b []byte) (DeliverReport, error) { return ParseDeliverReport(b, failed) }
	}
	roundTrip(t, &DeliverReport{Optional: data}, report(false))
	roundTrip(t, &DeliverReport{Failed: true, Cause: 0xD4, Optional: data}, report(true))
	roundTrip(t, &DeliverReport{}, report(false))
	submitReport := func(failed bool) func([]byte) (SubmitReport, error) {
		return func(b []byte) (SubmitReport, error) { return ParseSubmitReport(b, failed) }
	}
	roundTrip(t, &SubmitReport{Time: stamp}, submitReport(false))
	roundTrip(t, &SubmitReport{Failed: true, Cause: 0xC4, Time: stamp, Optional: Optional{PI: PIUD, UD: []byte{0x41}, Septets: 1}}, submitReport(true))
	roundTrip(t, &StatusReport{MoreMessages: true, Loop: true, Command: true, Reference: 1, Recipient: a, Time: stamp, Discharged: stamp, Status: 0x46}, ParseStatusReport)
	roundTrip(t, &StatusReport{Recipient: a, HasOptional: true, Optional: data}, ParseStatusReport)
}

func roundTrip[T any](t *testing.T, v *T, parse func([]byte) (T, error)) {
	t.Helper()
	b, err := any(v).(interface {
		AppendBinary([]byte) ([]byte, error)
	}).AppendBinary(nil)
	if err != nil {
		t.Errorf("%+v: %v", *v, err)
		return
	}
	have, err := parse(b)
	if err != nil || !reflect.DeepEqual(have, *v) {
		t.Errorf("%X: have %+v, %v, want %+v", b, have, err, *v)
	}
	for n := range b {
		if _, err := parse(b[:n]); err == nil {
			if s, ok := any(v).(*StatusReport); ok && s.HasOptional && n == len(b)-len(s.UDH)-len(s.UD)-4 {
				continue // without its optional fields it is whole too
			}
			t.Errorf("%T cut to %d of %d octets is read", v, n, len(b))
		}
	}
	if _, err := parse(append(b, 0)); err == nil && len(b) > 0 {
		if _, ok := any(v).(*StatusReport); !ok {
			t.Errorf("%T with an octet behind the end is read", v)
		}
	}
}

func TestTPDURefuses(t *testing.T) {
	deliver := func(b []byte) error { _, err := ParseDeliver(b); return err }
	submit := func(b []byte) error { _, err := ParseSubmit(b); return err }
	for _, tc := range []struct {
		name  string
		parse func([]byte) error
		raw   string
		want  error
	}{
		{"empty", deliver, "", ErrTPDU},
		{"submit_as_deliver", deliver, "01000481214300000100", ErrTPDU},
		{"deliver_as_submit", submit, "040b911346610089f600002080629173140800", ErrTPDU},
		{"address_too_long", deliver, "041581111111111111111111110f00002080629173140800", ErrAddress},
		{"address_overruns", deliver, "040b9113", ErrAddress},
		{"filler_in_address", deliver, "040481f12100002080629173140800", ErrAddress},
		{"udl_past_end", deliver, "040481214300042080629173140805aabb", ErrTPDU},
		{"udl_before_end", deliver, "040481214300042080629173140801aabb", ErrTPDU},
		{"udl_above_140", deliver, "04048121430004208062917314088d", ErrTPDU},
		{"septets_past_end", deliver, "040481214300002080629173140805aabb", ErrTPDU},
		{"udh_overruns", deliver, "440481214300042080629173140803037000", ErrUDH},
		{"udh_without_user_data", deliver, "440481214300042080629173140800", ErrUDH},
		{"no_validity", submit, "1100048121430004", ErrTPDU},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.parse(unhex(t, tc.raw)); !errors.Is(err, tc.want) {
				t.Errorf("have %v, want %v", err, tc.want)
			}
		})
	}
	a := AddressOf("41791234567")
	for name, v := range map[string]interface {
		AppendBinary([]byte) ([]byte, error)
	}{
		"too_long":       &Submit{Destination: a, DCS: 4, UD: make([]byte, 141)},
		"too_long_udh":   &Deliver{Originator: a, DCS: 4, UDH: []byte{2, 0x70, 0}, UD: make([]byte, 138)},
		"wrong_udhl":     &Deliver{Originator: a, DCS: 4, UDH: []byte{3, 0x70, 0}},
		"septets_absent": &Submit{Destination: a, UD: []byte{1, 2}},
		"septets_wrong":  &Submit{Destination: a, UD: []byte{1, 2}, Septets: 3},
		"bad_address":    &Submit{Destination: Address{Number: "12x"}, DCS: 4},
		"long_address":   &Submit{Destination: Address{Number: "123456789012345678901"}, DCS: 4},
		"long_name":      &Deliver{Originator: Address{TON: TONAlphanumeric, Number: "twelve chars"}, DCS: 4},
		"name_in_ucs2":   &Deliver{Originator: Address{TON: TONAlphanumeric, Number: "Ж"}, DCS: 4},
		"reserved_pi":    &DeliverReport{Optional: Optional{PI: 0x08}},
		"ton_8":          &StatusReport{Recipient: Address{TON: 8}},
	} {
		if b, err := v.AppendBinary([]byte("x")); err == nil || string(b) != "x" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestOutcome(t *testing.T) {
	for st, want := range map[byte]Outcome{
		0x00: OutcomeDelivered, 0x01: OutcomeUnknown, 0x02: OutcomeDelivered, 0x03: OutcomeUnknown, 0x1F: OutcomeUnknown,
		0x20: OutcomePending, 0x3F: OutcomePending, 0x40: OutcomeFailed, 0x46: OutcomeFailed, 0x60: OutcomeFailed, 0xFF: OutcomeFailed,
	} {
		if have := (&StatusReport{Status: st}).Outcome(); have != want {
			t.Errorf("status %02X: %d, want %d", st, have, want)
		}
	}
}

func TestAddressValue(t *testing.T) {
	for _, a := range []Address{AddressOf("41791234567"), AddressOf("4179123456"), {TON: 0, NPI: 1, Number: "*#100#"}, {TON: 5, Number: "simsign"}} {
		b, err := a.AppendValue(nil)
		if err != nil {
			t.Fatal(err)
		}
		if have, err := ParseAddressValue(b); err != nil || have != a {
			t.Errorf("%X: %+v, %v, want %+v", b, have, err, a)
		}
	}
	for _, b := range [][]byte{nil, make([]byte, 12), {0x91, 0xFF, 0x21}} {
		if _, err := ParseAddressValue(b); !errors.Is(err, ErrAddress) {
			t.Errorf("%X: %v", b, err)
		}
	}
	if _, err := (Address{TON: TONNational, Number: "791234567"}).MSISDN(); !errors.Is(err, ErrAddress) {
		t.Error(err)
	}
	if _, err := (Address{TON: TONInternational, Number: "0791234567"}).MSISDN(); !errors.Is(err, ErrMSISDN) {
		t.Error(err)
	}
}
