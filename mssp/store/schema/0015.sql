-- Version 15: the rest of the life of an identity.

-- The cards of one issuer are asked for page by page.
CREATE INDEX card_issuer ON card (issuer, iccid) WHERE issuer <> '';

-- Subscribers who are devices (W-7), and whose phone gets what a person is to know.
CREATE TABLE device (
	msisdn   TEXT PRIMARY KEY REFERENCES subscriber (msisdn),
	owner    TEXT NOT NULL, -- number of a subscriber; '': nobody's phone
	email    TEXT NOT NULL DEFAULT '',
	version  BIGINT NOT NULL DEFAULT 1,
	tag      {BLOB}
);
CREATE INDEX device_owner ON device (owner) WHERE owner <> '';
