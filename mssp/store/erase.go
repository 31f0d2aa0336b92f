package store

import (
	"context"
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
}

// due are the kinds of what has ended at a time.
func (k *Retention) due(ended time.Time) (bits int64) {
	for i, before := range [...]time.Time{k.Texts, k.Octets, k.Signatures, k.Numbers, k.Repeat} {
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

// sqlErasable are rows that still have a kind, in the order of an index.
var sqlErasable = func() (sql [len(erasable)]string) {
	for i := range erasable {
		var with []string
		for n := int64(1); n <= keptAll; n++ {
			if n&erasable[i].bit != 0 && (erasable[i].bit != keptRepeat || n == keptRepeat) { // else it goes with the texts
				with = append(with, strconv.FormatInt(n, 10))
			}
		}
		sql[i] = `SELECT kept, ` + txCols + ` FROM tx WHERE finished_at <> 0 AND kept <> 0 AND kept IN (` + strings.Join(with, ", ") + `)
	AND finished_at < $1 AND NOT EXISTS (SELECT 1 FROM completion c WHERE c.tx_seq = tx.seq) LIMIT $2`
	}
	return sql
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
// while more. What somebody has still to be told of stays until then.
func (s *Erasures) Erase(ctx context.Context, keep Retention, now time.Time) (gone Erased, more bool, err error) {
	err = s.do(ctx, func(q querier) error {
		gone, more = Erased{}, false
		left := eraseBatch
		for i, before := range [...]time.Time{keep.Texts, keep.Octets, keep.Signatures, keep.Numbers, keep.Repeat} {
			if before.IsZero() || left == 0 {
				continue
			}
			rows, err := allOf(q, scanKept, sqlErasable[i], before, left)
			if err != nil {
				return err
			}
			for j := range rows {
				if err := erase(q, &rows[j], keep.due(rows[j].tx.FinishedAt)|erasable[i].bit, now, mssp.ByRetention, gone); err != nil {
					return err
				}
			}
			left -= len(rows)
		}
		more = left == 0
		if keep.Texts.IsZero() {
			return nil
		}
		n, err := q.exec(sqlOldTexts, keep.Texts, eraseBatch)
		if more = more || n == eraseBatch; n > 0 {
			gone[mssp.Texts] += n
		}
		return err
	})
	if err == nil {
		s.m.erasedRows(gone)
	}
	return gone, more, err
}

// erase takes kinds from a row.
func erase(q querier, k *keptRow, bits int64, now time.Time, why string, gone Erased) error {
	if bits &= k.kept; bits == 0 {
		return nil
	}
	tx := &k.tx
	var set []string
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
		for _, sql := range x.also {
			if _, err := q.exec(sql, tx.Seq); err != nil {
				return err
			}
		}
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
	for _, kind := range fresh { // counted when it is sure
		gone[kind]++
	}
	return nil
}
