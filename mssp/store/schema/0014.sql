-- Version 14: the life of an identity.

-- What was done, by whom, on whom (package mssp/audit). The hash of an entry covers the
-- one before it; mac is made of the hash with a key of the installation.
CREATE TABLE audit (
	seq    BIGINT PRIMARY KEY, -- 1, 2, 3 ... without a gap
	at     BIGINT NOT NULL,
	entry  {BLOB} NOT NULL,
	hash   {BLOB} NOT NULL,
	mac    {BLOB} NOT NULL
);

-- The last of them. Who holds the row (id 1) writes the next ones, and does that last.
CREATE TABLE audit_head (
	id     BIGINT PRIMARY KEY,
	seq    BIGINT NOT NULL,
	hash   {BLOB} NOT NULL
);

-- Who identified a user, how and when, before he was registered.
CREATE TABLE identity (
	msisdn        TEXT PRIMARY KEY REFERENCES subscriber (msisdn),
	how           TEXT NOT NULL,
	identifier    TEXT NOT NULL, -- who identified him
	identified_at BIGINT NOT NULL,
	email         TEXT NOT NULL DEFAULT '',
	document      TEXT NOT NULL DEFAULT '',
	recorder      TEXT NOT NULL DEFAULT '',
	recorded_at   BIGINT NOT NULL,
	version       BIGINT NOT NULL DEFAULT 1,
	tag           {BLOB}
);

-- Whose the cards are (W-8): a card issuer with its policy. '' is the issuer of all
-- cards for which nobody has named one; it has no row.
CREATE TABLE issuer (
	id         TEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	profiles   TEXT NOT NULL, -- JSON list of strings
	ca         {BLOB} NOT NULL, -- certificate of its CA; empty: any
	removed_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	version    BIGINT NOT NULL DEFAULT 1,
	tag        {BLOB}
);
ALTER TABLE card ADD COLUMN issuer TEXT NOT NULL DEFAULT '';

-- Who calls INT3b and INT3c (package party).
CREATE TABLE client (
	id            TEXT PRIMARY KEY,
	role          TEXT NOT NULL,
	issuer        TEXT NOT NULL, -- '': acts for all
	password_hash TEXT NOT NULL,
	cert_sha256   TEXT NOT NULL, -- JSON list of strings
	disabled      BIGINT NOT NULL,
	removed_at    BIGINT NOT NULL,
	created_at    BIGINT NOT NULL,
	version       BIGINT NOT NULL DEFAULT 1,
	tag           {BLOB}
);
-- What is left to do of a procedure that changes certificates (mssp.Duty).
CREATE TABLE duty (
	id          TEXT PRIMARY KEY,
	msisdn      TEXT NOT NULL,
	iccid       TEXT NOT NULL,
	what        TEXT NOT NULL, -- revoke, suspend, reactivate, unregister, supersede, change-card
	step        TEXT NOT NULL, -- ca, card, tell, done
	serials     TEXT NOT NULL, -- of certificates, between them a space
	whole       BIGINT NOT NULL,
	reason      BIGINT NOT NULL,
	own         BIGINT NOT NULL,
	note        TEXT NOT NULL,
	by_whom     TEXT NOT NULL,
	tries       BIGINT NOT NULL,
	failure     TEXT NOT NULL,
	due_at      BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	ended_at    BIGINT NOT NULL,
	version     BIGINT NOT NULL DEFAULT 1,
	tag         {BLOB}
);
CREATE INDEX duty_open ON duty (due_at) WHERE ended_at = 0;
CREATE INDEX duty_msisdn ON duty (msisdn);
-- What users were told by text messages: of each thing once (store.Notice).
CREATE TABLE notice (
	kind    TEXT NOT NULL, -- registered, blocked, expiring, suspended, ...
	about   TEXT NOT NULL, -- a transaction, a duty, a certificate and how long before its end
	msisdn  TEXT NOT NULL, -- '' when numbers are not kept so long
	told_at BIGINT NOT NULL,
	PRIMARY KEY (kind, about)
) {CLUSTERED};
CREATE INDEX notice_msisdn ON notice (msisdn);
CREATE INDEX notice_named ON notice (told_at) WHERE msisdn <> '';
-- The life cycle of the applet as it has told or proved it: '' (not known), 'installed',
-- 'active' or 'deactivated'.
ALTER TABLE card ADD COLUMN applet TEXT NOT NULL DEFAULT '';
-- The Proof of Possession code that a user was given for his next registration.
CREATE TABLE pop (
	msisdn     TEXT PRIMARY KEY REFERENCES subscriber (msisdn),
	name       TEXT NOT NULL, -- tells the codes of a user apart
	digest     {BLOB} NOT NULL, -- of number, name and code, under a key
	channel    TEXT NOT NULL,
	state      TEXT NOT NULL,
	tries      BIGINT NOT NULL, -- wrong ones that may still be entered
	made_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	version    BIGINT NOT NULL DEFAULT 1,
	tag        {BLOB}
);

-- The unblocking code of a card, and to whom it was shown.
CREATE TABLE unblocking (
	iccid    TEXT PRIMARY KEY REFERENCES card (iccid),
	sealed   {BLOB} NOT NULL,
	shown_at BIGINT NOT NULL DEFAULT 0,
	shown_by TEXT NOT NULL DEFAULT '',
	how      TEXT NOT NULL DEFAULT '',
	reason   TEXT NOT NULL DEFAULT '',
	version  BIGINT NOT NULL DEFAULT 1,
	tag      {BLOB}
);
