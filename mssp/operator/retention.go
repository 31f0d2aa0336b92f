package operator

import (
	"context"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Retention says what is kept how long, and what is due.
func (s *Service) Retention(ctx context.Context, _ RetentionQuestion) (RetentionInfo, error) {
	i := RetentionInfo{Clock: s.Clock()}
	i.Time = i.Clock
	day := time.DateOnly
	if s.Eraser == nil {
		i.Waits = "no service runs"
	} else if t := s.Eraser.Turn(); t.Other != "" {
		i.Waits = t.Other + " erases"
	} else {
		if t.Ahead > 0 {
			i.Time = t.Now // of the last turn, some minutes ago
			i.Waits = "the machine's clock is not believed: what is older than the time by which ages are counted still goes; set the clock (NTP), or if it is right: simsign retention erase --today DATE"
		}
		if i.Time.Before(t.Grace) {
			i.Waits = "nothing goes by age before " + t.Grace.Format(day) + ", for the configuration has no [retention]"
		}
	}
	keep := s.Keep(i.Time)
	due, err := s.Store.Due(ctx, keep)
	if err != nil {
		return i, err
	}
	for _, k := range [...]mssp.Erasable{mssp.Texts, mssp.Octets, mssp.Signatures, mssp.Numbers} {
		i.Kinds = append(i.Kinds, KindInfo{Kind: k, Kept: s.Kept[k], Due: due[k]})
	}
	log := KindInfo{Kind: AuditLog, Kept: s.Kept[AuditLog]}
	log.Due, log.Oldest, err = s.Store.AuditDue(ctx, keep.Audit)
	i.Kinds = append(i.Kinds, log)
	return i, err
}

// EraseDue takes an operator's word that the machine's clock is right, and erases
// what is due by it: at once where the service runs, else when it does.
func (s *Service) EraseDue(ctx context.Context, r RetentionErase) (RetentionInfo, error) {
	by, err := named(r.By)
	if err != nil {
		return RetentionInfo{}, err
	}
	today, err := time.Parse(time.DateOnly, r.Today)
	if err != nil {
		return RetentionInfo{}, badf("today: needs the date as YYYY-MM-DD, has %q", r.Today)
	}
	now := s.Clock()
	// The date of any place on earth.
	if now.Before(today.Add(-14*time.Hour)) || !now.Before(today.Add(36*time.Hour)) {
		return RetentionInfo{}, badf("today: is %s, and the machine's clock shows %s: nothing was erased; set the clock right first", r.Today, now.UTC().Format(time.RFC3339))
	}
	if err := s.Store.Believe(ctx, now); err != nil {
		return RetentionInfo{}, err
	}
	s.Logger.Info("an operator says that the clock is right, and what is due may be erased", "by", by)
	gone := store.Erased{}
	if s.Eraser != nil {
		if gone, err = s.Eraser.EraseNow(ctx); err != nil {
			return RetentionInfo{}, fmt.Errorf("erasing what is due (it goes on by itself): %w", err)
		}
	}
	i, err := s.Retention(ctx, RetentionQuestion{})
	for k := range i.Kinds {
		i.Kinds[k].Erased = gone[i.Kinds[k].Kind]
	}
	return i, err
}
