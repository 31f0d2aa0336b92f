package store

import (
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// One statement inserts up to four segments: most packets and texts whole.
const (
	segHead = `INSERT INTO segment (tx_seq, cntr, part, parts, dest, pid, dcs, septets, validity, report,
	udh, ud, ap, state, tries, next_at, expires_at, holder) VALUES `
	segTail = ` RETURNING part, id`

	segRow1 = `($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`
	segRow2 = `($19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)`
	segRow3 = `($37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54)`
	segRow4 = `($55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, $70, $71, $72)`

	sqlSegments1 = segHead + segRow1 + segTail
	sqlSegments2 = segHead + segRow1 + ", " + segRow2 + segTail
	sqlSegments3 = segHead + segRow1 + ", " + segRow2 + ", " + segRow3 + segTail
	sqlSegments4 = segHead + segRow1 + ", " + segRow2 + ", " + segRow3 + ", " + segRow4 + segTail
)

func segmentInsert(n int) (string, int) {
	switch n {
	case 1:
		return sqlSegments1, 1
	case 2:
		return sqlSegments2, 2
	case 3:
		return sqlSegments3, 3
	}
	return sqlSegments4, 4
}

// insertSegments stores the segments of one message, whose Part must be 1, 2,
// ... in order, and fills in their ids. txSeq is 0 for a plain text. Those that
// are Sent have the holder.
func insertSegments(q querier, txSeq, holder int64, out []Outbound) error {
	if len(out) > 0 && out[0].State != SegSent {
		holder = nobody
	}
	args := make([]any, 0, 72)
	for first := 0; first < len(out); {
		sql, n := segmentInsert(len(out) - first)
		args = args[:0]
		for i := range out[first : first+n] {
			o := &out[first+i]
			args = append(args, txSeq, int64(o.CNTR), o.Part, o.Parts, string(o.Dest), o.PID, o.DCS, o.Septets, o.Validity, o.Report,
				o.UDH, o.UD, o.For, string(o.State), o.Tries, o.NextAt, o.ExpiresAt, holder)
		}
		err := q.each(sql, func(r *row) error {
			part, id := r.int(), r.int()
			if part < 1 || int(part) > len(out) {
				return fmt.Errorf("part %d of %d", part, len(out))
			}
			out[part-1].ID = id
			return r.err()
		}, args...)
		if err != nil {
			return fmt.Errorf("store: segments: %w", err)
		}
		first += n
	}
	return nil
}

// textValidity is how long a plain text is tried when its segment says nothing.
const textValidity = 24 * time.Hour

// textOutbound makes outbox rows of the segments of one plain text message.
func textOutbound(segs []bearer.Segment, now time.Time) []Outbound {
	out := make([]Outbound, len(segs))
	for i, seg := range segs {
		v := seg.Validity
		if v <= 0 {
			v = textValidity
		}
		out[i] = Outbound{Segment: seg, Part: i + 1, Parts: len(segs), State: SegQueued, NextAt: now, ExpiresAt: now.Add(v)}
	}
	return out
}

// segmentCols are what scanOutbound reads; the transaction may be missing.
const segmentCols = `s.id, s.cntr, s.part, s.parts, s.dest, s.pid, s.dcs, s.septets, s.validity, s.report, s.udh, s.ud,
	s.ap, s.state, s.tries, s.next_at, s.expires_at, s.route, s.message_id, t.id, t.iccid`

func scanOutbound(r *row) (Outbound, error) {
	var o Outbound
	o.ID = r.int()
	o.CNTR = ota.CNTR(r.int())
	o.Part = int(r.int())
	o.Parts = int(r.int())
	o.Dest = sms.MSISDN(r.text())
	o.PID = byte(r.int())
	o.DCS = byte(r.int())
	o.Septets = int(r.int())
	o.Validity = time.Duration(r.int()) * time.Microsecond
	o.Report = r.bool()
	o.UDH = r.blob()
	o.UD = r.blob()
	o.For = r.text()
	o.State = SegmentState(r.text())
	o.Tries = int(r.int())
	o.NextAt = r.time()
	o.ExpiresAt = r.time()
	o.Route = r.text()
	o.MessageID = r.text()
	o.TxID = mssp.TransID(r.text())
	o.ICCID = ota.ICCID(r.text())
	return o, r.err()
}
