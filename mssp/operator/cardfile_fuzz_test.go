package operator

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

// FuzzCards: whatever a card file says, it is refused without a digit of a key, or its cards
// have what their carriages need, each key set once and each K0 one card.
func FuzzCards(f *testing.F) {
	profiles := map[string]mssp.CardProfile{
		"int6":   {Name: "int6", SPI: ota.SPI{0x16, 0x39}},
		"packet": {Name: "packet", SPI: ota.SPI{0x16, 0x00}, Carriage: carriage.Packet{}},
		"bare":   {Name: "bare", Carriage: carriage.Own{}},
		"open":   {Name: "open", SPI: ota.SPI{0x16, 0x39}, ByKey: true},
		"quiet":  {Name: "quiet", SPI: ota.SPI{0x16, 0x00}, ByKey: true},
	}
	const old = "iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n"
	for _, s := range []string{
		"", old, appletHead, old + iccidA + ",,int6" + ofDomain + "\n", old + iccidA + ",228010000000001,int6" + ofDomain + "00000000FF\n" + iccidA + ",228010000000001,int6" + strings.Replace(ofDomain, "1", "2", 1) + "\n",
		appletHead + iccidA + ",,packet" + ofDomain + "," + keyA + ",1,1\n" + iccidB + ",,bare,,,,,," + keyB + ",,\n",
		"\ufeff" + appletHead + "# two\n" + iccidA + ",,open" + ofDomain + ",,2,\n" + iccidB + ",,quiet" + ofDomain + "," + keyA + ",255,15\n",
		appletHead + iccidA + ",,packet" + ofDomain + "," + keyA + ",0,16\n" + iccidB + ",,none" + ofDomain + "," + keyA + ",,\n",
		appletHead + `"` + iccidA, appletHead + iccidA + ",,bare,,,,,,AES128:00112233445566778899AABBCCDDEEF,,\n",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	long := regexp.MustCompile(`[0-9A-Fa-f]{32,}`)
	f.Fuzz(func(t *testing.T, text string, derives bool) {
		var master []byte
		if derives {
			var err error
			if master, err = ParseMaster(masterKey); err != nil {
				t.Fatal(err)
			}
		}
		cards, err := ParseCards(text, profiles, master)
		if err != nil {
			if !errors.Is(err, ErrCards) || cards != nil {
				t.Fatalf("%v, %d cards", err, len(cards))
			}
			for _, key := range long.FindAllString(text, -1) {
				if strings.Contains(err.Error(), key) {
					t.Fatalf("a key in %v", err)
				}
			}
			return
		}
		seen, owner := map[ota.ICCID]bool{}, map[carriage.CardKey]bool{}
		for _, c := range cards {
			profile, ok := profiles[c.Card.Profile]
			if !ok || seen[c.Card.ICCID] || c.Card.State != mssp.CardActive {
				t.Fatalf("%+v", c.Card)
			}
			seen[c.Card.ICCID] = true
			if c.Applet != nil {
				profile = withKey(profile)
				if owner[c.Applet.Key] || c.Applet.Set < 1 || c.Applet.Set > 15 || c.Applet.Generation == 0 {
					t.Fatalf("%+v", c.Applet)
				}
				owner[c.Applet.Key] = true
			}
			needs := profile.Way().Needs(profile.SPI)
			if needs.Domain && len(c.Keys) == 0 || needs.Answer != (c.Applet != nil) || c.Card.Carriage != rowOf(&profile) {
				t.Fatalf("%+v needs %+v", c, needs)
			}
			numbers := map[byte]bool{}
			for _, k := range c.Keys {
				if numbers[k.KVN] || k.KVN < 1 || k.KVN > 15 {
					t.Fatalf("key set %d", k.KVN)
				}
				numbers[k.KVN] = true
				set, err := k.KeySet()
				if err == nil {
					err = profile.Security().CheckKeys(set)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
