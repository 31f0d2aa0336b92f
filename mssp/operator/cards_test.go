package operator

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

const iccid1 = "8941000000000000001"

// newService is a Service on a database of its own, and its log.
func newService(t *testing.T) (*Service, *store.Store, *bytes.Buffer) {
	t.Helper()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "simsign.db"), Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	vault, err := keys.OpenVault(t.Context(), root, st, now)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	return (&Service{
		Store: st, Vault: vault, CardProfiles: cardProfiles(), PoP: PoPRules{Digits: 8, Tries: 3, Life: time.Hour},
		Profiles: []mssp.SignatureProfile{{URI: "http://a.example/auth"}},
		Clock:    func() time.Time { return now }, Logger: slog.New(slog.NewJSONHandler(&log, nil)),
	}).WithParties(st), st, &log
}

const (
	cardHead = "iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n"
	cardLine = iccid1 + ",,int6,1,AES128:00112233445566778899AABBCCDDEEFF,AES128:0F0E0D0C0B0A09080706050403020100,,"
)

// counter is the stored counter of key set 1 of the card.
func counter(t *testing.T, s *Service, st *store.Store) ota.CNTR {
	t.Helper()
	sets, err := st.KeySets(t.Context(), iccid1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Vault.OpenCounter(iccid1, 1, sets[0].Counter)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A card that was used elsewhere comes with a low counter: its first packet
// must go out, and above that counter.
//
// Supports: I3
func TestImportUsedCard(t *testing.T) {
	s, st, _ := newService(t)
	if _, err := s.ImportCards(t.Context(), CardImport{CSV: cardHead + cardLine + "00000000FF\n"}); err != nil {
		t.Fatal(err)
	}
	got := counter(t, s, st)
	if next, err := keys.NextCounter(got, s.Clock(), keys.CounterHigher); err != nil || next <= 0xFF {
		t.Errorf("stored %s, the next is %s, %v", got, next, err)
	}
	if _, err := s.ImportCards(t.Context(), CardImport{CSV: strings.ReplaceAll(cardHead+cardLine+"FFFFFFFFFF\n", iccid1, "8941000000000000027")}); err == nil {
		t.Error("a card whose counter is used up was imported")
	}
}
