package carriage

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// packetVector is an entry of testdata/packets.json, which stands beside INT6.md for whoever
// writes an applet.
type packetVector struct {
	Name, Kind string
	Master     string
	ICCID      string // EF_ICCID
	Generation byte
	K0         string // "" is that of INT6.md
	Set        byte
	Last       ota.CNTR // of the set: the last counter of requests that was taken
	Hex        string
	Gives      string // what is in it, what comes of it
	Refused    string // why nothing comes of it
}

// key is K0 of a vector.
func (v *packetVector) key(t *testing.T) CardKey {
	t.Helper()
	if v.K0 == "" {
		return vectorKey
	}
	return CardKey(octets(t, v.K0))
}

// give is what the codec makes of a vector.
func (v *packetVector) give(t *testing.T) (string, error) {
	t.Helper()
	b := octets(t, v.Hex)
	key := v.key(t)
	switch v.Kind {
	case "keys":
		var out []string
		for p := requestCipher; p <= wrapCheck; p++ {
			k, err := key.derive(p, v.Set)
			if err != nil {
				return "", err
			}
			out = append(out, fmt.Sprintf("%X", k[:]))
		}
		return strings.Join(out, " "), nil
	case "card key":
		var digits strings.Builder // of EF_ICCID, two to an octet, the first in the low half
		for _, o := range octets(t, v.ICCID) {
			fmt.Fprintf(&digits, "%x%x", o&15, o>>4)
		}
		k, err := DeriveCardKey(octets(t, v.Master), v.Generation, ota.ICCID(strings.TrimRight(digits.String(), "f")))
		return fmt.Sprintf("%X", k[:]), err
	case "hash":
		return fmt.Sprintf("%X", applet.RequestHash(b)), nil
	case "request":
		c, err := OpenRequest(nil, func(set byte) *ota.KeySet {
			if set != v.Set {
				return nil
			}
			ks, err := key.Request(set)
			if err != nil {
				t.Fatal(err)
			}
			return ks
		}, vectorTAR, b)
		if err == nil && (c.CNTR <= v.Last || c.CNTR == ota.MaxCNTR) {
			err = fmt.Errorf("counter %v", c.CNTR)
		}
		return fmt.Sprintf("%X", c.Data), err
	case "answer":
		ks, err := key.Answer(v.Set)
		if err != nil {
			return "", err
		}
		h, err := Packet{}.Open(nil, &Expected{TAR: vectorTAR, SPI: ota.SPI{0x16, 0x39}, Answers: []*ota.KeySet{ks}}, sms.CommandCPI, b)
		return fmt.Sprintf("%X", h.INT6), err
	case "new key":
		m, err := applet.Parse(b)
		if err != nil {
			return "", err
		}
		fresh, err := key.Unwrap(v.Set, m.Transaction, m.Commands[0].(applet.SetKeys).New)
		return fmt.Sprintf("%X", fresh[:]), err
	case "installation":
		i, err := applet.ParseInstallation(b)
		return fmt.Sprintf("TAR %X, carriage %02X, key set %d generation %d, %d slots, %d codes, %s", i.TAR, byte(i.Carriage), i.KeySet, i.Generation, i.Slots, len(i.Codes), i.Language), err
	}
	t.Fatalf("kind %q", v.Kind)
	return "", nil
}

// TestPacketFile: the file of packets, keys and installations says of each what comes of it,
// or that nothing does; and the vectors on the page are among them.
//
// Supports: 3.1-2, 4-1, 3.5.3-6
func TestPacketFile(t *testing.T) {
	text, err := os.ReadFile("../testdata/packets.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []packetVector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	kinds, names := map[string]int{}, map[string]bool{}
	for i := range all {
		v := &all[i]
		have, err := v.give(t)
		if refused := v.Refused != ""; refused != (err != nil) || !refused && have != v.Gives || names[v.Kind+v.Name] {
			t.Errorf("%s %s gives %s, %v, want %q or the reason %q", v.Kind, v.Name, have, err, v.Gives, v.Refused)
		}
		names[v.Kind+v.Name] = true
		if kinds[v.Kind]++; v.Refused != "" {
			kinds[v.Kind+" refused"]++
		}
	}
	for _, kind := range []string{"request", "answer", "new key", "installation"} {
		if kinds[kind+" refused"]*2 < kinds[kind] {
			t.Errorf("%d of %d of kind %s are refused, most should be", kinds[kind+" refused"], kinds[kind], kind)
		}
	}
	messages, err := os.ReadFile("../testdata/int6.json")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../INT6.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Vectors")
	section, _, _ = strings.Cut(section, "\n## ")
	onPage := 0
	for line := range strings.Lines(section) {
		_, hex, ok := strings.Cut(line, "| `")
		if hex, _, _ = strings.Cut(hex, "`"); !ok {
			continue
		}
		onPage++
		if !strings.Contains(string(text)+string(messages), hex) {
			t.Errorf("%s is on the page and in no file", hex)
		}
	}
	if onPage < 12 {
		t.Errorf("%d vectors on the page", onPage)
	}
}
