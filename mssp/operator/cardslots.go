package operator

import (
	"context"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// CardSlots shows the key slots of a card: what our rows have and, where it is asked, what
// the card says.
func (s *Service) CardSlots(ctx context.Context, r CardQuestion) (CardSlots, error) {
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CardSlots{}, bad(err)
	}
	var says []KeyInfo
	if r.Ask {
		if s.Engine == nil {
			return CardSlots{}, ErrNotRunning
		}
		u, err := s.holder(ctx, iccid)
		if err != nil {
			return CardSlots{}, err
		}
		state, err := s.Engine.QueryState(ctx, u.MSISDN)
		if err != nil {
			return CardSlots{}, err
		}
		says = appletInfo(state).Slots
	}
	return slots(ctx, s, iccid, says)
}

// slots puts what a card says of its slots beside our rows.
func slots(ctx context.Context, s *Service, iccid ota.ICCID, says []KeyInfo) (CardSlots, error) {
	c, err := s.Store.Card(ctx, iccid)
	if err != nil {
		return CardSlots{}, noCard(iccid, err)
	}
	rows, err := s.Store.KeyPairs(ctx, iccid)
	if err != nil {
		return CardSlots{}, err
	}
	d := CardSlots{ICCID: string(iccid), Slots: []SlotInfo{}}
	for n := byte(1); n <= s.CardProfiles[c.Profile].Slots || int(n) <= len(says); n++ {
		d.Slots = append(d.Slots, slot(n, s.Clock(), rows, says))
	}
	return d, nil
}

func slot(n byte, now time.Time, rows []mssp.KeyPair, says []KeyInfo) SlotInfo {
	i := SlotInfo{Slot: n}
	k := pairIn(rows, n)
	if k != nil {
		row := keyInfo(*k)
		i.Row = &row
	}
	for j := range says {
		if says[j].Slot == n {
			i.Card = &says[j]
		}
	}
	i.Kept = kept(k, now)
	return i
}

// pairIn is the row of a pair in a slot; nil: there is none.
func pairIn(rows []mssp.KeyPair, n byte) *mssp.KeyPair {
	for i := range rows {
		if rows[i].Slot == n && rows[i].State != mssp.KeyDeleted {
			return &rows[i]
		}
	}
	return nil
}

// kept says why a slot is not emptied; "" when it may be: it has no row, its registration
// was aborted, or its certificate has ended.
func kept(k *mssp.KeyPair, now time.Time) string {
	if k == nil || k.State == mssp.KeyAborted || k.Ended(now) {
		return ""
	}
	what := fmt.Sprintf("slot %d holds a key for %s ", k.Slot, k.Usage)
	switch {
	case k.State == mssp.KeyRevoking:
		return what + "whose revocation the CA has not confirmed (simsign ra work)"
	case k.State.Certified():
		info := keyInfo(*k)
		return what + fmt.Sprintf("in force (%s, certificate %s, valid until %s): have it revoked first (simsign user revoke)",
			k.State, info.Serial, info.NotAfter.UTC().Format(time.DateOnly))
	}
	return what + "that waits for its registration"
}

// EmptySlot deletes what a card holds in a slot (4-10), so that another pair can have it.
// What is in force stays. A slot of which the rows say so at the time of the check holds
// nothing in force when the card gets the deletion: a pair that is made meanwhile has a
// registration before it, whose messages come behind this one, and what has ended
// never begins again.
func (s *Service) EmptySlot(ctx context.Context, r SlotName) (CardSlots, error) {
	if s.Engine == nil {
		return CardSlots{}, ErrNotRunning
	}
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CardSlots{}, bad(err)
	}
	n, err := mayEmpty(ctx, s, iccid, r.Slot)
	if err == nil {
		_, err = s.Engine.DeleteKey(ctx, n, iccid, byte(r.Slot))
	}
	if err != nil {
		return CardSlots{}, err
	}
	return slots(ctx, s, iccid, nil)
}

// mayEmpty is the number under which a card is reached of which a slot may be emptied.
func mayEmpty(ctx context.Context, s *Service, iccid ota.ICCID, slot int) (sms.MSISDN, error) {
	u, err := s.holder(ctx, iccid)
	if err != nil {
		return "", err
	}
	c, err := s.Store.Card(ctx, iccid)
	if err != nil {
		return "", err
	}
	if most := s.CardProfiles[c.Profile].Slots; slot < 1 || slot > int(most) {
		return "", badf("this card has %d key slots, there is no slot %d", most, slot)
	}
	rows, err := s.Store.KeyPairs(ctx, iccid)
	if err != nil {
		return "", err
	}
	if why := kept(pairIn(rows, byte(slot)), s.Clock()); why != "" {
		return "", &Refusal{Reason: SlotInUse, ICCID: iccid, Detail: why}
	}
	return u.MSISDN, nil
}
