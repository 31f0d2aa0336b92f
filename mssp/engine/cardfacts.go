package engine

import (
	"context"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/ota"
)

// cardFacts mirrors what the answer tells or proves about the applet and its personal
// codes (5.10-3), tells the user when his code has just blocked (3.5.4-1), and forgives
// earlier security errors after a good answer.
func (l *line) cardFacts(ctx context.Context, f *flight, a *applet.Answer, out *Outcome) error {
	blocked := !a.OK() && out.Status == mssp.PINBlocked
	state := reported(a)
	active := !f.request.Active && asksUser(a)
	if !blocked && !out.CodeSet && state == nil && !active && !f.request.Bad && !says(a) {
		return nil
	}
	card, err := l.o.Store.Card(ctx, f.tx.ICCID)
	if err != nil {
		return err
	}
	if active {
		card.Applet = mssp.AppletActive
	}
	mirror(&card, state)
	if refusedData(a) {
		card.Applet = mssp.AppletUnknown
	}
	if err := l.gone(ctx, f.tx.ICCID, state, out); err != nil {
		return err
	}
	if i := int(f.request.Code) - 1; i == 0 || i == 1 {
		if blocked && !card.Blocked[i] {
			out.Notices = append(out.Notices, l.notice(f.tx.MSISDN, f.request.Language, notice.Blocked, string(f.tx.ID), notice.Facts{How: l.unblocks(ctx, f)}))
		}
		if blocked || out.CodeSet {
			card.Blocked[i] = blocked
			card.CodeSet[i] = card.CodeSet[i] || out.CodeSet
		}
	}
	if p := l.o.CardProfiles[f.request.Card]; p.OneCode {
		card.Blocked[1], card.CodeSet[1] = card.Blocked[0], card.CodeSet[0]
	}
	if learn(&card, a) {
		l.log.Info("the card has said what it can do", "iccid", card.ICCID, "known", card.Offers != "")
	}
	card.BadPoR = 0
	out.Card = &card
	return nil
}

// unblocks is how the user unblocks the code that was asked for (3.5.4-8): by the menu of his
// card, which has that entry where it has an unblocking code.
func (l *line) unblocks(ctx context.Context, f *flight) notice.Kind {
	has, err := l.o.Store.HasUnblocking(ctx, f.tx.ICCID)
	switch {
	case err != nil:
		l.log.Error("whether a card has an unblocking code cannot be read: its user is sent to customer care", "iccid", f.tx.ICCID, "error", err)
		return notice.UnblockCare
	case !has:
		return notice.UnblockCare
	case f.request.Code == mssp.NonRepudiation && !l.o.CardProfiles[f.request.Card].OneCode:
		return notice.UnblockSignature
	}
	return notice.Unblock
}

// gone takes the pairs out of our rows that the card, by its own word, does not have. What
// the answer means for a slot goes before, and a registration may be about to make its pair.
func (l *line) gone(ctx context.Context, iccid ota.ICCID, s *applet.State, out *Outcome) error {
	if s == nil {
		return nil
	}
	keys, err := l.o.Store.KeyPairs(ctx, iccid)
	if err != nil {
		return err
	}
	for _, k := range keys {
		said := s.FindSlot(k.Slot)
		if said == nil || said.Status != applet.SlotEmpty || k.State == mssp.KeyDeleted || k.State == mssp.KeyRegistering ||
			k.State == mssp.KeyAborted && CodesLeft(s) || slices.ContainsFunc(out.Keys, func(o mssp.KeyPair) bool { return o.Slot == k.Slot }) {
			continue
		}
		l.log.Warn("the card has no key pair where a row has one", "iccid", iccid, "slot", k.Slot, "state", string(k.State))
		k.State, k.UpdatedAt = mssp.KeyDeleted, l.o.Clock()
		out.Keys = append(out.Keys, k)
	}
	return nil
}

// CodesLeft reports whether an applet has a code though it has no pair: what is left of a
// registration that has ended, where the card does not clean up itself (5.1-9).
func CodesLeft(s *applet.State) bool {
	return !slices.ContainsFunc(s.Slots, func(k applet.SlotState) bool { return k.Status != applet.SlotEmpty }) &&
		slices.ContainsFunc(s.Codes, func(c applet.CodeState) bool { return c.Status != applet.CodeNotSet })
}

// reported is the state in an answer, the last one; nil: there is none. A command that
// asks the user comes after it.
func reported(a *applet.Answer) *applet.State {
	for i := range slices.Backward(a.Results) {
		if s := a.Results[i].State; s != nil {
			return s
		}
	}
	return nil
}

// mirror notes in the row of a card what the applet has reported.
func mirror(card *mssp.Card, s *applet.State) {
	if s == nil {
		return
	}
	card.Applet = map[applet.LifeCycle]mssp.AppletState{
		applet.AppletInstalled: mssp.AppletInstalled, applet.AppletActive: mssp.AppletActive, applet.AppletDeactivated: mssp.AppletDeactivated,
	}[s.LifeCycle]
	for i := range card.Blocked {
		if c := s.FindCode(applet.CodeRef(i + 1)); c != nil {
			card.Blocked[i], card.CodeSet[i] = c.Status == applet.CodeBlocked, c.Status != applet.CodeNotSet
		}
	}
}

// refusedData reports whether an applet was activated and then refused its data: before
// it gets anything else it is asked how it is.
func refusedData(a *applet.Answer) bool {
	n := len(a.Results)
	return n > 1 && !a.OK() && a.Results[0].Tag == applet.TagChangeAppletStatus.Result() && a.Results[n-1].Tag == applet.TagSetAppletData.Result()
}

// asksUser reports whether the applet has done what only an active one does: it asked
// the user.
func asksUser(a *applet.Answer) bool {
	return slices.ContainsFunc(a.Results, func(r applet.Result) bool {
		if r.Tag != applet.TagSignTransaction.Result() && r.Tag != applet.TagManagePersonalCode.Result() {
			return false
		}
		_, entered := r.Status.WrongCode()
		return entered || r.Status.OK() || slices.Contains([]applet.StatusWord{
			applet.StatusCancelled, applet.StatusNoAnswer, applet.StatusBlocked, applet.StatusInterrupted,
		}, r.Status)
	})
}
