package operator

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

func appletService(t *testing.T) (*Service, *store.Store) {
	t.Helper()
	s, st, log := newService(t)
	s.CardProfiles = map[string]mssp.CardProfile{
		"int6":   {Name: "int6", SPI: ota.SPI{0x16, 0x39}},
		"packet": {Name: "packet", SPI: ota.SPI{0x16, 0x00}, Carriage: carriage.Packet{}},
		"bare":   {Name: "bare", Carriage: carriage.Own{}},
		"open":   {Name: "open", SPI: ota.SPI{0x16, 0x39}, ByKey: true},
		"quiet":  {Name: "quiet", SPI: ota.SPI{0x16, 0x00}, ByKey: true},
		"inside": {Name: "inside", SPI: ota.SPI{0x16, 0x00}, Carriage: carriage.Own{}},
	}
	t.Cleanup(func() {
		if strings.Contains(log.String(), "0F0E0D") {
			t.Error("a key in the log")
		}
	})
	return s, st
}

const (
	appletHead = "iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0,gen,aset\n"
	iccidA     = "89490000000000000001"
	iccidB     = "89490000000000000002"
	masterKey  = "0F0E0D0C0B0A09080706050403020100"
	ofDomain   = ",1,AES128:00112233445566778899AABBCCDDEEFF,AES128:FFEEDDCCBBAA99887766554433221100,8,"
	keyA       = "AES128:0F0E0D0000000000000000000000000A"
	keyB       = "AES128:0F0E0D0000000000000000000000000B"
)

// What is wrong with the columns of an applet is told in one sentence without a digit of
// a key, and nothing is stored; what is right arrives, sealed, with its carriage.
//
// Supports: 2-2d
func TestCardFileOfApplets(t *testing.T) {
	line := func(profile, domain, applet string) string {
		return iccidA + ",," + profile + domain + "," + applet + "\n"
	}
	const (
		none    = ",,,,,"
		missing = `k0 is missing: card profile "%s" has carriage %s, in which the applet answers under a key of its own: give k0, or gen with --master-file, or another carriage to the profile`
		both    = "line 2: k0 is empty: it needs AES128:KEY, or gen, with which it comes from the master key (--master-file)"
	)
	derived := func(g byte) carriage.CardKey {
		m, _ := ParseMaster(masterKey)
		k, err := carriage.DeriveCardKey(m, g, iccidA)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if fmt.Sprintf("%X", [16]byte(derived(1))) != "D92FD45BB5A61AF432E24B1567919423" {
		t.Error("not the vector of the specification")
	}
	a, b := carriage.CardKey{0x0F, 0x0E, 0x0D, 15: 0x0A}, carriage.CardKey{0x0F, 0x0E, 0x0D, 15: 0x0B}
	refuses, untouched := appletService(t)
	for what, c := range map[string]struct {
		file, master, want string
		applet             cardkeys.Installed
		carriage           string
		domains            int
	}{
		"packet":                 {file: line("packet", ofDomain, keyA+",,"), applet: cardkeys.Installed{Set: 1, Generation: 1, Key: a}, carriage: "packet", domains: 1},
		"packet, all columns":    {file: line("packet", ofDomain, keyB+",255,15"), applet: cardkeys.Installed{Set: 15, Generation: 255, Key: b}, carriage: "packet", domains: 1},
		"own without the domain": {file: line("bare", none, keyA+",2,3"), applet: cardkeys.Installed{Set: 3, Generation: 2, Key: a}, carriage: "own"},
		"own with keys of it":    {file: line("bare", ofDomain, keyA+",,"), applet: cardkeys.Installed{Set: 1, Generation: 1, Key: a}, carriage: "own", domains: 1},
		"own inside of it":       {file: line("inside", ofDomain, keyA+",,"), applet: cardkeys.Installed{Set: 1, Generation: 1, Key: a}, carriage: "own", domains: 1},
		"from the master key":    {file: line("packet", ofDomain, ",1,"), master: masterKey, applet: cardkeys.Installed{Set: 1, Generation: 1, Key: derived(1)}, carriage: "packet", domains: 1},
		"its next generation":    {file: line("bare", none, ",2,9"), master: strings.ToLower(masterKey) + "\n", applet: cardkeys.Installed{Set: 9, Generation: 2, Key: derived(2)}, carriage: "own"},
		"given, though master":   {file: line("packet", ofDomain, keyA+",2,"), master: masterKey, applet: cardkeys.Installed{Set: 1, Generation: 2, Key: a}, carriage: "packet", domains: 1},
		"response":               {file: line("int6", ofDomain, ",,"), domains: 1},
		"two lines": {
			file:   line("packet", ofDomain, keyA+",,2") + line("packet", strings.Replace(ofDomain, ",1,", ",2,", 1), ",,"),
			applet: cardkeys.Installed{Set: 2, Generation: 1, Key: a}, carriage: "packet", domains: 2,
		},
		"two lines that say it both": {
			file:   line("packet", ofDomain, keyA+",1,1") + line("packet", strings.Replace(ofDomain, ",1,", ",2,", 1), keyA+",,"),
			applet: cardkeys.Installed{Set: 1, Generation: 1, Key: a}, carriage: "packet", domains: 2,
		},

		"by its key":          {file: line("open", ofDomain, keyA+",,"), applet: cardkeys.Installed{Set: 1, Generation: 1, Key: a}, carriage: "packet", domains: 1},
		"by its key, derived": {file: line("open", ofDomain, ",2,"), master: masterKey, applet: cardkeys.Installed{Set: 1, Generation: 2, Key: derived(2)}, carriage: "packet", domains: 1},
		"by its key, no PoR":  {file: line("quiet", ofDomain, keyA+",,"), applet: cardkeys.Installed{Set: 1, Generation: 1, Key: a}, carriage: "packet", domains: 1},
		"without a key":       {file: line("open", ofDomain, ",,"), domains: 1},
		"by a later line": {
			file:   line("open", ofDomain, ",,") + line("open", strings.Replace(ofDomain, ",1,", ",2,", 1), keyA+",,"),
			applet: cardkeys.Installed{Set: 1, Generation: 1, Key: a}, carriage: "packet", domains: 2,
		},
		"by an earlier line": {
			file:   line("quiet", ofDomain, keyA+",,") + line("quiet", strings.Replace(ofDomain, ",1,", ",2,", 1), ",,"),
			applet: cardkeys.Installed{Set: 1, Generation: 1, Key: a}, carriage: "packet", domains: 2,
		},
		"without a key, no PoR": {
			file: line("quiet", ofDomain, ",,"),
			want: `line 2: k0 is missing: a card without it answers by response packets, and card profile "quiet" asks for none: refused by the security policy: SPI 1600: no answer (PoR) is asked for`,
		},
		"by its key, no domain": {file: line("open", none, keyA+",,"), want: "line 2: kvn must be a number from 1 to 15"},

		"no k0":                    {file: line("packet", ofDomain, ",,"), want: "line 2: " + fmt.Sprintf(missing, "packet", "packet")},
		"no k0, own":               {file: line("bare", none, ",,"), want: "line 2: " + fmt.Sprintf(missing, "bare", "own")},
		"k0 of a response card":    {file: line("int6", ofDomain, keyA+",,"), want: `line 2: k0, gen and aset are for cards of carriage packet or own: card profile "int6" has response`},
		"gen of a response card":   {file: line("int6", ofDomain, ",1,"), want: `line 2: k0, gen and aset are for cards of carriage packet or own: card profile "int6" has response`},
		"aset alone":               {file: line("packet", ofDomain, ",,1"), want: both},
		"gen alone":                {file: line("packet", ofDomain, ",1,"), want: "line 2: k0 is empty and gen is not: that needs the master key from which k0 comes (--master-file)"},
		"aset alone, master":       {file: line("packet", ofDomain, ",,1"), master: masterKey, want: both},
		"gen 0":                    {file: line("packet", ofDomain, keyA+",0,"), want: "line 2: gen must be a number from 1 to 255"},
		"gen 256":                  {file: line("packet", ofDomain, keyA+",256,"), want: "line 2: gen must be a number from 1 to 255"},
		"gen a word":               {file: line("packet", ofDomain, keyA+",one,"), want: "line 2: gen must be a number from 1 to 255"},
		"aset 0":                   {file: line("packet", ofDomain, keyA+",1,0"), want: "line 2: aset must be a number from 1 to 15"},
		"aset 16":                  {file: line("packet", ofDomain, keyA+",1,16"), want: "line 2: aset must be a number from 1 to 15"},
		"k0 without algorithm":     {file: line("packet", ofDomain, keyA[7:]+",,"), want: "line 2: k0 needs ALGORITHM:KEY, as in AES128:0F1E2D... (hexadecimal)"},
		"k0 of AES-256":            {file: line("packet", ofDomain, "AES256:"+keyA[7:]+keyA[7:]+",,"), want: "line 2: k0: the key of an applet is AES128, not AES256"},
		"k0 too short":             {file: line("packet", ofDomain, keyA[:37]+",,"), want: "line 2: k0: unusable key: AES128 needs 16 octets, have 15"},
		"k0 not hexadecimal":       {file: line("packet", ofDomain, keyA[:38]+"g,,"), want: "line 2: k0: the key is not hexadecimal"},
		"k0 is kid":                {file: line("packet", ofDomain, "AES128:FFEEDDCCBBAA99887766554433221100,,"), want: "line 2: k0 is the key kic or kid: whoever has the keys of the security domain could make the card's answers"},
		"k0 is kic":                {file: line("inside", ofDomain, "AES128:00112233445566778899AABBCCDDEEFF,,"), want: "line 2: k0 is the key kic or kid: whoever has the keys of the security domain could make the card's answers"},
		"no keys of the domain":    {file: line("packet", none, keyA+",,"), want: "line 2: kvn must be a number from 1 to 15"},
		"none, own inside of it":   {file: line("inside", none, keyA+",,"), want: "line 2: kvn must be a number from 1 to 15"},
		"half of the domain":       {file: line("bare", ",1,,,,", keyA+",,"), want: "line 2: kic needs ALGORITHM:KEY, as in AES128:0F1E2D... (hexadecimal)"},
		"two keys of an applet":    {file: line("packet", ofDomain, keyA+",,") + line("packet", strings.Replace(ofDomain, ",1,", ",2,", 1), keyB+",,"), want: "line 3: an earlier line of this card has another k0, gen or aset: it stands once for a card"},
		"two sets of an applet":    {file: line("packet", ofDomain, keyA+",,") + line("packet", strings.Replace(ofDomain, ",1,", ",2,", 1), keyA+",,2"), want: "line 3: an earlier line of this card has another k0, gen or aset: it stands once for a card"},
		"twice the same":           {file: line("bare", none, keyA+",,") + line("bare", none, keyA+",,"), want: "line 3: an earlier line of this card says all that this one does"},
		"the key of another card":  {file: line("packet", ofDomain, keyA+",,") + strings.Replace(line("packet", ofDomain, keyA+",2,2"), iccidA, iccidB, 1), want: "line 3: k0: another card of this file has the same one, each needs its own"},
		"a field less":             {file: line("packet", ofDomain, keyA+","), want: "line 2: 10 fields, must be 11: an empty one keeps its comma"},
		"master key too short":     {file: line("packet", ofDomain, ",1,"), master: masterKey[2:], want: "a master key is 32 hexadecimal digits and nothing else"},
		"master key of two words":  {file: line("packet", ofDomain, ",1,"), master: masterKey[:16] + " " + masterKey[16:], want: "a master key is 32 hexadecimal digits and nothing else"},
		"master key with a prefix": {file: line("packet", ofDomain, ",1,"), master: "AES128:" + masterKey, want: "a master key is 32 hexadecimal digits and nothing else"},
	} {
		use, in := refuses, untouched
		if c.want == "" {
			use, in = appletService(t)
		}
		done, err := use.ImportCards(t.Context(), CardImport{CSV: appletHead + c.file, Master: c.master})
		if c.want != "" {
			if err == nil || strings.TrimPrefix(err.Error(), "card file: ") != c.want || done != (CardImported{}) || strings.Contains(strings.ToUpper(err.Error()), "0F0E0D0C") {
				t.Errorf("%s: %+v, %v\nwant %s", what, done, err, c.want)
			}
			continue
		}
		if err != nil || done != (CardImported{Imported: 1}) {
			t.Errorf("%s: %+v, %v", what, done, err)
			continue
		}
		card, err := in.Card(t.Context(), iccidA)
		if err != nil || card.Carriage != c.carriage {
			t.Errorf("%s: carriage %q, %v", what, card.Carriage, err)
		}
		domains, applets := keysOf(t, use, in)
		var want []cardkeys.Installed
		if c.applet.Set != 0 {
			c.applet.State = cardkeys.Confirmed
			want = append(want, c.applet)
		}
		if domains != c.domains || !reflect.DeepEqual(applets, want) {
			t.Errorf("%s: %d key sets of the domain, of the applet %d, want %d, %d", what, domains, len(applets), c.domains, len(want))
		}
	}
	if cards, err := untouched.Cards(t.Context(), "", 9); err != nil || len(cards) > 0 {
		t.Errorf("%d cards of files that are refused are stored, %v", len(cards), err)
	}
}

// keysOf are the key sets of the first card; counters of applets begin at 0.
func keysOf(t *testing.T, s *Service, st *store.Store) (domains int, applets []cardkeys.Installed) {
	t.Helper()
	sets, err := st.KeySets(t.Context(), iccidA)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sets {
		ks := &sets[i]
		if !ks.Applet {
			domains++
			continue
		}
		k, err := cardkeys.Open(s.Vault, ks)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.Vault.OpenCounter(ks.ICCID, cardkeys.RowNumber(ks), ks.Counter); err != nil || n != 0 {
			t.Errorf("counter %s, %v", n, err)
		}
		applets = append(applets, k)
	}
	return domains, applets
}

// An import adds and never overwrites: keys of an applet stay what they are, also when they
// were replaced over the air, until a higher generation says that the applet was
// installed anew.
func TestImportAgain(t *testing.T) {
	s, st := appletService(t)
	const of1 = iccidA + ",,packet,1,AES128:00112233445566778899AABBCCDDEEFF,AES128:FFEEDDCCBBAA99887766554433221100,8,,"
	const of2 = iccidA + ",,packet,2,AES128:00112233445566778899AABBCCDDEEFF,AES128:FFEEDDCCBBAA99887766554433221100,8,,"
	name := ota.ICCID(iccidA).String()
	for i, c := range []struct {
		line, head string
		stored     bool
		note       string
		domains    int
		applets    [][2]byte // set, generation
	}{
		// The card was one of carriage response.
		{iccidA + ",,int6,1,AES128:00112233445566778899AABBCCDDEEFF,AES128:FFEEDDCCBBAA99887766554433221100,8,", cardHead, true, "", 1, nil},
		{of1 + keyA + ",,", appletHead, true, "", 1, [][2]byte{{1, 1}}},
		{of1 + keyA + ",,", appletHead, false, "", 1, [][2]byte{{1, 1}}},
		{of1 + keyB + ",,", appletHead, false, "its applet has key set 1 of generation 1 with another k0: nothing was changed; a new installation has a higher gen", 1, [][2]byte{{1, 1}}},
		{of1 + keyB + ",,2", appletHead, false, "", 1, [][2]byte{{1, 1}}}, // replaced over the air, as far as anybody knows
		{of2 + keyA + ",,", appletHead, true, "", 2, [][2]byte{{1, 1}}},
		{of1 + keyB + ",2,1", appletHead, false, "its applet has key set 1 of generation 1, the file has generation 2: give a new installation another aset; nothing was changed", 2, [][2]byte{{1, 1}}},
		{of1 + keyB + ",3,2", appletHead, true, "", 2, [][2]byte{{2, 3}, {1, 1}}},
		{of1 + keyA + ",2,4", appletHead, false, "its applet is of generation 3, the file has 2: nothing was changed", 2, [][2]byte{{2, 3}, {1, 1}}},
	} {
		done, err := s.ImportCards(t.Context(), CardImport{CSV: c.head + c.line + "\n"})
		want := CardImported{Present: 1}
		if c.stored {
			want = CardImported{Imported: 1}
		}
		if c.note != "" {
			want.Note = "card " + name + ": " + c.note
		}
		if err != nil || done != want {
			t.Errorf("%d: %+v, %v, want %+v", i, done, err, want)
		}
		domains, applets := keysOf(t, s, st)
		var have [][2]byte
		for _, k := range applets {
			have = append(have, [2]byte{k.Set, k.Generation})
		}
		card, err := st.Card(t.Context(), iccidA)
		if domains != c.domains || !reflect.DeepEqual(have, c.applets) || err != nil || (card.Carriage == "packet") != (i > 0) {
			t.Errorf("%d: %d key sets of the domain, of the applet %v, carriage %q, %v", i, domains, have, card.Carriage, err)
		}
	}
}

// The counter of an applet is advanced like the others, each in its own row; a card that takes
// exactly the next packet of its domain takes any higher one of its applet.
func TestAdvanceApplet(t *testing.T) {
	s, st := appletService(t)
	exact := s.CardProfiles["inside"]
	exact.SPI = ota.SPI{0x1E, 0}
	s.CardProfiles["inside"] = exact
	if _, err := s.ImportCards(t.Context(), CardImport{CSV: appletHead + iccidA + ",,inside" + ofDomain + "," + keyA + ",,\n"}); err != nil {
		t.Fatal(err)
	}
	err := st.ChangeKeySets(t.Context(), iccidA, func(_ mssp.Card, sets []mssp.KeySet) (err error) {
		for i := range sets {
			if sets[i].Counter, err = s.Vault.SealCounter(iccidA, cardkeys.RowNumber(&sets[i]), 5); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	done, err := s.AdvanceCounters(t.Context(), CardName{ICCID: iccidA})
	if err != nil || len(done.Sets) != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if d, a := done.Sets[0], done.Sets[1]; d.Applet || d.From != d.To || !a.Applet || a.KVN != 1 || a.From != "0000000005" || a.To <= a.From {
		t.Errorf("%+v", done)
	}
}

// The key of another card that is there already is refused, wherever it stands among more rows
// than are read at once, and nothing is stored; the card itself may come again.
func TestKeyOfAnotherCard(t *testing.T) {
	s, st := appletService(t)
	line := func(iccid, rest string) string { return iccid + ",," + rest + "\n" }
	file := line(iccidA, "packet"+ofDomain+","+keyA+",,")
	if _, err := s.ImportCards(t.Context(), CardImport{CSV: appletHead + file}); err != nil {
		t.Fatal(err)
	}
	if done, err := s.ImportCards(t.Context(), CardImport{CSV: appletHead + file}); err != nil || done.Present != 1 {
		t.Errorf("the same again: %+v, %v", done, err)
	}
	other := line(iccidB, "bare,,,,,,"+keyA+",3,7")
	done, err := s.ImportCards(t.Context(), CardImport{CSV: appletHead + other})
	if want := "card file: line 2: k0: card ****0001 has the same one, each needs its own"; err == nil || err.Error() != want || done != (CardImported{}) {
		t.Errorf("%+v, %v, want %s", done, err, want)
	}
	if _, err := st.Card(t.Context(), iccidB); err == nil {
		t.Error("the other card is stored")
	}
	damaged := mssp.KeySet{ICCID: iccidA, Applet: true, KVN: 9, Keys: []byte("nothing that opens"), Counter: []byte{1}}
	if err := st.AddKeySet(t.Context(), iccidA, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &damaged, nil }); err != nil {
		t.Fatal(err)
	}
	good := line(iccidB, "bare,,,,,,"+keyB+",3,7")
	if done, err := s.ImportCards(t.Context(), CardImport{CSV: appletHead + good}); err != nil || done.Imported != 1 {
		t.Errorf("another key: %+v, %v", done, err)
	}
}

// The level of a card is for those who make it; what is no level is told, and an import
// takes a file with levels as one without.
//
// Supports: 3.2-11
func TestCardFileLevel(t *testing.T) {
	s, _ := appletService(t)
	head := strings.TrimSuffix(appletHead, "\n") + ",level\n"
	other := strings.Replace(ofDomain, ",1,", ",2,", 1)
	for what, c := range map[string]struct {
		lines []string
		level byte
		want  string
	}{
		"none":             {lines: []string{"packet" + ofDomain + "," + keyA + ",,,"}},
		"1":                {lines: []string{"packet" + ofDomain + "," + keyA + ",,,1"}, level: 1},
		"3, response":      {lines: []string{"int6" + ofDomain + ",,,,3"}, level: 3},
		"in a second line": {lines: []string{"packet" + ofDomain + "," + keyA + ",,,", "packet" + other + ",,,,2"}, level: 2},
		"in both":          {lines: []string{"packet" + ofDomain + "," + keyA + ",,,2", "packet" + other + ",,,,2"}, level: 2},
		"another":          {lines: []string{"packet" + ofDomain + "," + keyA + ",,,2", "packet" + other + ",,,,1"}, want: "card file: line 3: an earlier line of this card has another level"},
		"0":                {lines: []string{"packet" + ofDomain + "," + keyA + ",,,0"}, want: "card file: line 2: level must be a number from 1 to 3"},
		"4":                {lines: []string{"packet" + ofDomain + "," + keyA + ",,,4"}, want: "card file: line 2: level must be a number from 1 to 3"},
		"L1":               {lines: []string{"packet" + ofDomain + "," + keyA + ",,,L1"}, want: "card file: line 2: level must be a number from 1 to 3"},
	} {
		file := head
		for _, l := range c.lines {
			file += iccidA + ",," + l + "\n"
		}
		cards, err := ParseCards(file, s.CardProfiles, nil)
		if c.want != "" {
			if err == nil || err.Error() != c.want {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		if err != nil || len(cards) != 1 || cards[0].Level != c.level {
			t.Errorf("%s: %+v, %v", what, cards, err)
		}
	}
	if done, err := s.ImportCards(t.Context(), CardImport{CSV: head + iccidA + ",,packet" + ofDomain + "," + keyA + ",,,1\n"}); err != nil || done.Imported != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}
