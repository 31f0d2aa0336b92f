package operator

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// TxPage asks for transactions, newest first.
type TxPage struct {
	All    bool   `json:"all,omitempty"`    // those that have ended too
	ICCID  string `json:"iccid,omitempty"`  // of this card only
	AP     string `json:"ap,omitempty"`     // of this provider only
	Before int64  `json:"before,omitempty"` // accepted before the one with this Seq
	Limit  int    `json:"limit,omitempty"`  // 0: 100
}

// TxName names a transaction.
type TxName struct {
	ID string `json:"id"`
}

// TxCancel ends one. By is who does it: it is kept and logged.
type TxCancel struct {
	ID string `json:"id"`
	By string `json:"by"`
}

// TxInfo is a transaction without what was signed. Numbers are masked.
type TxInfo struct {
	ID        mssp.TransID `json:"id"`
	Seq       int64        `json:"seq"`
	Kind      mssp.Kind    `json:"kind"`
	AP        mssp.APID    `json:"ap,omitempty"` // "" for the operator's own
	APTransID string       `json:"apTransID,omitempty"`
	MSISDN    string       `json:"msisdn"`
	ICCID     string       `json:"iccid"`
	Profile   string       `json:"profile,omitempty"`
	State     mssp.State   `json:"state"`
	Progress  string       `json:"progress,omitempty"` // what it waits for; "" once it has ended
	Attempts  int          `json:"attempts"`
	Accepted  time.Time    `json:"accepted"`
	Sent      time.Time    `json:"sent,omitzero"`
	Deadline  time.Time    `json:"deadline"`
	Ended     time.Time    `json:"ended,omitzero"`
	EndedBy   string       `json:"endedBy,omitempty"` // the operator who has cancelled it
	Status    mssp.Code    `json:"status,omitempty"`
	Detail    string       `json:"detail,omitempty"`
	Late      string       `json:"late,omitempty"` // what the card said after the end
	LateAt    time.Time    `json:"lateAt,omitzero"`
	Erased    []string     `json:"erased,omitempty"` // what of it, when and why
}

// Transactions lists transactions: by default those that are open.
func (s *Service) Transactions(ctx context.Context, r TxPage) ([]TxInfo, error) {
	f := store.TransactionFilter{AP: mssp.APID(r.AP), Open: !r.All, Before: r.Before, Limit: min(max(r.Limit, 0), 1000)}
	if r.ICCID != "" {
		var err error
		if f.ICCID, err = ota.ParseICCID(r.ICCID); err != nil {
			return nil, bad(err)
		}
	}
	txs, err := s.Store.Transactions(ctx, f)
	if err != nil {
		return nil, err
	}
	out := make([]TxInfo, len(txs))
	for i := range txs {
		if out[i], err = s.txInfo(ctx, &txs[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Transaction shows one.
func (s *Service) Transaction(ctx context.Context, r TxName) (TxInfo, error) {
	tx, err := s.Store.Transaction(ctx, mssp.TransID(r.ID))
	if errors.Is(err, mssp.ErrNotFound) {
		return TxInfo{}, &Refusal{Reason: NoSuchTransaction, Detail: noTransaction}
	}
	if err != nil {
		return TxInfo{}, err
	}
	return s.txInfo(ctx, &tx)
}

const noTransaction = "no transaction has this MSSP_TransID"

// CancelTransaction ends one that is open: its provider hears 208, the card is
// free for the next one. What the phone shows stays there until its own time-out.
func (s *Service) CancelTransaction(ctx context.Context, r TxCancel) (TxInfo, error) {
	if s.Engine == nil {
		return TxInfo{}, ErrNotRunning
	}
	by, err := named(r.By)
	if err != nil {
		return TxInfo{}, err
	}
	tx, err := s.Engine.Cancel(ctx, mssp.TransID(r.ID), by)
	switch {
	case errors.Is(err, mssp.ErrNotFound):
		return TxInfo{}, &Refusal{Reason: NoSuchTransaction, Detail: noTransaction}
	case errors.Is(err, mssp.ErrFinal):
		return TxInfo{}, &Refusal{Reason: TransactionEnded, Detail: "this transaction has ended already: " + outcome(&tx)}
	case err != nil:
		return TxInfo{}, err
	}
	return s.txInfo(ctx, &tx)
}

// named is who does something, for record and log.
func named(by string) (string, error) {
	by = strings.TrimSpace(by)
	if by == "" || len(by) > 64 || strings.ContainsFunc(by, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return "", badf("by: say who does it, in at most 64 octets of text")
	}
	return by, nil
}

func outcome(tx *mssp.Transaction) string {
	if tx.Detail == "" {
		return tx.Status.String()
	}
	return tx.Status.String() + ", " + tx.Detail
}

func (s *Service) txInfo(ctx context.Context, tx *mssp.Transaction) (TxInfo, error) {
	i := TxInfo{
		ID: tx.ID, Seq: tx.Seq, Kind: tx.Kind, AP: tx.AP, APTransID: tx.APTransID, Profile: tx.Profile, State: tx.State, Attempts: tx.Attempt,
		MSISDN: tx.MSISDN.LogValue().String(), ICCID: tx.ICCID.LogValue().String(),
		Accepted: tx.CreatedAt, Sent: tx.SentAt, Deadline: tx.Deadline, Ended: tx.FinishedAt, EndedBy: tx.EndedBy,
		Status: tx.Status, Detail: tx.Detail, Late: tx.Late, LateAt: tx.LateAt,
	}
	for _, x := range tx.Erased.List() {
		if x.Kind != mssp.Repeat {
			i.Erased = append(i.Erased, x.String())
		}
	}
	if _, gone := tx.Erased.Of(mssp.Numbers); gone {
		i.MSISDN, i.ICCID = "(erased)", "(erased)"
	}
	if tx.State.Final() {
		return i, nil
	}
	r, err := s.Store.Reach(ctx, tx)
	i.Progress = r.Progress()
	return i, err
}
