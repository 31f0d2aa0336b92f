-- Version 11: what is kept of a transaction is not kept for ever.

-- kept has a bit for each kind of data that the row still has (erase.go), and
-- erased says what went when, and why: it is under the tag. An open transaction
-- has everything.
ALTER TABLE tx ADD COLUMN kept BIGINT NOT NULL DEFAULT 31;
ALTER TABLE tx ADD COLUMN erased TEXT NOT NULL DEFAULT '';
CREATE INDEX tx_kept ON tx (kept, finished_at) WHERE finished_at <> 0 AND kept <> 0;

-- The transactions and certificates of a number, the packets of a transaction, texts by age and number.
CREATE INDEX tx_number ON tx (msisdn) WHERE msisdn <> '';
CREATE INDEX certificate_msisdn ON certificate (msisdn) WHERE msisdn <> '';
CREATE INDEX packet_tx ON packet (tx_seq) WHERE tx_seq <> 0;
CREATE INDEX segment_text ON segment (tx_seq, expires_at) WHERE tx_seq = 0;
CREATE INDEX segment_dest ON segment (dest) WHERE tx_seq = 0;

-- Numbers whose transactions up to one are being erased; the row goes with the last.
CREATE TABLE erasure (
	msisdn TEXT PRIMARY KEY,
	last   BIGINT NOT NULL
) {CLUSTERED};

-- Who erases by age, and what is known of the time (turn.go): one row.
CREATE TABLE retention (
	id          BIGINT PRIMARY KEY,
	holder      BIGINT NOT NULL, -- the box that erases
	sure_at     BIGINT NOT NULL, -- has certainly come
	last_seq    BIGINT NOT NULL, -- the newest transaction then
	off         BIGINT NOT NULL, -- the clock was not believed
	grace_until BIGINT NOT NULL, -- nothing is erased before
	odd_from    BIGINT NOT NULL, -- transactions after this one,
	odd_to      BIGINT NOT NULL, -- up to this one, a wrong clock has dated:
	odd_at      BIGINT NOT NULL  -- they are no older than this
) {CLUSTERED};
