package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
)

// An applet of INT6 version 02 answers with a packet of its own, under answer keys
// and a counter of its own. Short messages overtake each other, so that a counter is not
// refused because a higher one was there before: the last heardWindow below the highest
// are each taken once. A counter is used up by the commit in which its answer has an effect;
// what has none leaves no trace here.

// Heard is an answer packet of an applet, authentic.
type Heard struct {
	ICCID  ota.ICCID
	KVN    byte // of its key set, 1 to 15
	CNTR   ota.CNTR
	Digest [16]byte // of its octets, see DigestOf

	// Proves is the keys blob of its key set with which the row says that the applet has the
	// key; nil: it says so already. Retires are the key sets that it has no more.
	Proves  []byte
	Retires []byte
	// Anew: it is the first answer of a new installation of the applet, which has no key
	// pair of the former one.
	Anew bool
}

// DigestOf tells one packet from another: the first half of SHA-256.
func DigestOf(packet []byte) (d [16]byte) {
	sum := sha256.Sum256(packet)
	copy(d[:], sum[:])
	return d
}

// Why an answer packet has no effect.
var (
	// ErrHeard: this very packet has had its effect before.
	ErrHeard = errors.New("the same packet has been answered to before")
	// ErrTwin: the counter was used by another packet. A card never does that: it
	// has been copied, or put back to an earlier state.
	ErrTwin = errors.New("the counter was used by another packet")
	// ErrOld: the counter is too far below the highest to know whether it was used.
	ErrOld = errors.New("the counter is too old")
)

const heardWindow = 64

const (
	sqlHeardHighest = `SELECT COALESCE(MAX(cntr), 0) FROM heard WHERE iccid = $1 AND kvn = $2`
	sqlHeardLast    = `SELECT kvn, MAX(cntr) FROM heard WHERE iccid = $1 GROUP BY kvn`
	sqlHeardAs      = `SELECT digest FROM heard WHERE iccid = $1 AND kvn = $2 AND cntr = $3`
	sqlHear         = `INSERT INTO heard (iccid, kvn, cntr, digest) VALUES ($1, $2, $3, $4)`
	sqlProve        = `UPDATE keyset SET keys = $3 WHERE iccid = $1 AND kvn = $2`
	sqlRetire       = `DELETE FROM keyset WHERE iccid = $1 AND kvn = $2`

	sqlForgetHeard = `DELETE FROM heard WHERE iccid = $1 AND kvn = $2 AND cntr <= $3`
)

// HeardBefore says what became of the counter of an answer packet: nil when it is
// unused, otherwise ErrHeard, ErrTwin or ErrOld.
func (s *Inbound) HeardBefore(ctx context.Context, h Heard) error {
	return s.read(ctx, func(q querier) error {
		_, err := unheard(q, &h)
		return err
	})
}

// HeardLast is the highest counter of the answers of a card's applet that have had an
// effect, for each of its key sets.
func (s *Inbound) HeardLast(ctx context.Context, iccid ota.ICCID) (map[byte]ota.CNTR, error) {
	last := map[byte]ota.CNTR{}
	err := s.read(ctx, func(q querier) error {
		clear(last)
		return q.each(sqlHeardLast, func(r *row) error {
			kvn := byte(r.num(1, 15))
			last[kvn] = cntrOf(r)
			return r.err()
		}, string(iccid))
	})
	return last, err
}

// hear uses the counter of an answer up; nil: there is none. Whoever calls it holds the
// row of the card.
func hear(q querier, h *Heard) error {
	if h == nil {
		return nil
	}
	highest, err := unheard(q, h)
	if err != nil {
		return err
	}
	of := []any{string(h.ICCID), h.KVN}
	if _, err = q.exec(sqlHear, append(of, int64(h.CNTR), h.Digest[:])...); err != nil {
		return err
	}
	_, err = q.exec(sqlForgetHeard, append(of, max(highest, int64(h.CNTR))-heardWindow)...)
	if err == nil && h.Proves != nil {
		_, err = q.exec(sqlProve, string(h.ICCID), kvnNumber(true, h.KVN), h.Proves)
	}
	if err != nil {
		return err
	}
	return retire(q, h.ICCID, h.Retires)
}

// retire deletes key sets of an applet with the counters of their answers: should one
// of that number come again, it begins at 0.
func retire(q querier, iccid ota.ICCID, sets []byte) error {
	for _, set := range sets {
		n, err := q.exec(sqlRetire, string(iccid), kvnNumber(true, set))
		if err != nil {
			return err
		}
		if n > 0 {
			q.note(audit.Entry{Action: "keyset.retire", Subject: audit.Card(iccid), Detail: versions([]mssp.KeySet{{Applet: true, KVN: set}})})
		}
		if _, err := q.exec(sqlForgetHeard, string(iccid), set, int64(ota.MaxCNTR)); err != nil {
			return err
		}
	}
	return nil
}

// unheard is the highest counter of the key set, when that of h is unused.
func unheard(q querier, h *Heard) (highest int64, err error) {
	r, err := q.one(sqlHeardHighest, string(h.ICCID), h.KVN)
	if err != nil {
		return 0, err
	}
	highest = r.int()
	if err := r.err(); err != nil { // not 0, which would open the window
		return 0, err
	}
	used, err := oneOf(q, func(r *row) ([]byte, error) { return r.blob(), r.err() }, sqlHeardAs, string(h.ICCID), h.KVN, int64(h.CNTR))
	switch {
	case err == nil && bytes.Equal(used, h.Digest[:]):
		err = ErrHeard
	case err == nil:
		err = ErrTwin
	case !errors.Is(err, ErrNotFound):
		return 0, err
	case int64(h.CNTR) <= highest-heardWindow:
		err = ErrOld
	default:
		return highest, nil
	}
	return 0, fmt.Errorf("store: answer %s: %w", h.CNTR, err)
}
