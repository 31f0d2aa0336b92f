package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Times in rows are those of the clock that Options names, which a service keeps
// going evenly while the clock of the machine jumps. How far the machine's is
// ahead of it stands in a row: whoever starts next on these rows keeps the same
// time, as long as there is work whose deadlines are told in it.

const clockName = "clock"

// sqlAtWork: there is something that a jump of the time would end or delay.
const sqlAtWork = `SELECT CASE WHEN EXISTS (SELECT 1 FROM tx WHERE finished_at = 0)
	OR EXISTS (SELECT 1 FROM segment WHERE state IN ('queued', 'ambiguous')) OR EXISTS (SELECT 1 FROM completion) THEN 1 ELSE 0 END`

// NoteClock stores how far the machine's clock is ahead of ours (behind: less
// than zero) as long as there is work; idle says that there is none, and that
// nothing is stored: the service may take the machine's time. noted is what is
// stored already; nothing is written for a little more or less.
func (b *Boxes) NoteClock(ctx context.Context, ahead, noted time.Duration) (idle bool, err error) {
	err = b.do(ctx, func(q querier) error {
		if err := b.fenced(q, nil); err != nil {
			return err
		}
		r, err := q.one(sqlAtWork)
		if err != nil {
			return err
		}
		if idle = !r.bool(); r.err() != nil {
			return r.err()
		}
		switch {
		case (idle || ahead == 0) && noted == 0, noted != 0 && (ahead-noted).Abs() < time.Second && !idle:
			return nil
		case idle || ahead == 0:
			_, err = q.exec(`DELETE FROM meta WHERE name = $1`, clockName)
			return err
		}
		_, err = q.exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			clockName, binary.BigEndian.AppendUint64(nil, uint64(ahead.Microseconds())))
		return err
	})
	return idle, err
}

// ClockAhead is what NoteClock has stored, 0 when there is nothing.
func (b *Boxes) ClockAhead(ctx context.Context) (time.Duration, error) {
	v, err := readOne(ctx, b.db, scanBlob, sqlMeta, clockName)
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case len(v) != 8:
		return 0, fmt.Errorf("store: the note about the clock has %d octets, needs 8: %w", len(v), ErrCorrupt)
	}
	return time.Duration(int64(binary.BigEndian.Uint64(v))) * time.Microsecond, nil
}
