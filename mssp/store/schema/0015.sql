-- Version 15: the rest of the life of an identity.

-- The cards of one issuer are asked for page by page.
CREATE INDEX card_issuer ON card (issuer, iccid) WHERE issuer <> '';

-- What clients of INT3b and INT3c have asked for, for a day: a request that comes again
-- gets the answer of the first, also after a restart.
CREATE TABLE int3_call (
	client   TEXT NOT NULL,
	name     TEXT NOT NULL, -- the client's id of the request, or the id of the call
	id       TEXT NOT NULL, -- of the call
	about    TEXT NOT NULL, -- the number or the card that it is about; '': none
	meaning  {BLOB} NOT NULL, -- digest of the message, sealed
	answer   {BLOB} NOT NULL, -- sealed; empty: under way
	box      BIGINT NOT NULL, -- start of the box that does it
	began_at BIGINT NOT NULL,
	PRIMARY KEY (client, name)
);
CREATE UNIQUE INDEX int3_call_id ON int3_call (id);
CREATE INDEX int3_call_about ON int3_call (about) WHERE about <> '';
CREATE INDEX int3_call_began ON int3_call (began_at);

-- Subscribers who are devices (W-7), and whose phone gets what a person is to know.
CREATE TABLE device (
	msisdn   TEXT PRIMARY KEY REFERENCES subscriber (msisdn),
	owner    TEXT NOT NULL, -- number of a subscriber; '': nobody's phone
	email    TEXT NOT NULL DEFAULT '',
	version  BIGINT NOT NULL DEFAULT 1,
	tag      {BLOB}
);
CREATE INDEX device_owner ON device (owner) WHERE owner <> '';
