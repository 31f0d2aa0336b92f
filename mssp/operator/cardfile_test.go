package operator

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// cardProfiles: int6 as in production, lab for test cards.
func cardProfiles() map[string]mssp.CardProfile {
	return map[string]mssp.CardProfile{
		"int6": {Name: "int6", SPI: ota.SPI{0x16, 0x39}},
		"lab":  {Name: "lab", SPI: ota.SPI{0x16, 0x39}, Lab: true},
	}
}

// Every file of testdata that is not called ok_... has, behind "# want: " in
// its first lines, how each line of its refusal begins. No refusal may repeat a
// key.
func TestCardVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/*.csv")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(b)
			cards, err := ParseCards(text, cardProfiles(), nil)
			if strings.HasPrefix(filepath.Base(file), "ok_") {
				if err != nil || len(cards) == 0 {
					t.Fatalf("%d cards, %v", len(cards), err)
				}
				return
			}
			if !errors.Is(err, ErrCards) || cards != nil {
				t.Fatalf("error %v, want ErrCards and no card", err)
			}
			// One line of the error for each that is wanted, and no other.
			told := strings.Split(strings.TrimPrefix(err.Error(), ErrCards.Error()+": "), "\n")
			for line := range strings.Lines(text) {
				if want, ok := strings.CutPrefix(strings.TrimSpace(line), "# want: "); ok {
					if len(told) == 0 || !strings.HasPrefix(told[0], want) {
						t.Fatalf("error %q, want %q next", err, want)
					}
					told = told[1:]
				}
			}
			if len(told) > 0 {
				t.Errorf("nobody wants %q", told)
			}
			if strings.Contains(err.Error(), "0011223344") {
				t.Errorf("the error repeats a key: %v", err)
			}
		})
	}
}

// A file that is imported: two cards, of which the first has two key sets.
const goodFile = `iccid,imsi,profile,kvn,kic,kid,cmac,cntr
8941000000000000001,228010000000001,int6,1,AES128:00112233445566778899AABBCCDDEEFF,AES256:FFEEDDCCBBAA9988776655443322110000112233445566778899AABBCCDDEEFF,8,
8941000000000000001,228010000000001,int6,2,3DES3:00112233445566778899AABBCCDDEEFF0123456789ABCDEF,3DES2:00112233445566778899AABBCCDDEEFF,4,000000001F
8941000000000000002,,lab,1,DES-ECB:0011223344556677,AES192:00112233445566778899AABBCCDDEEFF0123456789ABCDEF,,0000000000
`

// Columns.
const (
	fICCID = iota
	fIMSI
	fProfile
	fKVN
	fKIc
	fKID
	fCMAC
	fCNTR
)

// edited is goodFile with another field in a line.
func edited(line, field int, value string) string {
	lines := strings.Split(goodFile, "\n")
	f := strings.Split(lines[line-1], ",")
	f[field] = value
	lines[line-1] = strings.Join(f, ",")
	return strings.Join(lines, "\n")
}

// Each file differs from goodFile in one field. What is refused is told in one
// sentence, the whole of which stands here, and nothing of the file is stored;
// what stands at the edge of a rule is imported.
func TestCardFileFields(t *testing.T) {
	s, _, _ := newService(t)
	const (
		hex16 = "00112233445566778899AABBCCDDEEFF"
		names = `profile: no [[card_profile]] has this name; the names are ["int6" "lab"]`
		algs  = "unknown algorithm; the names are 3DES2, 3DES3, AES128, AES192, AES256 (test cards: DES, DES-ECB)"
		weak  = `card profile "int6": refused by the security policy: `
	)
	for _, c := range []struct {
		line, field int
		value, want string
	}{
		{4, fICCID, "89410000000000002", "ICCID needs 18 to 20 decimal digits, have 17 characters"},
		{4, fICCID, "894100000000000002", ""},
		{4, fICCID, "89410000000000000002", ""},
		{4, fICCID, "894100000000000000002", "ICCID needs 18 to 20 decimal digits, have 21 characters"},
		{4, fICCID, "", "ICCID needs 18 to 20 decimal digits, have 0 characters"},
		{4, fICCID, "8941000000000000/02", "ICCID needs 18 to 20 decimal digits, character 17 is not a digit"},
		{4, fICCID, "8.94100000000000E18", "ICCID needs 18 to 20 decimal digits, character 2 is not a digit"}, // a spreadsheet
		{4, fIMSI, "22801000000001", "imsi needs 15 digits, or nothing"},
		{4, fIMSI, "228010000000001", ""},
		{4, fIMSI, "2280100000000001", "imsi needs 15 digits, or nothing"},
		{4, fIMSI, "22801000000000x", "imsi needs 15 digits, or nothing"},
		{4, fIMSI, "x28010000000001", "imsi needs 15 digits, or nothing"},
		{4, fProfile, "int5", names},
		{4, fProfile, "Lab", names},
		{4, fProfile, "", names},
		{4, fProfile, "AES128:" + hex16, names}, // a key that has slipped is not repeated
		{4, fProfile, " lab ", ""},
		{4, fProfile, "int6", weak + "KIc is DES-ECB, it must be 3DES or AES"},
		{4, fKVN, "0", "kvn must be a number from 1 to 15"},
		{4, fKVN, "15", ""},
		{4, fKVN, "16", "kvn must be a number from 1 to 15"},
		{4, fKVN, "-1", "kvn must be a number from 1 to 15"},
		{4, fKVN, "1.", "kvn must be a number from 1 to 15"},
		{4, fKVN, "", "kvn must be a number from 1 to 15"},
		{2, fKIc, hex16, "kic needs ALGORITHM:KEY, as in AES128:0F1E2D... (hexadecimal)"},
		{2, fKIc, "", "kic needs ALGORITHM:KEY, as in AES128:0F1E2D... (hexadecimal)"},
		{2, fKIc, "AES129:" + hex16, "kic: " + algs},
		{2, fKIc, hex16 + ":AES128", "kic: " + algs},
		{2, fKIc, "AES128:" + hex16[:31], "kic: the key is not hexadecimal"},
		{2, fKIc, "AES128:" + hex16[:31] + "g", "kic: the key is not hexadecimal"},
		{2, fKIc, "AES128:" + hex16[:30], "kic: unusable key: AES128 needs 16 octets, have 15"},
		{2, fKIc, "AES128:" + hex16 + "00", "kic: unusable key: AES128 needs 16 octets, have 17"},
		{2, fKIc, "aes-128:" + strings.ToLower(hex16), ""},
		{2, fKIc, "3DES2:" + hex16, ""},
		{2, fKIc, "3DES2:" + hex16[:16] + hex16[:16], weak + "a 3DES key with equal halves is single DES"},
		{2, fKIc, "DES:" + hex16[:16], weak + "KIc is DES, it must be 3DES or AES"},
		{2, fKIc, "none:", weak + "KIc is none, it must be 3DES or AES"},
		{2, fKID, hex16, "kid needs ALGORITHM:KEY, as in AES128:0F1E2D... (hexadecimal)"},
		{2, fKID, "AES:" + hex16, "kid: " + algs},
		{2, fKID, "AES128:" + hex16[:31] + "g", "kid: the key is not hexadecimal"},
		{2, fKID, "AES256:" + hex16, "kid: unusable key: AES256 needs 32 octets, have 16"},
		{2, fKID, "AES128:" + hex16, ""},
		{2, fKID, "DES:" + hex16[:16], weak + "KID is DES, it must be 3DES or AES"},
		{4, fKID, "DES-ECB:" + hex16[:16], "algorithm not available: DES-ECB cannot make a checksum (KID)"},
		{2, fCMAC, "4", ""},
		{2, fCMAC, "", ""},
		{2, fCMAC, "16", "cmac must be 4 or 8"},
		{2, fCMAC, "0", "cmac must be 4 or 8"},
		{2, fCMAC, "08", "cmac must be 4 or 8"},
		{3, fCNTR, "000000001", "cntr needs 10 hexadecimal digits"},
		{3, fCNTR, "00000000001", "cntr needs 10 hexadecimal digits"},
		{3, fCNTR, "00000000g1", "cntr needs 10 hexadecimal digits"},
		{3, fCNTR, "", ""},
		{3, fCNTR, "00000000ff", ""},
		{3, fCNTR, "FFFFFEFFFE", ""},
		{3, fCNTR, "FFFFFEFFFF", "cntr: counter of the card is used up: replace its key set: last FFFFFEFFFF, the end is FFFFFF0000"},
		{3, fICCID, "8941000000000000003", ""},
		{3, fKVN, "1", "an earlier line of this card has key set 1"},
		{3, fIMSI, "228010000000002", "an earlier line of this card has another imsi or profile"},
		{3, fIMSI, "", "an earlier line of this card has another imsi or profile"},
		{3, fProfile, "lab", "an earlier line of this card has another imsi or profile"},
	} {
		_, err := imported(t, s, edited(c.line, c.field, c.value))
		if c.want != "" {
			c.want = fmt.Sprintf("line %d: %s", c.line, c.want)
		}
		refused(t, fmt.Sprintf("line %d, field %d, %q", c.line, c.field, c.value), err, c.want)
	}
}

// refused: with these words, all of them, and ErrCards behind them.
func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case want != "" && (err == nil || err.Error() != "card file: "+want || !errors.Is(err, ErrCards) || !errors.Is(err, &Refusal{Reason: BadRequest})):
		t.Errorf("%s: %v\nwant %s", what, err, want)
	}
}

// cardStore keeps the cards that it is given.
type cardStore struct {
	Store
	cards []mssp.Card
	sets  [][]mssp.KeySet
}

func (s *cardStore) ImportKeys(_ context.Context, c mssp.Card, f func([]mssp.KeySet) ([]mssp.KeySet, error)) error {
	sets, err := f(nil)
	if err != nil {
		return err
	}
	s.cards, s.sets = append(s.cards, c), append(s.sets, sets)
	return nil
}

// imported is what of a file is stored: nothing when anything is wrong, all
// when nothing is.
func imported(t *testing.T, s *Service, file string) (*cardStore, error) {
	t.Helper()
	st := &cardStore{}
	with := *s
	with.Store = st
	done, err := with.ImportCards(t.Context(), CardImport{CSV: file})
	if err != nil && len(st.cards) > 0 || err == nil && len(st.cards) < 2 || done != (CardImported{Imported: len(st.cards)}) {
		t.Errorf("%d cards are stored, told %+v, %v", len(st.cards), done, err)
	}
	return st, err
}

// What is wrong with the file as a whole. Nothing of it is stored.
func TestCardFileShape(t *testing.T) {
	s, _, _ := newService(t)
	lines := strings.SplitAfter(goodFile, "\n")
	head, rest := lines[0], strings.Join(lines[1:], "")
	const first = "the first line must be iccid,imsi,profile,kvn,kic,kid,cmac,cntr, with commas between, and for cards of carriage packet or own ,k0,gen,aset,level,unblock behind it"
	for what, c := range map[string]struct{ file, want string }{
		"the good one":        {goodFile, ""},
		"no line feed at end": {strings.TrimSuffix(goodFile, "\n"), ""},
		"lines end as in DOS": {strings.ReplaceAll(goodFile, "\n", "\r\n"), ""},
		"with the mark":       {"\ufeff" + goodFile, ""},
		"a comment above":     {"# cards\n" + goodFile, ""},
		"empty lines":         {head + "\n" + rest + "\n\n", ""},
		"spaces":              {head + strings.ReplaceAll(rest, ",", " , "), ""},
		"in quotation marks":  {strings.ReplaceAll(goodFile, "lab", `"lab"`), ""},
		"nothing":             {"", first},
		"no first line":       {rest, first},
		"semicolons":          {strings.ReplaceAll(goodFile, ",", ";"), first},
		"columns exchanged":   {strings.Replace(head, "kic,kid", "kid,kic", 1) + rest, first},
		"a column more":       {strings.Replace(head, "cntr", "cntr,note", 1) + rest, first},
		"no card":             {head, "no card in it: a line for each key set follows the first one"},
		"a field less":        {strings.Replace(goodFile, ",lab,", ",", 1), "line 4: 7 fields, must be 8: an empty one keeps its comma"},
		"a field more":        {strings.Replace(goodFile, ",lab,", ",lab,,", 1), "line 4: 9 fields, must be 8: an empty one keeps its comma"},
		"a quotation mark":    {strings.Replace(goodFile, "lab", `la"b`, 1), "parse error on line 4, column 24: " + csv.ErrBareQuote.Error() + ": no field needs a quotation mark"},
		"one not closed":      {strings.Replace(goodFile, "lab", `"lab`, 1), "parse error on line 4, column 122: " + csv.ErrQuote.Error() + ": no field needs a quotation mark"},
		"two lines": {
			strings.ReplaceAll(goodFile, "228010000000001", "2280100000000011"),
			"line 2: imsi needs 15 digits, or nothing\nline 3: imsi needs 15 digits, or nothing",
		},
		"two counters": {
			strings.NewReplacer("000000001F", "FFFFFFFFFF", ",,0000000000", ",,FFFFFF0000").Replace(goodFile),
			"line 3: cntr: counter of the card is used up: replace its key set: last FFFFFFFFFF, the end is FFFFFF0000\n" +
				"line 4: cntr: counter of the card is used up: replace its key set: last FFFFFF0000, the end is FFFFFF0000",
		},
	} {
		_, err := imported(t, s, c.file)
		refused(t, what, err, c.want)
	}
	// A profile that is missing is wrong in every line.
	wrong := strings.Repeat("8941000000000000001,,int5,1,,,,\n", maxFaults+7)
	_, err := imported(t, s, head+wrong)
	if told := strings.Split(fmt.Sprint(err), "\n"); len(told) != maxFaults+1 || told[maxFaults] != "and 7 lines more" {
		t.Errorf("%d lines, the last is %q", len(told), told[len(told)-1])
	}
	_, err = imported(t, s, head+strings.Repeat("x\n", maxFaults))
	if told := strings.Split(fmt.Sprint(err), "\n"); len(told) != maxFaults || !strings.HasPrefix(told[maxFaults-1], "line 51: 1 fields") {
		t.Errorf("%d lines, the last is %q", len(told), told[len(told)-1])
	}
}

// A clock that is wrong is told before the first card is stored, and as what it is.
func TestCardFileWrongClock(t *testing.T) {
	s, _, _ := newService(t)
	s.Clock = func() time.Time { return time.Date(2095, 1, 1, 0, 0, 0, 0, time.UTC) }
	_, err := imported(t, s, goodFile)
	if !errors.Is(err, keys.ErrCounterJump) || errors.Is(err, ErrCards) {
		t.Error(err)
	}
}

// Every field of a file arrives where it belongs.
func TestCardFileArrives(t *testing.T) {
	s, _, _ := newService(t)
	st, err := imported(t, s, goodFile)
	if err != nil {
		t.Fatal(err)
	}
	want := []mssp.Card{
		{ICCID: "8941000000000000001", IMSI: "228010000000001", Profile: "int6", State: mssp.CardActive, CreatedAt: s.Clock()},
		{ICCID: "8941000000000000002", Profile: "lab", State: mssp.CardActive, CreatedAt: s.Clock()},
	}
	if !reflect.DeepEqual(st.cards, want) || len(st.sets[0]) != 2 || len(st.sets[1]) != 1 {
		t.Fatalf("%+v", st.cards)
	}
	octets := func(digits string) []byte {
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i, c := range []struct {
		set  mssp.KeySet
		want keys.Material
		last ota.CNTR
	}{
		{st.sets[0][0], keys.Material{
			KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: octets("00112233445566778899AABBCCDDEEFF")},
			KID: ota.Key{Alg: ota.AES256, Octets: octets("FFEEDDCCBBAA9988776655443322110000112233445566778899AABBCCDDEEFF")}, CMACLen: 8,
		}, 0},
		{st.sets[0][1], keys.Material{
			KVN: 2, KIc: ota.Key{Alg: ota.TripleDES3, Octets: octets("00112233445566778899AABBCCDDEEFF0123456789ABCDEF")},
			KID: ota.Key{Alg: ota.TripleDES2, Octets: octets("00112233445566778899AABBCCDDEEFF")}, CMACLen: 4,
		}, keys.FloorCounter(s.Clock())}, // used before: raised to the clock
		{st.sets[1][0], keys.Material{
			KVN: 1, KIc: ota.Key{Alg: ota.DESECB, Octets: octets("0011223344556677")},
			KID: ota.Key{Alg: ota.AES192, Octets: octets("00112233445566778899AABBCCDDEEFF0123456789ABCDEF")}, CMACLen: 8,
		}, 0},
	} {
		got, err := s.Vault.(*keys.Vault).OpenMaterial(c.set.ICCID, c.set.KVN, c.set.Keys)
		if err != nil || !reflect.DeepEqual(got, c.want) || c.set.ICCID != want[i/2].ICCID {
			t.Errorf("key set %d: %v of %s, %v", i, got, c.set.ICCID, err)
		}
		last, err := s.Vault.OpenCounter(c.set.ICCID, c.set.KVN, c.set.Counter)
		if err != nil || last != c.last {
			t.Errorf("key set %d: counter %s, want %s, %v", i, last, c.last, err)
		}
	}
}
