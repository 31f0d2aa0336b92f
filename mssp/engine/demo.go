package engine

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// demo gives the numbers +41000092NNN their faults: 401 the user cancels, 402
// the code is blocked, 208 nobody answers until the deadline, 209 delivery
// fails, and so on. Faults of the request itself (1xx) are given at once, the
// others when the transaction ends, so that asynchronous clients meet them in
// a status query. Nothing of it is stored. A nil demo has no such numbers.
type demo struct {
	mu sync.Mutex
	tx map[mssp.TransID]mssp.Transaction
	by map[string]mssp.TransID // AP and AP_TransID
	n  int
}

const (
	demoPrefix = "41000092"
	maxDemo    = 10_000
)

func newDemo() *demo {
	return &demo{tx: map[mssp.TransID]mssp.Transaction{}, by: map[string]mssp.TransID{}}
}

// demoCode is the fault that a number stands for.
func demoCode(n sms.MSISDN) (mssp.Code, bool) {
	digits, ok := strings.CutPrefix(string(n), demoPrefix)
	if !ok || len(digits) != 3 {
		return 0, false
	}
	i, err := strconv.Atoi(digits)
	c := mssp.Code(i)
	switch {
	case err != nil, i <= 100:
		return 0, false
	case c == mssp.RevokedCertificate, c == mssp.InvalidSignature, c == mssp.ConstraintMismatch:
		return c, true
	}
	return c, !c.IsStatus() && c != mssp.OutstandingTransaction
}

// sign takes a request for such a number; ok is false for any other.
func (d *demo) sign(r *SignRequest, now time.Time) (tx mssp.Transaction, err error, ok bool) {
	if d == nil {
		return tx, nil, false
	}
	code, ok := demoCode(r.MSISDN)
	if !ok {
		return tx, nil, false
	}
	if code >= 101 && code <= 109 {
		return tx, demoFault(code), true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := string(r.AP.ID) + "\x00" + r.APTransID
	if old, ok := d.tx[d.by[key]]; ok {
		if string(old.RequestHash) != string(r.RequestHash) {
			return tx, mssp.Faultf(mssp.WrongParam, "AP_TransID was used before for another request: choose a new one"), true
		}
		return old, nil, true
	}
	if len(d.tx) >= maxDemo {
		clear(d.tx)
		clear(d.by)
	}
	d.n++
	f := demoFault(code)
	tx = mssp.Transaction{
		ID: mssp.TransID("hdemo" + strconv.Itoa(d.n)), Kind: mssp.KindSign, AP: r.AP.ID, APTransID: r.APTransID,
		RequestHash: r.RequestHash, MSISDN: r.MSISDN, Mode: r.Mode, Profile: r.ProfileURI, State: mssp.Waiting,
		Status: f.Code, Detail: f.Detail, CreatedAt: now, SentAt: now, Deadline: now.Add(signLife(r)), FinishedAt: now,
	}
	if code == mssp.ExpiredTransaction {
		tx.FinishedAt = tx.Deadline
	}
	d.tx[tx.ID], d.by[key] = tx, tx.ID
	return at(tx, time.Time{}), nil, true
}

// at is the transaction as it is at a time.
func at(tx mssp.Transaction, now time.Time) mssp.Transaction {
	if !now.Before(tx.FinishedAt) {
		tx.State = mssp.Failed
		return tx
	}
	tx.Status, tx.Detail, tx.FinishedAt = 0, "", time.Time{}
	return tx
}

func (d *demo) transaction(id mssp.TransID, now time.Time) (mssp.Transaction, bool) {
	if d == nil {
		return mssp.Transaction{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	tx, ok := d.tx[id]
	if !ok {
		return tx, false
	}
	return at(tx, now), true
}

// wait waits for the end of such a transaction.
func (d *demo) wait(ctx context.Context, id mssp.TransID, clock func() time.Time) (mssp.Transaction, bool) {
	now := clock()
	tx, ok := d.transaction(id, now)
	if !ok || tx.State.Final() {
		return tx, ok
	}
	t := time.NewTimer(tx.Deadline.Sub(now))
	defer t.Stop()
	select {
	case <-t.C:
		return d.transaction(id, tx.Deadline)
	case <-ctx.Done():
		return tx, true
	}
}

func demoFault(c mssp.Code) *mssp.Fault {
	why := "as this test number does"
	switch c {
	case mssp.UserCancel:
		why = "the user cancelled"
	case mssp.PINBlocked:
		why = "the user's code is blocked"
	case mssp.ExpiredTransaction:
		why = "time is up: delivered, but no answer from the user"
	case mssp.OTAError:
		why = "the network refused the message to the user's phone: not delivered"
	case mssp.UnknownClient:
		why = "no user with this MSISDN is registered here"
	case mssp.NoKeyFound:
		why = "the user has no registered key"
	}
	return mssp.Faultf(c, "%s (test number)", why)
}
