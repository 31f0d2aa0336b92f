-- Version 7: the provider's switches. Nobody has any who was not given it.

ALTER TABLE ap ADD COLUMN octets TEXT NOT NULL DEFAULT '[]'; -- JSON list: profiles under which hashes and octets are signed
ALTER TABLE ap ADD COLUMN other_display BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ap ADD COLUMN certificates BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ap ADD COLUMN unique_ids BIGINT NOT NULL DEFAULT 0;

-- A provider that was removed keeps its row: transactions name it, and its
-- AP_ID goes to nobody else.
ALTER TABLE ap ADD COLUMN removed_at BIGINT NOT NULL DEFAULT 0;
