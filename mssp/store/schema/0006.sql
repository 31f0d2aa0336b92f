-- Version 6: completions that somebody observes.

-- Who is told that a transaction has ended ('' for nobody), and what he needs for it.
ALTER TABLE tx ADD COLUMN observer TEXT NOT NULL DEFAULT '';
ALTER TABLE tx ADD COLUMN observer_data {BLOB};

-- A transaction that has ended and whose observer has not been told yet. The
-- commit that ends the transaction makes the row. holder is the start number of
-- the box that is telling him; from due_at on another may.
CREATE TABLE completion (
	tx_seq   BIGINT PRIMARY KEY,
	observer TEXT NOT NULL,
	due_at   BIGINT NOT NULL,
	tries    BIGINT NOT NULL,
	holder   BIGINT NOT NULL
) {CLUSTERED};
CREATE INDEX completion_due ON completion (observer, due_at);
