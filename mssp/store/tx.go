package store

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// txCols are the columns that scanTx reads, in its order.
const txCols = `seq, id, kind, ap, ap_trans_id, instant, once, request_hash, msisdn, iccid, mode, profile, applet_txn,
	state, status, detail, attempt, created_at, sent_at, deadline, finished_at, version, request, int6, result, observer, observer_data,
	ended, ended_by, late, late_at, erased, tag`

func scanTx(r *row) (mssp.Transaction, error) {
	var t mssp.Transaction
	if r.bad != nil {
		return t, r.bad
	}
	t.Seq = r.int()
	t.ID = mssp.TransID(r.text())
	t.Kind = mssp.Kind(r.text())
	t.AP = mssp.APID(r.text())
	t.APTransID = r.text()
	t.Instant, t.Once = r.int(), r.bool()
	t.RequestHash = r.blob()
	t.MSISDN = sms.MSISDN(r.text())
	t.ICCID = ota.ICCID(r.text())
	t.Mode = mssp.MessagingMode(r.text())
	t.Profile = r.text()
	t.AppletTxn = uint32(r.num(0, 1<<32-1))
	t.State = wordOf(r, mssp.Queued, mssp.Sending, mssp.Waiting, mssp.Prompted, mssp.Done, mssp.Failed)
	t.Status = mssp.Code(r.num(0, 9999))
	t.Detail = r.text()
	t.Attempt = int(r.num(0, 1<<16))
	t.CreatedAt = r.moment()
	t.SentAt = r.moment()
	t.Deadline = r.moment()
	t.FinishedAt = r.moment()
	t.Version = r.num(1, maxVersion)
	t.Request = r.blob()
	t.INT6 = r.blob()
	t.Result = r.blob()
	t.Observer = mssp.Observer{Name: r.text(), Data: r.blob()}
	t.Ended, t.EndedBy = mssp.Event(r.text()), r.text()
	t.Late, t.LateAt = r.text(), r.moment()
	t.Erased = mssp.Erased(r.text())
	tag := r.blob()
	judge(r, &t, tag)
	return t, nil
}

// judge looks whether the row of a transaction can be understood and, when it
// has ended, whether it ended so. A damaged row is no error, which would keep
// others in the same list from their work: it says so itself.
func judge(r *row, t *mssp.Transaction, tag []byte) {
	why := r.bad
	switch {
	case why != nil:
	case t.State.Final() != !t.FinishedAt.IsZero():
		why = errors.New("its state and the time of its end contradict each other")
	case t.State.Final():
		why = r.auth.checkEnd(t, tag)
	case t.Deadline.Before(t.CreatedAt.Add(-maxLife)) || t.Deadline.After(t.CreatedAt.Add(maxLife)):
		why = errors.New("its deadline is far from its beginning")
	}
	if why == nil {
		return
	}
	t.Damage = why.Error()
	t.Result, t.Request, t.INT6 = nil, nil, nil
	if t.State.Final() && !t.FinishedAt.IsZero() {
		t.State, t.Status, t.Detail = mssp.Failed, mssp.InternalError, "what is stored of this transaction is damaged: nothing can be said of its end"
	} else if t.State.Final() {
		t.State = mssp.Queued
	}
}

// maxLife bounds how far a deadline may be from the time of the request, on
// either side: a clock may have been set in between.
const maxLife = 48 * time.Hour

// oneTx runs a query for at most one transaction.
func oneTx(q querier, sql string, args ...any) (mssp.Transaction, error) {
	r, err := q.one(sql, args...)
	if err != nil {
		return mssp.Transaction{}, err
	}
	return scanTx(r)
}

const sqlTxByID = `SELECT ` + txCols + ` FROM tx WHERE id = $1`

// Transaction is the transaction with that MSSP_TransID, or ErrNotFound.
func (s *Store) Transaction(ctx context.Context, id mssp.TransID) (tx mssp.Transaction, err error) {
	err = s.read(ctx, func(q querier) error {
		tx, err = oneTx(q, sqlTxByID, string(id))
		return err
	})
	return tx, err
}

// sqlOpenByPacket: a card with two key sets could burn the same counter with
// each; the later packet is the one that is still waited for.
const (
	sqlOpenByPacket = `SELECT ` + packetCols + `, ` + txColsT + `
	FROM packet p JOIN tx t ON t.seq = p.tx_seq
	WHERE p.iccid = $1 AND p.cntr = $2 AND p.tar = $3 AND p.kvn < 16 ORDER BY p.sealed_at DESC LIMIT 1`

	sqlOpenByRequest = `SELECT ` + packetCols + `, ` + txColsT + `
	FROM packet p JOIN tx t ON t.seq = p.tx_seq
	WHERE p.request = $2 AND p.request <> '' AND p.iccid = $1 ORDER BY p.sealed_at DESC LIMIT 1`
)

const txColsT = `t.seq, t.id, t.kind, t.ap, t.ap_trans_id, t.instant, t.once, t.request_hash, t.msisdn, t.iccid, t.mode, t.profile, t.applet_txn,
	t.state, t.status, t.detail, t.attempt, t.created_at, t.sent_at, t.deadline, t.finished_at, t.version, t.request, t.int6, t.result,
	t.observer, t.observer_data, t.ended, t.ended_by, t.late, t.late_at, t.erased, t.tag`

// OpenByPacket is the transaction, final or not (a late answer must be recognised
// too), to which a card has answered, and the packet: the one with that Request when
// it is set, or the one that burned that CNTR for that TAR. ErrNotFound: no packet
// of ours is like that, whatever the answer claims.
func (s *Store) OpenByPacket(ctx context.Context, p Packet) (tx mssp.Transaction, have Packet, err error) {
	sql, args := sqlOpenByPacket, []any{string(p.ICCID), int64(p.CNTR), tarNumber(p.TAR)}
	if request := requestText(p.Request); request != "" {
		sql, args = sqlOpenByRequest, []any{string(p.ICCID), request}
	}
	err = s.read(ctx, func(q querier) error {
		r, err := q.one(sql, args...)
		if err != nil {
			return err
		}
		have = scanPacket(r)
		tx, err = scanTx(r)
		have.TxID = tx.ID
		return err
	})
	return tx, have, err
}

const packetCols = `p.iccid, p.cntr, p.kvn, p.tar, p.attempt, p.sealed_at, p.request`

// scanPacket leaves what is wrong for the caller's r.err.
func scanPacket(r *row) (p Packet) {
	p.ICCID, p.CNTR = iccidOf(r), cntrOf(r)
	p.Applet, p.KVN = versionOf(r)
	p.TAR, p.Attempt, p.SealedAt = tarOf(r.int()), int(r.int()), r.time()
	if text := r.text(); text != "" {
		request, err := hex.DecodeString(text)
		if err != nil || len(request) != len(p.Request) {
			r.wrong("no hash of a request")
			return p
		}
		p.Request = [16]byte(request)
	}
	return p
}

// requestText is how a hash is stored.
func requestText(request [16]byte) string {
	if request == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(request[:])
}

func tarNumber(t ota.TAR) int64 { return int64(t[0])<<16 | int64(t[1])<<8 | int64(t[2]) }

func tarOf(n int64) ota.TAR { return ota.TAR{byte(n >> 16), byte(n >> 8), byte(n)} }

// Transactions lists transactions, newest first.
func (s *Store) Transactions(ctx context.Context, f TransactionFilter) ([]mssp.Transaction, error) {
	sql, args := filterSQL(f)
	return s.transactions(ctx, sql, args...)
}

func filterSQL(f TransactionFilter) (string, []any) {
	sql := `SELECT ` + txCols + ` FROM tx WHERE `
	order := `seq`
	if f.Open {
		// Few transactions are open, and the index of deadlines has them all.
		// "+ 0" keeps the planner from walking the table by seq instead.
		sql += `finished_at = 0 AND deadline >= 0`
		order = `seq + 0`
	} else {
		sql += `seq > 0`
	}
	if f.AtCard {
		sql += ` AND state <> 'queued'`
	}
	var args []any
	add := func(cond string, a any) {
		args = append(args, a)
		sql += cond + "$" + strconv.Itoa(len(args))
	}
	if f.ICCID != "" {
		add(` AND iccid = `, string(f.ICCID))
	}
	if f.AP != "" {
		add(` AND ap = `, string(f.AP))
	}
	if f.Before != 0 {
		add(` AND seq < `, f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	sql += ` ORDER BY ` + order + ` DESC`
	add(` LIMIT `, f.Limit)
	return sql, args
}

func (s *Store) transactions(ctx context.Context, sql string, args ...any) (txs []mssp.Transaction, err error) {
	err = s.read(ctx, func(q querier) error {
		return q.each(sql, func(r *row) error {
			tx, err := scanTx(r)
			txs = append(txs, tx)
			return err
		}, args...)
	})
	return txs, err
}

// MarkPrompted records that the card has said "delivered, the user is being
// asked" (0B). It is no error when the transaction has ended already.
func (s *Store) MarkPrompted(ctx context.Context, id mssp.TransID) error {
	now := s.clock()
	return s.change(ctx, func(w *work) error {
		tx, err := oneTx(w, sqlTxByID, string(id))
		if err != nil {
			return err
		}
		st, err := w.step(&tx, mssp.EventPrompted, now)
		if errors.Is(err, mssp.ErrFinal) {
			return nil
		}
		if err != nil {
			return err
		}
		return w.save(&tx, st, nil)
	})
}

// notFoundIsNil keeps going where a missing row is an answer.
func notFoundIsNil(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func iccidOf(r *row) ota.ICCID { return ota.ICCID(r.text()) }

func cntrOf(r *row) ota.CNTR { return ota.CNTR(r.int()) }
