-- Version 14: the life of an identity.

-- What was done, by whom, on whom (package mssp/audit). Each entry carries the hash of
-- the one before it.
CREATE TABLE audit (
	seq    BIGINT PRIMARY KEY, -- 1, 2, 3 ... without a gap
	at     BIGINT NOT NULL,
	entry  {BLOB} NOT NULL,
	hash   {BLOB} NOT NULL
);
