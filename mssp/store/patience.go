package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// Patience is the part of a Store that keeps what counts at each number, provider by provider
// (package abuse has the rules). A record is read with everything else about
// the number (LookupStanding), so that what is refused writes nothing, and
// stored in the commit that accepts or ends the request, if nobody has changed
// it since; else it is read again there.
type Patience struct{ *db }

// Standing is what counts against a number, and which version of it this is.
type Standing struct {
	abuse.Record
	version int64 // 0: there is no row
}

// Prompt is a request that will prompt its user: what is allowed, and what was
// read of his number.
type Prompt struct {
	Rules abuse.Rules
	Was   Standing
}

const (
	standingCols = `p.version, p.record`

	sqlStanding = `SELECT ` + standingCols + ` FROM patience p WHERE p.msisdn = $1`

	sqlPutStanding = `INSERT INTO patience (msisdn, version, until, record) VALUES ($1, $2, $3, $4)
	ON CONFLICT (msisdn) DO UPDATE SET version = excluded.version, until = excluded.until, record = excluded.record
	WHERE patience.version = $5`
)

const standingColumns = 2

func scanStanding(r *row) (Standing, error) {
	st := Standing{version: r.int()}
	record := r.blob()
	if err := r.err(); err != nil {
		return st, err
	}
	var err error
	st.Record, err = abuse.Parse(record)
	return st, err
}

func readStanding(q querier, n sms.MSISDN) (Standing, error) {
	r, err := q.one(sqlStanding, string(n))
	if errors.Is(err, ErrNotFound) {
		return Standing{}, nil
	}
	if err != nil {
		return Standing{}, err
	}
	return scanStanding(r)
}

// putStanding stores what counts now; false when the row is not the one that was read.
func putStanding(q querier, n sms.MSISDN, st *Standing) (bool, error) {
	b, err := st.AppendBinary(make([]byte, 0, 96))
	if err != nil {
		return false, err
	}
	done, err := q.exec(sqlPutStanding, string(n), st.version+1, st.Until(), b, st.version)
	return done > 0, err
}

// changeStanding lets f change what counts against a number, which st was last
// read as. f runs again on the row as it is when somebody was faster; its error
// changes nothing.
func changeStanding(q querier, n sms.MSISDN, st Standing, f func(*abuse.Record) error) error {
	for {
		if err := f(&st.Record); err != nil {
			return err
		}
		done, err := putStanding(q, n, &st)
		if err != nil {
			return fmt.Errorf("store: what counts against the number: %w", err)
		}
		if done {
			return nil
		}
		if st, err = readStanding(q, n); err != nil {
			return err
		}
	}
}

// count counts a prompt of a provider, in the commit that accepts it; the error may
// be the *mssp.Fault that refuses it.
func (p *Prompt) count(q querier, n sms.MSISDN, ap mssp.APID, now time.Time) error {
	return changeStanding(q, n, p.Was, func(rec *abuse.Record) error {
		if f := p.Rules.Prompt(rec, ap, now); f != nil {
			return f
		}
		return nil
	})
}

// shown reports whether the user saw a transaction that ends by an event out of a
// state. The card's answer says so, and before it the card's word that it asks
// him. Where no such word has come, the network's that the phone has the message
// must do; without any sign the phone may have been off.
func shown(q querier, tx *mssp.Transaction, was mssp.State, e mssp.Event) (bool, error) {
	switch {
	case e == mssp.EventRefused:
		return true, nil
	case e != mssp.EventExpired:
		return false, nil
	case was == mssp.Prompted:
		return true, nil
	}
	r, err := q.one(sqlReceived, tx.Seq)
	if err != nil {
		return false, err
	}
	return r.int() > 0, r.err()
}

// sqlReceived counts the attempts of a transaction of which the phone has each
// segment that the network was asked to report.
const sqlReceived = `SELECT COUNT(*) FROM (SELECT cntr FROM segment WHERE tx_seq = $1 AND report = 1
	GROUP BY cntr HAVING MIN(delivered) = 1) AS received`

// unsigned counts the end of a transaction, in the commit that ends it. A record
// that cannot be read must not keep its card busy for ever: a new one begins.
func unsigned(w *work, rules abuse.Rules, tx *mssp.Transaction, was mssp.State, f *Finish) (own, all time.Time, err error) {
	if !rules.Counts(tx, true) {
		return own, all, nil
	}
	if seen, err := shown(w, tx, was, f.Event); err != nil || !seen {
		return own, all, err
	}
	st, err := readStanding(w, tx.MSISDN)
	if errors.Is(err, abuse.ErrRecord) {
		w.box.o.Logger.Error("what counted against a number cannot be read: it counts no more", "msisdn", tx.MSISDN, "error", err)
		st.Record, err = abuse.Record{}, nil
	}
	if err != nil {
		return own, all, err
	}
	err = changeStanding(w, tx.MSISDN, st, func(rec *abuse.Record) error {
		own, all = rules.Ended(rec, tx.AP, f.At)
		return nil
	})
	return own, all, err
}

// Standing is what counts at a number.
func (p Patience) Standing(ctx context.Context, n sms.MSISDN) (rec abuse.Record, err error) {
	err = p.read(ctx, func(q querier) error {
		st, err := readStanding(q, n)
		rec = st.Record
		return err
	})
	return rec, err
}

// errNothing: there is nothing to lift.
var errNothing = errors.New("nothing counts")

// Lift takes away what counts of a provider at a number, or of all (""). It is
// false when there was nothing. What cannot be read is taken away too.
func (p Patience) Lift(ctx context.Context, n sms.MSISDN, ap mssp.APID) (bool, error) {
	err := p.do(ctx, func(q querier) error {
		st, err := readStanding(q, n)
		q.note(audit.Entry{Action: "patience.lift", Subject: audit.User(n), Detail: string(ap)})
		if errors.Is(err, abuse.ErrRecord) && ap == "" {
			_, err = q.exec(`DELETE FROM patience WHERE msisdn = $1`, string(n))
			return err
		}
		if err != nil {
			return err
		}
		return changeStanding(q, n, st, func(rec *abuse.Record) error {
			if !rec.Lift(ap) {
				return errNothing
			}
			return nil
		})
	})
	if errors.Is(err, errNothing) {
		return false, nil
	}
	return err == nil, err
}

// errNotNow: asked too early.
var errNotNow = errors.New("not now")

// Recheck notes that the card of a number is asked whether its code is still
// blocked. It is false when that was done a moment ago.
func (p Patience) Recheck(ctx context.Context, n sms.MSISDN, now time.Time) (bool, error) {
	err := p.do(ctx, func(q querier) error {
		st, err := readStanding(q, n)
		if err != nil {
			return err
		}
		return changeStanding(q, n, st, func(rec *abuse.Record) error {
			if !rec.MayRecheck(now) {
				return errNotNow
			}
			rec.Recheck = now
			return nil
		})
	})
	if errors.Is(err, errNotNow) {
		return false, nil
	}
	return err == nil, err
}

// Forget deletes what is worth nothing any more: it looks at a bounded number
// of rows, from the number after the given, and says where to go on; "" at the end.
func (p Patience) Forget(ctx context.Context, after sms.MSISDN, now time.Time) (next sms.MSISDN, err error) {
	last, seen, old := after, 0, 0
	err = p.read(ctx, func(q querier) error {
		return q.each(`SELECT msisdn, until FROM patience WHERE msisdn > $1 ORDER BY msisdn LIMIT $2`, func(r *row) error {
			last = sms.MSISDN(r.text())
			if seen++; r.time().Before(now) {
				old++
			}
			return r.err()
		}, string(after), purgeBatch)
	})
	if err == nil && old > 0 {
		err = p.do(ctx, func(q querier) error {
			_, err := q.exec(`DELETE FROM patience WHERE msisdn > $1 AND msisdn <= $2 AND until < $3`, string(after), string(last), now)
			return err
		})
	}
	if seen < purgeBatch {
		last = ""
	}
	return last, err
}
