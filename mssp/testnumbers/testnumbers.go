// Package testnumbers gives the numbers +41000092NNN their faults, so that a
// provider's software can meet each of them: 401 the user cancels, 402 the code
// is blocked, 208 nobody answers until the deadline, 209 delivery fails, and so
// on. Faults of the request itself (1xx) are given at once, the others when the
// transaction ends, so that asynchronous clients meet them in a status query.
//
// It stands between the service and the engine and takes what is for such a
// number; everything else passes. Nothing of it is stored, and no card is
// involved.
package testnumbers

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/ota/sms"
)

// Numbers is a service.Engine that answers for the test numbers itself. It is
// safe for concurrent use.
type Numbers struct {
	service.Engine // for all other numbers
	clock          func() time.Time

	mu sync.Mutex
	tx map[mssp.TransID]mssp.Transaction
	by map[string]mssp.TransID // AP and AP_TransID, and these with the Instant: the latest
	n  int

	own map[mssp.APID]int
}

const (
	prefix = "41000092"
	most   = 1000 // transactions of one provider that are remembered
)

// New puts the test numbers before an engine.
func New(next service.Engine, clock func() time.Time) *Numbers {
	return &Numbers{Engine: next, clock: clock, tx: map[mssp.TransID]mssp.Transaction{}, by: map[string]mssp.TransID{}, own: map[mssp.APID]int{}}
}

// codeOf is the fault that a number stands for.
func codeOf(n sms.MSISDN) (mssp.Code, bool) {
	digits, ok := strings.CutPrefix(string(n), prefix)
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

// Sign takes a request for a test number.
func (d *Numbers) Sign(ctx context.Context, r signature.Request) (mssp.Transaction, error) {
	code, ok := codeOf(r.MSISDN)
	if !ok {
		return d.Engine.Sign(ctx, r)
	}
	if code >= 101 && code <= 109 {
		return mssp.Transaction{}, faultOf(code)
	}
	now := d.clock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if old, found, err := d.earlier(&r, now); found { // two at the same moment
		return old, err
	}
	if d.own[r.AP.ID] >= most {
		d.forget(r.AP.ID)
	}
	d.own[r.AP.ID]++
	d.n++
	f := faultOf(code)
	profile := r.ProfileURI
	if profile == "" {
		profile = r.Profile.URI
	}
	tx := mssp.Transaction{
		ID: mssp.TransID("hdemo" + strconv.Itoa(d.n)), Kind: mssp.KindSign, AP: r.AP.ID, APTransID: r.APTransID,
		Instant: r.Instant, RequestHash: r.RequestHash, MSISDN: r.MSISDN, Mode: r.Mode, Profile: profile, State: mssp.Waiting,
		Status: f.Code, Detail: f.Detail, CreatedAt: now, SentAt: now, Deadline: now.Add(r.Life()), FinishedAt: now,
	}
	if code == mssp.ExpiredTransaction {
		tx.FinishedAt = tx.Deadline
	}
	id, request := keys(&r)
	d.tx[tx.ID], d.by[id], d.by[request] = tx, tx.ID, tx.ID
	return at(tx, time.Time{}), nil
}

// forget forgets what one provider has asked, and nothing of another. It needs the lock.
func (d *Numbers) forget(ap mssp.APID) {
	d.own[ap] = 0
	maps.DeleteFunc(d.tx, func(_ mssp.TransID, tx mssp.Transaction) bool { return tx.AP == ap })
	maps.DeleteFunc(d.by, func(_ string, id mssp.TransID) bool { _, there := d.tx[id]; return !there })
}

func keys(r *signature.Request) (id, request string) {
	id = string(r.AP.ID) + "\x00" + r.APTransID
	return id, id + "\x00" + strconv.FormatInt(r.Instant, 10)
}

// Repeat finds the transaction of a request that came before, by the rules of the engine.
func (d *Numbers) Repeat(ctx context.Context, r signature.Request) (mssp.Transaction, bool, error) {
	if _, ok := codeOf(r.MSISDN); ok {
		d.mu.Lock()
		defer d.mu.Unlock()
		if tx, found, err := d.earlier(&r, d.clock()); found {
			return tx, found, err
		}
	}
	return d.Engine.Repeat(ctx, r)
}

// earlier needs the lock.
func (d *Numbers) earlier(r *signature.Request, now time.Time) (mssp.Transaction, bool, error) {
	id, request := keys(r)
	old, ok := d.tx[d.by[request]]
	same := ok && string(old.RequestHash) == string(r.RequestHash)
	switch old = at(old, now); {
	case same && (r.Instant > 0 && now.Sub(old.CreatedAt) < mssp.RepeatFor || r.Instant == 0 && !old.State.Final()):
		return old, true, nil
	case ok && r.Instant > 0:
		return mssp.Transaction{}, true, mssp.Faultf(mssp.WrongParam, "AP_TransID and Instant were used before for another request: send the present time, and choose a new AP_TransID")
	case r.AP.UniqueIDs && d.by[id] != "":
		return mssp.Transaction{}, true, mssp.Faultf(mssp.WrongParam, "AP_TransID was used before, and the operator's record of this AP_ID wants each used once: choose a new one")
	}
	return mssp.Transaction{}, false, nil
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

func (d *Numbers) transaction(id mssp.TransID, now time.Time) (mssp.Transaction, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	tx, ok := d.tx[id]
	if !ok {
		return tx, false
	}
	return at(tx, now), true
}

// Wait waits for the end of a transaction.
func (d *Numbers) Wait(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	now := d.clock()
	tx, ok := d.transaction(id, now)
	switch {
	case !ok:
		return d.Engine.Wait(ctx, id)
	case tx.State.Final():
		return tx, nil
	}
	t := time.NewTimer(tx.Deadline.Sub(now))
	defer t.Stop()
	select {
	case <-t.C:
		tx, _ = d.transaction(id, tx.Deadline)
		return tx, nil
	case <-ctx.Done():
		return tx, ctx.Err()
	}
}

// Status is the present state of a transaction, for the AP that asked for it.
func (d *Numbers) Status(ctx context.Context, ap mssp.APID, id mssp.TransID) (mssp.Transaction, error) {
	tx, ok := d.transaction(id, d.clock())
	switch {
	case !ok:
		return d.Engine.Status(ctx, ap, id)
	case tx.AP != ap:
		return mssp.Transaction{}, mssp.Faultf(mssp.WrongParam, "no such transaction: MSSP_TransID is unknown here")
	}
	return tx, nil
}

// Progress is what an open transaction waits for.
func (d *Numbers) Progress(ctx context.Context, tx mssp.Transaction) string {
	if _, ok := codeOf(tx.MSISDN); ok {
		return mssp.ReachOf(tx.State, false, false).Progress()
	}
	return d.Engine.Progress(ctx, tx)
}

func faultOf(c mssp.Code) *mssp.Fault {
	why := "as this test number does"
	switch c {
	case mssp.UserCancel:
		why = "the user cancelled"
	case mssp.PINBlocked:
		why = "the user's code is blocked"
	case mssp.ExpiredTransaction:
		why = "time is up: " + mssp.ReachShown.Ended()
	case mssp.OTAError:
		why = "the network refused the message to the user's phone: not delivered"
	case mssp.UnknownClient:
		why = "no user with this MSISDN is registered here"
	case mssp.NoKeyFound:
		why = "the user has no registered key"
	}
	return mssp.Faultf(c, "%s (test number)", why)
}
