-- Version 3: boxes, and what belongs to them.

-- A process that works on this database. The row is there as long as the box
-- lives; who finds it dead deletes the row, and the start number in it, which
-- no other box ever has, is worth nothing from then on. Times are those of the
-- database.
CREATE TABLE box (
	name       TEXT PRIMARY KEY,
	start      BIGINT NOT NULL UNIQUE,
	host       TEXT NOT NULL,
	pid        BIGINT NOT NULL,
	session    BIGINT NOT NULL, -- the backend of PostgreSQL whose lock says that the box lives
	started_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL
) {CLUSTERED};

-- holder is the start number of the box that serves the card (busy_tx) and runs
-- the timers of its transactions, or that sends the segment (sent).
ALTER TABLE card ADD COLUMN holder BIGINT NOT NULL DEFAULT 0;
ALTER TABLE segment ADD COLUMN holder BIGINT NOT NULL DEFAULT 0;

-- What protects a person from being asked until he gives in: what counts
-- against his number (package abuse reads it), and until when.
CREATE TABLE patience (
	msisdn  TEXT PRIMARY KEY,
	version BIGINT NOT NULL,
	until   BIGINT NOT NULL,
	record  {BLOB} NOT NULL
) {CLUSTERED};
