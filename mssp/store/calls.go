package store

import (
	"context"
	"time"
)

// Calls is the part of a Store that knows what clients of INT3b and INT3c have asked for
// (package int3): a call is a row before anything is done, and gets its answer when there
// is one. Both are sealed by whoever stores them. The rows of a day are kept; those about a
// person or his card go with him.
type Calls struct{ *db }

// Call is what a client has asked for.
type Call struct {
	Client  string
	Name    string // the client's own id of the request, or the id of the call
	ID      string // of the call
	About   string // MSISDN or ICCID; empty: neither
	Meaning []byte // sealed
	Answer  []byte // sealed; nil: there is none yet
	BeganAt time.Time
	box     int64
	Alive   bool // another box does it, which is there
}

const (
	callCols = `client, name, id, about, meaning, answer, began_at, box, CASE WHEN EXISTS (SELECT 1 FROM box WHERE box.start = int3_call.box) THEN 1 ELSE 0 END`

	sqlBeginCall = `INSERT INTO int3_call (client, name, id, about, meaning, answer, box, began_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`

	sqlCall = `SELECT ` + callCols + ` FROM int3_call WHERE client = $1 AND name = $2`

	sqlCallByID = `SELECT ` + callCols + ` FROM int3_call WHERE id = $2 AND client = $1`

	sqlEndCall = `UPDATE int3_call SET answer = $3 WHERE client = $1 AND name = $2`

	// The oldest of a client that are more than so many.
	sqlTrimCalls = `DELETE FROM int3_call WHERE client = $1 AND began_at <= (SELECT began_at FROM int3_call WHERE client = $1 ORDER BY began_at DESC LIMIT 1 OFFSET $2)`

	// Those about a number or a card.
	sqlEraseCalls = `DELETE FROM int3_call WHERE about = $1 AND about <> ''`

	sqlForgetCalls = `DELETE FROM int3_call WHERE began_at < $1`
)

func scanCall(r *row) (Call, error) {
	c := Call{Client: r.text(), Name: r.text(), ID: r.text(), About: r.text(), Meaning: r.blob(), Answer: r.blob(), BeganAt: r.moment(), box: r.int(), Alive: r.flag()}
	if len(c.Answer) == 0 {
		c.Answer = nil
	}
	return c, r.err()
}

// others says that this box is not another one: what it does it knows by itself.
func (s *Calls) others(c Call, err error) (Call, error) {
	c.Alive = c.Alive && c.box != s.boxes.me.Start
	return c, err
}

// BeginCall stores a call that is about to be done. began is false when the client has one
// of this name already, which is the result then; one from before the given time counts as
// none.
func (s *Calls) BeginCall(ctx context.Context, c Call, since time.Time) (have Call, began bool, err error) {
	err = s.do(ctx, func(q querier) error {
		if _, err := q.exec(`DELETE FROM int3_call WHERE client = $1 AND name = $2 AND began_at < $3`, c.Client, c.Name, since); err != nil {
			return err
		}
		n, err := q.exec(sqlBeginCall, c.Client, c.Name, c.ID, c.About, c.Meaning, []byte{}, s.boxes.me.Start, c.BeganAt)
		if err != nil {
			return err
		}
		if have, began = c, n == 1; began {
			return nil
		}
		have, err = s.others(oneOf(q, scanCall, sqlCall, c.Client, c.Name))
		return err
	})
	return have, began, err
}

// EndCall gives a call its answer. A call that was forgotten meanwhile stays forgotten.
func (s *Calls) EndCall(ctx context.Context, client, name string, answer []byte) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlEndCall, client, name, answer)
		return err
	})
}

// Call is the call of a client by the id of the call, or ErrNotFound.
func (s *Calls) Call(ctx context.Context, client, id string) (Call, error) {
	return s.others(readOne(ctx, s.db, scanCall, sqlCallByID, client, id))
}

// TrimCalls forgets the oldest calls of a client that are more than so many.
func (s *Calls) TrimCalls(ctx context.Context, client string, most int) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlTrimCalls, client, most)
		return err
	})
}

// ForgetCalls forgets those that began before a time.
func (s *Calls) ForgetCalls(ctx context.Context, before time.Time) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlForgetCalls, before)
		return err
	})
}
