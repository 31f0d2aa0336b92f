package store

import (
	"context"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
)

const (
	// kvn is the key version, 1 to 15, and 16 more than that for keys of the applet.
	keySetCols = `iccid, kvn, keys, counter`

	sqlNewKeySet = `INSERT INTO keyset (iccid, kvn, keys, counter) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`

	sqlKeySets = `SELECT ` + keySetCols + ` FROM keyset WHERE iccid = $1 ORDER BY kvn >= 16, kvn DESC`
)

func scanKeySet(r *row) (mssp.KeySet, error) {
	ks := mssp.KeySet{ICCID: iccidOf(r)}
	ks.Applet, ks.KVN = versionOf(r)
	ks.Keys, ks.Counter = r.blob(), r.blob()
	return ks, r.err()
}

const ofApplet = 16

func versionOf(r *row) (applet bool, kvn byte) {
	n := r.num(0, ofApplet+15)
	return n >= ofApplet, byte(n % ofApplet)
}

// kvnNumber is what versionOf reads.
func kvnNumber(applet bool, kvn byte) int64 {
	if applet {
		return ofApplet + int64(kvn)
	}
	return int64(kvn)
}

func rowNumber(ks *mssp.KeySet) int64 { return kvnNumber(ks.Applet, ks.KVN) }

// KeySets lists the key sets of a card, those of the security domain first, of each
// the current one (highest KVN) first.
func (s *Records) KeySets(ctx context.Context, iccid ota.ICCID) ([]mssp.KeySet, error) {
	return readAll(ctx, s.db, scanKeySet, sqlKeySets, string(iccid))
}

// KeySet is one key set of the security domain, or ErrNotFound.
func (s *Records) KeySet(ctx context.Context, iccid ota.ICCID, kvn byte) (mssp.KeySet, error) {
	return readOne(ctx, s.db, scanKeySet, `SELECT `+keySetCols+` FROM keyset WHERE iccid = $1 AND kvn = $2`, string(iccid), kvn)
}

// ChangeKeySets reads a card and its key sets, as KeySets lists them, lets f
// change their blobs and stores them, in one commit: advancing counters, sealing
// anew under a new key-encryption key. No packet to this card takes a counter
// meanwhile. An error of f changes nothing and is returned as it is. f may run
// more than once.
func (s *Records) ChangeKeySets(ctx context.Context, iccid ota.ICCID, f func(mssp.Card, []mssp.KeySet) error) error {
	return s.do(ctx, func(q querier) error {
		c, err := oneOf(q, scanCard, sqlHoldCard, string(iccid))
		if err != nil {
			return err
		}
		sets, err := allOf(q, scanKeySet, sqlKeySets, string(iccid))
		if err != nil {
			return err
		}
		if err := f(c, sets); err != nil {
			return err
		}
		for _, ks := range sets {
			if _, err := q.exec(`UPDATE keyset SET keys = $3, counter = $4 WHERE iccid = $1 AND kvn = $2`,
				string(iccid), rowNumber(&ks), ks.Keys, ks.Counter); err != nil {
				return err
			}
		}
		q.note(audit.Entry{Action: "keyset.change", Subject: audit.Card(iccid), Detail: versions(sets)})
		return nil
	})
}

// AddKeySet reads a card and its key sets, as KeySets lists them, and stores the one that
// f makes, in one commit; nil: none. The error is an Existing one when the card has it.
// An error of f changes nothing and is returned as it is. f may run more than once.
func (s *Records) AddKeySet(ctx context.Context, iccid ota.ICCID, f func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error)) error {
	return s.do(ctx, func(q querier) error {
		c, err := oneOf(q, scanCard, sqlHoldCard, string(iccid))
		if err != nil {
			return err
		}
		sets, err := allOf(q, scanKeySet, sqlKeySets, string(iccid))
		if err != nil {
			return err
		}
		ks, err := f(c, sets)
		if err != nil || ks == nil {
			return err
		}
		n, err := q.exec(sqlNewKeySet, string(iccid), rowNumber(ks), ks.Keys, ks.Counter)
		if err == nil && n == 0 {
			err = &Existing[mssp.KeySet]{Row: mssp.KeySet{ICCID: iccid, Applet: ks.Applet, KVN: ks.KVN}}
		}
		q.note(audit.Entry{Action: "keyset.add", Subject: audit.Card(iccid), Detail: versions([]mssp.KeySet{*ks})})
		return err
	})
}

// AllKeySets lists key sets in the order of card and version, those of the security
// domain first, from the one after the given: for looking at all of them, or sealing them anew.
func (s *Records) AllKeySets(ctx context.Context, after mssp.KeySet, limit int) ([]mssp.KeySet, error) {
	return readAll(ctx, s.db, scanKeySet, `SELECT `+keySetCols+` FROM keyset
		WHERE iccid > $1 OR iccid = $1 AND kvn > $2 ORDER BY iccid, kvn LIMIT $3`, string(after.ICCID), rowNumber(&after), limit)
}
