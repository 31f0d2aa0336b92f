-- Version 4: rows that people change have a version, which every update that
-- rests on an earlier read compares (and every update counts up); and what must
-- not be there twice is an index, so that two processes cannot make it.
ALTER TABLE card ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE key_pair ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE subscriber ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE ap ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- A card belongs to one subscriber. The migration looks before whether that is
-- so (see migrate.go).
CREATE UNIQUE INDEX subscriber_card ON subscriber (iccid) WHERE state <> 'removed';

-- SHA-256 of the public key, hexadecimal: a key has one certificate. It is ''
-- in rows of earlier versions, and once another certificate has taken the key over.
ALTER TABLE certificate ADD COLUMN spki_sha256 TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX certificate_key ON certificate (spki_sha256) WHERE spki_sha256 <> '';
