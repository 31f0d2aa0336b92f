package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// UnblockingQuestion asks for the unblocking code of a card whose holder was identified
// (3.5.4-7).
type UnblockingQuestion struct {
	ICCID      string `json:"iccid"`
	Identified string `json:"identified"` // how: face-to-face, portal, partner, eid or kiosk
	By         string `json:"by"`         // who asks
	Reason     string `json:"reason"`
	Again      bool   `json:"again,omitempty"` // although it was shown before
}

// UnblockingCode is shown once.
type UnblockingCode struct {
	ICCID string `json:"iccid"`
	Code  string `json:"code"`
}

func unblockingField(iccid ota.ICCID) keys.Field {
	return keys.Field{Table: "unblocking", Row: string(iccid), Field: "sealed"}
}

// UnblockingCode shows the code of a card, once: a second time only to who says again.
func (s *Service) UnblockingCode(ctx context.Context, r UnblockingQuestion) (UnblockingCode, error) {
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return UnblockingCode{}, bad(err)
	}
	by, err := named(r.By)
	if err != nil {
		return UnblockingCode{}, err
	}
	reason := strings.TrimSpace(r.Reason)
	switch {
	case !slices.Contains(mssp.Identifications(), mssp.Identified(r.Identified)):
		return UnblockingCode{}, badf("identified: the holder of the card is identified first: face-to-face, portal, partner, eid or kiosk, is %q", r.Identified)
	case reason == "" || len(reason) > maxDocument || strings.ContainsFunc(reason, func(c rune) bool { return !unicode.IsPrint(c) }):
		return UnblockingCode{}, badf("reason: say why, in a line of at most %d octets", maxDocument)
	}
	if a := audit.From(ctx); a.Role != audit.System {
		by = a.Name + " (" + by + ")"
	}
	u, err := s.Store.ShowUnblocking(ctx, mssp.Unblocking{ICCID: iccid, ShownAt: s.Clock(), ShownBy: by, How: r.Identified, Reason: reason}, r.Again)
	if shown, ok := errors.AsType[*store.Changed[mssp.Unblocking]](err); ok {
		return UnblockingCode{}, &Refusal{Reason: ShownBefore, ICCID: iccid, Detail: fmt.Sprintf("it was shown on %s to %s (%s: %s)",
			shown.Row.ShownAt.UTC().Format(time.RFC3339), shown.Row.ShownBy, shown.Row.How, shown.Row.Reason)}
	}
	if errors.Is(err, mssp.ErrNotFound) {
		return UnblockingCode{}, &Refusal{Reason: NoUnblocking, ICCID: iccid}
	} else if err != nil {
		return UnblockingCode{}, err
	}
	code, err := s.Vault.Open(unblockingField(iccid), u.Sealed)
	if err != nil {
		return UnblockingCode{}, err
	}
	defer clear(code)
	s.Logger.Info("an unblocking code was shown", "iccid", iccid)
	return UnblockingCode{ICCID: string(iccid), Code: string(code)}, nil
}

// keepUnblocking seals the unblocking code of a card of a file.
func keepUnblocking(ctx context.Context, s *Service, c *ImportedCard) error {
	if c.Unblocking == "" {
		return nil
	}
	sealed, err := s.Vault.Seal(unblockingField(c.Card.ICCID), []byte(c.Unblocking))
	if err != nil {
		return err
	}
	return s.Store.KeepUnblocking(ctx, c.Card.ICCID, sealed)
}
