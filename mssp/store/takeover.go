package store

import (
	"context"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

// Recovery says what a box has taken over, and what must be swept.
type Recovery struct {
	Dead      []Box       // found dead just now
	Taken     []ota.ICCID // cards that this box serves now instead of one that is dead
	Ambiguous int         // segments that may or may not have left; ClaimSegments gives them again
	Idle      []ota.ICCID // idle cards with a queue: SealNext each
	Open      int         // transactions not final, of all boxes
}

const (
	// sqlOrphan is true of rows that nobody alive holds, or the box in $3. Boxes that
	// enter later than the number in $2 may not be in the table as this statement sees it.
	sqlOrphan = `holder = $3 OR holder <= $2 AND holder NOT IN (SELECT start FROM box)`

	sqlLastStart = `SELECT value FROM sequence WHERE name = 'start'`

	sqlTakeCards = `UPDATE card SET holder = $1 WHERE busy_tx <> '' AND (` + sqlOrphan + `)
	AND ` + sqlFence + `$1` + sqlKept + ` RETURNING iccid`

	// sqlTakeSegments: what was sent for an open transaction, or as a text, may or
	// may not have left. Which segments those of open transactions are, the index says.
	sqlTakeSegments = `UPDATE segment SET state = 'ambiguous', next_at = 0, holder = 0 WHERE state = 'sent'
	AND tx_seq IN (SELECT seq FROM tx WHERE finished_at = 0) AND (` + sqlOrphan + `) AND ` + sqlFence + `$1` + sqlKept

	sqlTakeTexts = `UPDATE segment SET state = 'ambiguous', next_at = 0, holder = 0 WHERE state = 'sent'
	AND tx_seq = 0 AND (` + sqlOrphan + `) AND ` + sqlFence + `$1` + sqlKept

	// sqlSuspects: cards that are busy with what is no more, and those that count
	// their queue wrongly. What it lists is looked at again under the card's lock.
	sqlSuspects = `SELECT iccid FROM card WHERE busy_tx <> ''
	AND NOT EXISTS (SELECT 1 FROM tx WHERE tx.id = card.busy_tx AND tx.finished_at = 0)
	UNION SELECT iccid FROM card WHERE queued <> (SELECT COUNT(*) FROM tx WHERE tx.iccid = card.iccid AND tx.state = 'queued')`

	sqlIdle = `SELECT iccid FROM card WHERE busy_tx = '' AND queued > 0 ORDER BY iccid`

	sqlLockCard = `UPDATE card SET queued = queued WHERE iccid = $1 AND ` + sqlFence + `$2` + sqlKept + ` RETURNING busy_tx, holder`

	sqlMendCard = `UPDATE card SET busy_tx = $2, queued = $3 WHERE iccid = $1`
)

// Recover puts the rows in the state that the end of earlier processes has left
// in truth, and says what must be swept. Call it once, before any other work:
// what this process has held so far counts as left behind too. Rows of other
// boxes that live are not touched.
//
// Segments that were Sent may or may not have left and are Ambiguous now;
// ClaimSegments hands them out again, octet for octet the same.
func (b *Boxes) Recover(ctx context.Context) (Recovery, error) {
	if err := b.bury(ctx); err != nil {
		return Recovery{}, err
	}
	return b.adopt(ctx, b.me.Start)
}

// TakeOver looks for boxes that have died and takes over what they held: the
// cards, and so the timers of their transactions, and the segments under way.
// Where nobody has died it costs one small read. One at a time calls it. What it
// has Taken is taken with an error too, and not told again.
func (b *Boxes) TakeOver(ctx context.Context) (Recovery, error) {
	if !b.b.shared() {
		return Recovery{}, nil // nobody else can be there
	}
	if err := b.bury(ctx); err != nil || len(b.owed) == 0 {
		return Recovery{}, err
	}
	return b.adopt(ctx, none)
}

// nobody is the holder of what nobody holds.
const nobody = 0

// none is no box: nobody is restarted.
const none = -1

// adopt takes over what nobody alive holds, and what own holds.
func (b *Boxes) adopt(ctx context.Context, own int64) (Recovery, error) {
	rec := Recovery{Dead: b.owed}
	var last int64
	err := b.hold(ctx, func(q querier) error {
		rec.Taken, rec.Ambiguous = nil, 0
		r, err := q.one(sqlLastStart)
		if err != nil {
			return err
		}
		if last = r.int(); r.err() != nil {
			return r.err()
		}
		for _, sql := range [...]string{sqlTakeSegments, sqlTakeTexts} {
			n, err := q.exec(sql, b.me.Start, last, own)
			if err != nil {
				return err
			}
			rec.Ambiguous += int(n)
		}
		err = q.each(sqlTakeCards, func(r *row) error {
			rec.Taken = append(rec.Taken, iccidOf(r))
			return r.err()
		}, b.me.Start, last, own)
		if err == nil && rec.Ambiguous+len(rec.Taken) == 0 {
			err = b.fenced(q, nil)
		}
		return err
	})
	if err != nil {
		return Recovery{}, err
	}
	if err := b.mend(ctx); err != nil {
		return rec, err
	}
	if rec.Idle, err = readAll(ctx, b.db, func(r *row) (ota.ICCID, error) { return iccidOf(r), r.err() }, sqlIdle); err != nil {
		return rec, err
	}
	rec.Open, err = readOne(ctx, b.db, func(r *row) (int, error) { return int(r.int()), r.err() }, `SELECT COUNT(*) FROM tx WHERE finished_at = 0`)
	if err == nil {
		b.owed = nil
	}
	return rec, err
}

// mend corrects the cards that are busy with what is no more or count their
// queue wrongly, each under the lock of its row: others take in and finish
// transactions meanwhile.
func (b *Boxes) mend(ctx context.Context) error {
	suspects, err := readAll(ctx, b.db, func(r *row) (ota.ICCID, error) { return iccidOf(r), r.err() }, sqlSuspects)
	for _, iccid := range suspects {
		if err == nil {
			err = b.hold(ctx, func(q querier) error { return b.mendCard(q, iccid) })
		}
	}
	return err
}

// mendCard counts only once it has the lock: the statement that waits for a
// lock sees the other rows as they were before it waited.
func (b *Boxes) mendCard(q querier, iccid ota.ICCID) error {
	r, err := q.one(sqlLockCard, string(iccid), b.me.Start)
	if err != nil {
		return b.fenced(q, err)
	}
	busy, holder := r.text(), r.int()
	if err := r.err(); err != nil {
		return err
	}
	if busy != "" && holder != b.me.Start {
		return nil // somebody serves it, who counts as it should
	}
	r, err = q.one(`SELECT COUNT(*), (SELECT COUNT(*) FROM tx WHERE id = $2 AND finished_at = 0) FROM tx WHERE iccid = $1 AND state = $3`,
		string(iccid), busy, string(mssp.Queued))
	if err != nil {
		return err
	}
	waiting, under := r.int(), r.int()
	if err := r.err(); err != nil {
		return err
	}
	if under == 0 {
		busy = ""
	}
	_, err = q.exec(sqlMendCard, string(iccid), busy, waiting)
	return err
}
