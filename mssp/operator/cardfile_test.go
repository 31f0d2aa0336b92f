package operator

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

// cardProfiles: int6 as in production, lab for test cards.
func cardProfiles() map[string]mssp.CardProfile {
	return map[string]mssp.CardProfile{
		"int6": {Name: "int6", SPI: ota.SPI{0x16, 0x39}},
		"lab":  {Name: "lab", SPI: ota.SPI{0x16, 0x39}, Lab: true},
	}
}

// Every file of testdata that is not called ok_... has, behind "# want: " in
// its first lines, the words that its refusal must hold. No refusal may
// repeat a key.
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
			cards, err := ParseCards(text, cardProfiles())
			if strings.HasPrefix(filepath.Base(file), "ok_") {
				if err != nil || len(cards) == 0 {
					t.Fatalf("%d cards, %v", len(cards), err)
				}
				return
			}
			if !errors.Is(err, ErrCards) || cards != nil {
				t.Fatalf("error %v, want ErrCards and no card", err)
			}
			wants := 0
			for line := range strings.Lines(text) {
				if want, ok := strings.CutPrefix(strings.TrimSpace(line), "# want: "); ok {
					wants++
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %q, want %q", err, want)
					}
				}
			}
			if wants == 0 {
				t.Error("the vector wants nothing")
			}
			if strings.Contains(err.Error(), "0011223344") {
				t.Errorf("the error repeats a key: %v", err)
			}
		})
	}
}

func TestParseCards(t *testing.T) {
	b, err := os.ReadFile("testdata/ok_two_cards.csv")
	if err != nil {
		t.Fatal(err)
	}
	cards, err := ParseCards(string(b), cardProfiles())
	if err != nil || len(cards) != 2 {
		t.Fatalf("%d cards, %v", len(cards), err)
	}
	a := cards[0]
	if a.Card.ICCID != "8941000000000000001" || a.Card.IMSI != "228010000000001" || a.Card.Profile != "int6" || a.Card.State != "active" {
		t.Errorf("card %+v", a.Card)
	}
	if len(a.Keys) != 2 || a.Keys[0].KVN != 1 || a.Keys[1].KVN != 2 || a.Keys[0].KIc.Alg != ota.AES128 || a.Keys[1].CMACLen != 4 ||
		a.Keys[0].KIc.Octets[1] != 0x11 || a.Last[0] != 0 || a.Last[1] != 0x1F {
		t.Errorf("keys %v %v", a.Keys, a.Last)
	}
}
