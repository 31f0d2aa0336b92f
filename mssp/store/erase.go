package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
)

// What a transaction leaves behind is erased by kind, each when its time has
// come. The row stays: who asked, when, and how it ended. An erasure blanks the
// columns of its kinds, deletes what belongs to them in other tables, notes in the
// row what went, and tags the row anew, all in one commit of a few rows, so that
// the live ones wait for no more than that. A row that was damaged, or changed by
// somebody, is blanked like the others and keeps its wrong tag: it must not
// become good by being erased.
//
// The newest packet of each card and key set stays, without its transaction: its
// counter is not to be used again.

// Erasures is the part of a Store that erases.
type Erasures struct{ *db }

// The kinds as bits of tx.kept.
const (
	keptTexts = 1 << iota
	keptOctets
	keptSignatures
	keptNumbers
	keptRepeat
	keptAll = 1<<iota - 1
)

// erasable is what makes out a kind.
var erasable = [...]struct {
	bit    int64
	kind   mssp.Erasable
	set    string // $B: no octets
	forget func(*mssp.Transaction)
	also   []string // statements with the Seq of the transaction
}{
	{keptTexts, mssp.Texts, `request = $B, int6 = $B`, func(*mssp.Transaction) {}, nil},
	{keptOctets, mssp.Octets, `mo = $B`, func(*mssp.Transaction) {}, []string{`DELETE FROM segment WHERE tx_seq = $1`}},
	{keptSignatures, mssp.Signatures, `result = $B`, func(tx *mssp.Transaction) { tx.Result = nil }, nil},
	{
		keptNumbers, mssp.Numbers, `msisdn = '', iccid = '', observer_data = $B`,
		func(tx *mssp.Transaction) { tx.MSISDN, tx.ICCID, tx.Observer.Data = "", "", nil },
		[]string{
			`DELETE FROM packet WHERE tx_seq = $1 AND tx_seq <> 0 AND cntr <
	(SELECT h.cntr FROM packet h WHERE h.iccid = packet.iccid AND h.kvn = packet.kvn ORDER BY h.cntr DESC LIMIT 1)`,
			`UPDATE packet SET tx_seq = 0 WHERE tx_seq = $1 AND tx_seq <> 0`,
			`UPDATE segment SET dest = '' WHERE tx_seq = $1`,
		},
	},
	{keptRepeat, mssp.Repeat, `request_hash = $B`, func(tx *mssp.Transaction) { tx.RequestHash = nil }, nil},
}

// Retention says what Purge deletes and erases: what is from before the time of its
// kind; a zero time keeps all of it.
type Retention struct {
	Parts      time.Time // incomplete and consumed inbound messages
	Incomplete time.Time // incomplete ones

	// Of transactions that have ended; Texts also of plain messages to users.
	Texts, Octets, Signatures, Numbers time.Time
	// Repeat goes with the texts, or of a person who was erased, by itself.
	Repeat time.Time
	// Audit is of the entries of the audit log, which Audits.CutAudit cuts off.
	Audit time.Time
}

// times are those of the kinds, in the order of erasable.
func (k *Retention) times() [len(erasable)]time.Time {
	return [...]time.Time{k.Texts, k.Octets, k.Signatures, k.Numbers, k.Repeat}
}

// due are the kinds of what has ended at a time.
func (k *Retention) due(ended time.Time) (bits int64) {
	for i, before := range k.times() {
		if !before.IsZero() && ended.Before(before) {
			bits |= erasable[i].bit
		}
	}
	if bits&keptTexts != 0 {
		bits |= keptRepeat
	}
	return bits
}

// eraseBatch transactions are erased in a commit.
const eraseBatch = 64

// sqlErasable are rows that still have a kind, in the order of an index, sqlOdd
// those that a wrong clock has dated, and sqlDue counts.
var sqlErasable, sqlOdd, sqlDue = func() (sql, odd, due [len(erasable)]string) {
	const told = ` AND NOT EXISTS (SELECT 1 FROM completion c WHERE c.tx_seq = tx.seq)`
	for i := range erasable {
		var with []string
		for n := int64(1); n <= keptAll; n++ {
			if n&erasable[i].bit != 0 && (erasable[i].bit != keptRepeat || n == keptRepeat) { // else it goes with the texts
				with = append(with, strconv.FormatInt(n, 10))
			}
		}
		in := `kept IN (` + strings.Join(with, ", ") + `)`
		old := ` FROM tx WHERE finished_at <> 0 AND kept <> 0 AND ` + in + ` AND finished_at < $1`
		due[i] = `SELECT COUNT(*)` + old
		sql[i] = `SELECT kept, ` + txCols + old + ` AND (seq <= $2 OR seq > $3)` + told + ` LIMIT $4`
		odd[i] = `SELECT kept, ` + txCols + ` FROM tx WHERE seq > $1 AND seq <= $2 AND finished_at > 0 AND ` + in + told + ` LIMIT $3`
	}
	return sql, odd, due
}()

const sqlOldTexts = `DELETE FROM segment WHERE id IN (SELECT id FROM segment WHERE tx_seq = 0 AND expires_at < $1 LIMIT $2)`

// Erased counts by kind what was erased.
type Erased map[mssp.Erasable]int64

// keptRow is a transaction that has ended, and what it still has.
type keptRow struct {
	tx   mssp.Transaction
	kept int64
}

func scanKept(r *row) (k keptRow, err error) {
	k.kept = r.int() & keptAll
	k.tx, err = scanTx(r)
	return k, err
}

// Erase erases what retention does not keep of a few transactions; call it again
// while more. What somebody has still to be told of stays until then. It is an error
// when another box has taken the turn.
func (s *Erasures) Erase(ctx context.Context, keep Retention, t Turn) (gone Erased, more bool, err error) {
	err = s.hold(ctx, func(q querier) error {
		gone, more = Erased{}, false
		if _, err := q.one(sqlMyTurn, s.boxes.me.Start); err != nil {
			if errors.Is(err, ErrNotFound) {
				err = s.boxes.fenced(q, errNotMyTurn)
			}
			return err
		}
		left := eraseBatch
		for i, before := range keep.times() {
			if before.IsZero() {
				continue
			}
			n, moved, err := eraseKind(q, i, &keep, &t, left, gone)
			if left -= n; err != nil {
				return err
			}
			more = more || moved
		}
		again, err := eraseMessages(q, &keep, gone)
		more = more || left == 0 || again
		noteErased(q, "retention", gone)
		return err
	})
	if err == nil {
		s.m.erasedRows(gone)
	}
	return gone, more, err
}

// eraseMessages erases plain messages to users, and the numbers of whom notices were given.
func eraseMessages(q querier, keep *Retention, gone Erased) (more bool, err error) {
	if !keep.Texts.IsZero() {
		n, err := q.exec(sqlOldTexts, keep.Texts, eraseBatch)
		if n > 0 {
			gone[mssp.Texts] += n
		}
		if more = n == eraseBatch; err != nil {
			return more, err
		}
	}
	if !keep.Numbers.IsZero() {
		n, err := q.exec(sqlNamelessNotices, keep.Numbers, eraseBatch)
		return more || n == eraseBatch, err
	}
	return more, nil
}

// errNotMyTurn: another box erases.
var errNotMyTurn = errors.New("store: another box erases by age")

// eraseKind erases what is due of a kind, and what else is due of the same rows.
// moved: a row was changed by somebody meanwhile, and is left to the next commit.
func eraseKind(q querier, i int, keep *Retention, t *Turn, left int, gone Erased) (n int, moved bool, err error) {
	if left == 0 {
		return 0, false, nil
	}
	before := keep.times()[i]
	from, to := t.odd.from, t.odd.to
	rows, err := allOf(q, scanKept, sqlErasable[i], before, from, to, left)
	if err == nil && from < to && t.odd.at.Before(before) && len(rows) < left {
		var more []keptRow
		more, err = allOf(q, scanKept, sqlOdd[i], from, to, left-len(rows))
		rows = append(rows, more...)
	}
	for j := range rows {
		ended := rows[j].tx.FinishedAt
		if t.odd.has(rows[j].tx.Seq) {
			ended = t.odd.at
		}
		if err == nil {
			err = erase(q, &rows[j], keep.due(ended)|erasable[i].bit, t.Now, mssp.ByRetention, gone)
		}
		if errors.Is(err, errMoved) {
			moved, err = true, nil
		}
	}
	return len(rows), moved, err
}

// erase takes kinds from a row. errMoved: somebody has changed it since it was read,
// and nothing was done; the other rows of the commit need not wait for it.
func erase(q querier, k *keptRow, bits int64, now time.Time, why string, gone Erased) error {
	bits &= k.kept
	tx := &k.tx
	var set, also []string
	var fresh []mssp.Erasable
	for i := range erasable {
		x := &erasable[i]
		if bits&x.bit == 0 {
			continue
		}
		set = append(set, x.set)
		x.forget(tx)
		if _, before := tx.Erased.Of(x.kind); !before {
			tx.Erased = tx.Erased.Add(x.kind, now, why)
			fresh = append(fresh, x.kind)
		}
		also = append(also, x.also...)
	}
	args := []any{tx.Seq, k.kept &^ bits, string(tx.Erased)}
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	sql := `UPDATE tx SET kept = $2, erased = $3, version = version + 1, ` + strings.Join(set, ", ")
	if strings.Contains(sql, "$B") {
		sql = strings.ReplaceAll(sql, "$B", arg([]byte(nil)))
	}
	if tx.Damage == "" {
		tag, err := q.authority().endTag(tx)
		if err != nil {
			return err
		}
		sql += `, tag = ` + arg(tag) + ` WHERE seq = $1 AND version = ` + arg(tx.Version)
	} else {
		sql += ` WHERE seq = $1`
	}
	n, err := q.exec(sql, args...)
	if err != nil {
		return fmt.Errorf("store: erase: %w", err)
	}
	if n == 0 {
		return errMoved
	}
	for _, sql := range also {
		if _, err := q.exec(sql, tx.Seq); err != nil {
			return err
		}
	}
	for _, kind := range fresh { // counted when it is sure
		gone[kind]++
	}
	return nil
}
