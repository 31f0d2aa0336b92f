-- Version 12: names take turns when segments go out again.

-- In whose name a segment goes out (claim.go). What has ended goes nowhere any more.
ALTER TABLE segment ADD COLUMN ap TEXT NOT NULL DEFAULT '';
UPDATE segment SET ap = (SELECT tx.ap FROM tx WHERE tx.seq = segment.tx_seq)
	WHERE tx_seq IN (SELECT seq FROM tx WHERE finished_at = 0);
CREATE INDEX segment_name ON segment (ap, next_at, id) WHERE state IN ('queued', 'ambiguous');
