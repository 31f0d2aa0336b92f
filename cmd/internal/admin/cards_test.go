package admin

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

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

// An idle card is advanced and a suspended one released, by this process and
// over the socket, and the log names neither in full.
func TestAdvanceAndRelease(t *testing.T) {
	s, st, log := newService(t)
	b := remote(t, s)
	ctx := t.Context()
	if _, err := b.ImportCards(ctx, operator.CardImport{CSV: cardHead + cardLine + "\n"}); err != nil {
		t.Fatal(err)
	}
	setCounter(t, s, st, 7)
	name := operator.CardName{ICCID: iccid1}
	done, err := b.AdvanceCounters(ctx, name)
	if err != nil || len(done.Sets) != 1 || done.Sets[0].From != "0000000007" {
		t.Fatalf("%+v, %v", done, err)
	}
	if got, want := counter(t, s, st), keys.FloorCounter(s.Clock()); got != want || done.Sets[0].To != want.String() {
		t.Errorf("counter %s, want %s", got, want)
	}
	s.Clock = func() time.Time { return time.Unix(0, 0) } // a clock that fell back
	if _, err := b.AdvanceCounters(ctx, name); err != nil || counter(t, s, st).String() != done.Sets[0].To {
		t.Errorf("a counter went down: %s, %v", counter(t, s, st), err)
	}

	_, err = st.ChangeCard(ctx, iccid1, func(c *mssp.Card) error {
		c.State, c.BadPoR, c.Blocked[1] = mssp.CardSuspended, 10, true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := b.ReleaseCard(ctx, name); err != nil || info.State != mssp.CardActive {
		t.Errorf("%+v, %v", info, err)
	}
	if got, err := st.Card(ctx, iccid1); err != nil || got.BadPoR != 0 || !got.Blocked[1] {
		t.Errorf("%+v, %v", got, err)
	}
	for _, wrong := range []string{"", "12", "8941000000000000019"} {
		if _, err := b.ReleaseCard(ctx, operator.CardName{ICCID: wrong}); err == nil {
			t.Errorf("card %q was released", wrong)
		}
	}
	if strings.Contains(log.String(), iccid1) {
		t.Errorf("the log has the number of a card:\n%s", log)
	}
}

func setCounter(t *testing.T, s *Service, st *store.Store, c ota.CNTR) {
	t.Helper()
	err := st.ChangeKeySets(context.Background(), iccid1, func(_ mssp.Card, sets []mssp.KeySet) (err error) {
		sets[0].Counter, err = s.Vault.SealCounter(iccid1, 1, c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
