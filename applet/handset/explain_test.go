package handset

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Octets between a card and its phone, each with what is said of them.
func TestExplain(t *testing.T) {
	const deliver = "440B911497000000F07FF66211031121430004027000AA"
	for octets, want := range map[string]string{
		"D00C8103012304820281828D0104":                                 "GET INPUT: number 1, qualifier 04, text , DCS 04",
		"8103012304820282818301008D050431323334":                       "TERMINAL RESPONSE: number 1, of GET INPUT, qualifier 04, result 00 performed, text 1234, DCS 04",
		"01030221800202828103022002":                                   "TERMINAL RESPONSE: number 2, of DISPLAY TEXT, qualifier 80, result 20 terminal currently unable, with 02",
		"810302248082028281830100900105":                               "TERMINAL RESPONSE: number 2, of SELECT ITEM, qualifier 80, result 00 performed, item 05",
		"8103022304830100830110":                                       "TERMINAL RESPONSE: number 2, of GET INPUT, qualifier 04, result 00 performed, result 10 ended by the user", // one too many
		"81030123048202828183008D020CFF":                               "TERMINAL RESPONSE: number 1, of GET INPUT, qualifier 04, result , text 0CFF",
		"8103012500820282818301009F0101":                               "TERMINAL RESPONSE: number 1, of SET UP MENU, qualifier 00, result 00 performed, object 1F 01",
		deliver:                                                        "SMS-DELIVER: from 41790000000, TP-PID 7F, TP-DCS F6, UDH 027000, part 1 of 1, packet command, user data 1 octets",
		"D11D820283818B17" + deliver:                                   "ENVELOPE (SMS-PP DOWNLOAD): from 41790000000, TP-PID 7F, TP-DCS F6, UDH 027000, part 1 of 1, packet command, user data 1 octets",
		"41000B911497000000F07FF604027000AA":                           "SMS-SUBMIT: TP-MR 0, to 41790000000, TP-PID 7F, TP-DCS F6, UDH 027000, part 1 of 1, packet command, user data 1 octets",
		"D01C8103011300820281838B1141000B911497000000F07FF604027000AA": "SEND SHORT MESSAGE: number 1, qualifier 00, TP-MR 0, to 41790000000, TP-PID 7F, TP-DCS F6, UDH 027000, part 1 of 1, packet command, user data 1 octets",
		"": "error: neither", "D0": "error: neither", "8103": "error: neither", "030000": "error: neither", "410000": "error: neither", "4400FF": "error: neither",
		"D00381": "error: bad TLV", "D10482028381": "error: bad TLV: there is no TPDU", "D10282": "error: bad TLV", "810301230483FF": "error: bad TLV", "8103012304810100": "error: bad TLV: command details have 3",
		"D103" + "8B0144": "error: ",
	} {
		what, fields, err := Explain(octetsOf(t, octets))
		got := what
		for i, f := range fields {
			got += map[bool]string{true: ": ", false: ", "}[i == 0] + f.Name + " " + f.Value
		}
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want && !(err != nil && strings.HasPrefix(want, "error: ") && strings.HasPrefix(got, want)) {
			t.Errorf("%s\nhave %s\nwant %s", octets, got, want)
		}
	}
	if _, _, err := Explain(nil); !errors.Is(err, ErrExplain) {
		t.Error(err)
	}
}

// What was entered, in each coding; characters that one lacks go in UCS2.
func TestTextObject(t *testing.T) {
	for _, tc := range []struct {
		entered      string
		packed, ucs2 bool
		want         string
	}{
		{"1234", false, false, "8D050431323334"}, {"1234", true, false, "8D050031D98C06"}, {"12", false, true, "8D050800310032"}, {"Ж", true, false, "8D03080416"}, {"", false, false, "8D0104"},
	} {
		if got := fmt.Sprintf("%X", TextObject(tc.entered, tc.packed, tc.ucs2)); got != tc.want {
			t.Errorf("%q: %s, want %s", tc.entered, got, tc.want)
		}
	}
}

func octetsOf(t *testing.T, s string) (b []byte) {
	t.Helper()
	if _, err := fmt.Sscanf(s, "%x", &b); err != nil && s != "" {
		t.Fatal(err)
	}
	return b
}

// FuzzExplain: octets that are anything are said to be something or refused.
func FuzzExplain(f *testing.F) {
	for _, s := range []string{"D00C8103012304820281828D0104", "8103012304820282818301008D050431323334", "D11D820283818B17440B911497000000F07FF66211031121430004027000AA", "41000B911497000000F07FF604027000AA"} {
		var b []byte
		if _, err := fmt.Sscanf(s, "%x", &b); err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		what, _, err := Explain(b)
		if err == nil && what == "" {
			t.Fatalf("%X: %q, %v", b, what, err)
		}
	})
}
