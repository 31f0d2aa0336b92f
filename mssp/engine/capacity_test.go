package engine

import (
	"errors"
	"testing"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// What fits into a number of segments is what the packets really take.
//
// Supports: 5-2
func TestCapacity(t *testing.T) {
	k := carriage.NewCardKey()
	request, err := k.Request(1)
	if err != nil {
		t.Fatal(err)
	}
	set, err := ota.NewKeySet(1, ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}, ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []mssp.CardProfile{
		{SPI: ota.SPI{0x16, 0x39}},
		{SPI: ota.SPI{0x16, 0x39}, ConcatRef16: true},
		{SPI: ota.SPI{0x16, 0x00}, Carriage: carriage.Packet{}},
		{SPI: ota.SPI{}, Carriage: carriage.Own{}},
		{SPI: ota.SPI{0x16, 0x00}, Carriage: carriage.Own{}, ConcatRef16: true},
	} {
		for n := 1; n <= 6; n++ {
			for _, c := range []struct{ octets, segments int }{{capacity(n, &p), n}, {capacity(n, &p) + 1, n + 1}} {
				packet, err := p.Way().Seal(nil, &carriage.Command{
					SPI: p.SPI, TAR: ota.TAR{0x4D, 0x53, 0x53}, Message: make([]byte, c.octets), Domain: set, DomainCNTR: 1, Applet: request, AppletCNTR: 1,
				})
				if err != nil {
					t.Fatal(err)
				}
				parts, err := sms.Split(packet, sms.SplitOptions{CPI: sms.CommandCPI, Ref16: p.ConcatRef16})
				if err != nil || len(parts) != c.segments {
					t.Errorf("%s: %d octets (16-bit reference %v) take %d segments, want %d", p.Way().Name(), c.octets, p.ConcatRef16, len(parts), c.segments)
				}
			}
		}
	}
	for n, want := range map[int]int{1: 82, 2: 226, 3: 354, 4: 482} {
		if got := capacity(n, &mssp.CardProfile{Carriage: carriage.Own{}}); got != want {
			t.Errorf("own: capacity(%d) is %d, want %d", n, got, want)
		}
	}
	for n, want := range map[int]int{1: 98, 2: 242, 3: 370, 4: 498} {
		if got := capacity(n, &mssp.CardProfile{}); got != want {
			t.Errorf("capacity(%d) is %d, want %d", n, got, want)
		}
	}
}

// A text is too long by as many characters as it has to lose, in the coding that the
// card takes; and whoever shortens it by that many is content.
func TestTooLongBy(t *testing.T) {
	const most = 98 // octets in one short message
	for name, c := range map[string]struct {
		utf8 bool
		text string
		over int // octets too many
		want string
	}{
		"it fits":            {true, "hello", 0, ""},
		"UTF-8, letters":     {true, "hello", 2, "the text is 2 characters too long"},
		"UTF-8, two octets":  {true, "helä", 3, "the text is 2 characters too long"},
		"UTF-8, three":       {true, "hel€", 3, "the text is 1 characters too long"},
		"GSM, letters":       {false, "helä", 2, "the text is 2 characters too long"},
		"GSM, the extension": {false, "hel€", 2, "the text is 1 characters too long"},
		"UCS-2, letters":     {false, "õhello", 5, "the text is 3 characters too long"},
		"UCS-2, three":       {false, "日本語", 3, "the text is 2 characters too long"},
		"all of the text":    {true, "hello", 5, "the text is 5 characters too long"},
		"more than the text": {true, "hello", 6, "the request is 6 octets too long"},
		"no text":            {true, "", 1, "the request is 1 octets too long"},
	} {
		err := fits(most+c.over, &mssp.CardProfile{UTF8: c.utf8, MaxSegments: 1}, c.text)
		var f *mssp.Fault
		switch {
		case c.want == "" && err != nil, c.want != "" && !errors.As(err, &f):
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (f.Code != mssp.WrongDataLength || f.Detail != c.want+" for the user's card, which takes 1 short messages"):
			t.Errorf("%s: %v", name, f)
		}
	}
}
