-- Version 13: applets that answer with packets of their own (INT6 version 02).

-- kvn of keyset and packet is 1 to 15 for a key set of the security domain, and 16
-- more than the number for one of the applet.

-- How messages travel to the applet: '' (response), 'packet' or 'own'.
ALTER TABLE card ADD COLUMN carriage TEXT NOT NULL DEFAULT '';

-- What the applet offers (INT6 B8), in hexadecimal; '' when it has not said.
ALTER TABLE card ADD COLUMN offers TEXT NOT NULL DEFAULT '';

-- What the answer to a packet must name, in hexadecimal: the first half of the hash of
-- the request.
ALTER TABLE packet ADD COLUMN request TEXT NOT NULL DEFAULT '';
CREATE INDEX packet_request ON packet (request) WHERE request <> '';

-- Counters of answers that have had an effect: the last of each key set (heard.go).
CREATE TABLE heard (
	iccid  TEXT NOT NULL,
	kvn    BIGINT NOT NULL, -- 1 to 15
	cntr   BIGINT NOT NULL,
	digest {BLOB} NOT NULL, -- of the packet
	PRIMARY KEY (iccid, kvn, cntr)
) {CLUSTERED};
