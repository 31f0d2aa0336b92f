-- Version 8: repeats and late answers.

-- What is parked without a number may be a text that anybody has sent: from now
-- on only the centre itself can leave the number out.
DELETE FROM receipt WHERE dest = '';

-- What an application provider's own identifier says. A request is told by
-- its instant, in nanoseconds since 1970: 0 when it came without one, -1 in rows of
-- an earlier release, which did not keep it. once is 1 when the provider's record
-- asked for identifiers that are never used again. Each rule is an index, so that two
-- equal requests at the same moment cannot both be accepted.
ALTER TABLE tx ADD COLUMN instant BIGINT NOT NULL DEFAULT -1;
ALTER TABLE tx ADD COLUMN once BIGINT NOT NULL DEFAULT 0;
DROP INDEX tx_ap;
CREATE INDEX tx_ap ON tx (ap, ap_trans_id) WHERE ap <> '';
CREATE UNIQUE INDEX tx_instant ON tx (ap, ap_trans_id, instant) WHERE ap <> '' AND instant > 0;
CREATE UNIQUE INDEX tx_sparse ON tx (ap, ap_trans_id, request_hash) WHERE ap <> '' AND instant = 0 AND finished_at = 0;
CREATE UNIQUE INDEX tx_once ON tx (ap, ap_trans_id) WHERE ap <> '' AND once = 1;

-- How a transaction ended: the event ('' in rows of an earlier release), and which
-- operator has cancelled it. late is what the card's answer said that came after the
-- end, and late_at when the first one came (0: none has).
ALTER TABLE tx ADD COLUMN ended TEXT NOT NULL DEFAULT '';
ALTER TABLE tx ADD COLUMN ended_by TEXT NOT NULL DEFAULT '';
ALTER TABLE tx ADD COLUMN late TEXT NOT NULL DEFAULT '';
ALTER TABLE tx ADD COLUMN late_at BIGINT NOT NULL DEFAULT 0;

-- Parts of answers. Anybody can write a source address, so a set keeps several
-- variants of a part, and sets that differ in their total stand side by side:
-- slot is minus the total for the one that takes parts now, the own id for one
-- that gave way. stored numbers the variants, octets is what the set has of them
-- now; state 3: set aside, the first to go when there is no room.
ALTER TABLE mo_header DROP COLUMN prev;
ALTER TABLE mo_header ADD COLUMN stored BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mo_header ADD COLUMN octets BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mo_header ADD COLUMN last_at BIGINT NOT NULL DEFAULT 0;
UPDATE mo_header SET last_at = first_at, octets = (SELECT COALESCE(SUM(LENGTH(p.ud)), 0) FROM mo_part p WHERE p.header = mo_header.id),
	slot = CASE WHEN slot = 0 THEN -total ELSE slot END;
DROP INDEX mo_collecting;
CREATE INDEX mo_open ON mo_header (source) WHERE state <> 2;
CREATE TABLE mo_variant (
	header  BIGINT NOT NULL,
	part    BIGINT NOT NULL,
	variant BIGINT NOT NULL,
	udh     {BLOB} NOT NULL,
	ud      {BLOB} NOT NULL,
	PRIMARY KEY (header, part, variant)
) {CLUSTERED};
INSERT INTO mo_variant (header, part, variant, udh, ud) SELECT header, part, 0, udh, ud FROM mo_part;
DROP TABLE mo_part;
ALTER TABLE mo_variant RENAME TO mo_part;

-- What has ended without a word of the card, whose answer may still come.
CREATE INDEX tx_late ON tx (msisdn, finished_at) WHERE sent_at <> 0 AND late_at = 0 AND ended IN ('expired', 'cancelled', 'undeliver');
