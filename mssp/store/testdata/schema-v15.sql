CREATE TABLE schema_version (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL);
CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE sequence (
	name  TEXT PRIMARY KEY,
	value BIGINT NOT NULL
) WITHOUT ROWID;
CREATE TABLE kek (
	id         BIGINT PRIMARY KEY,
	blob       BLOB NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE TABLE ap (
	id            TEXT PRIMARY KEY,
	name          TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	cert_sha256   TEXT NOT NULL, -- JSON lists of strings
	profiles      TEXT NOT NULL,
	prefixes      TEXT NOT NULL,
	notify_url    TEXT NOT NULL,
	disabled      BIGINT NOT NULL,
	created_at    BIGINT NOT NULL
, version BIGINT NOT NULL DEFAULT 1, octets TEXT NOT NULL DEFAULT '[]', other_display BIGINT NOT NULL DEFAULT 0, certificates BIGINT NOT NULL DEFAULT 0, unique_ids BIGINT NOT NULL DEFAULT 0, removed_at BIGINT NOT NULL DEFAULT 0, tag BLOB);
CREATE TABLE card (
	iccid      TEXT PRIMARY KEY,
	imsi       TEXT NOT NULL,
	profile    TEXT NOT NULL,
	state      TEXT NOT NULL,
	codes      BIGINT NOT NULL, -- bits 0, 1: code set; bits 2, 3: code blocked
	bad_por    BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	busy_tx    TEXT NOT NULL DEFAULT '',
	queued     BIGINT NOT NULL DEFAULT 0
, holder BIGINT NOT NULL DEFAULT 0, version BIGINT NOT NULL DEFAULT 1, tag BLOB, carriage TEXT NOT NULL DEFAULT '', offers TEXT NOT NULL DEFAULT '', issuer TEXT NOT NULL DEFAULT '', applet TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE keyset (
	iccid   TEXT NOT NULL REFERENCES card (iccid),
	kvn     BIGINT NOT NULL,
	keys    BLOB NOT NULL,
	counter BLOB NOT NULL,
	PRIMARY KEY (iccid, kvn)
) WITHOUT ROWID;
CREATE TABLE subscriber (
	msisdn     TEXT PRIMARY KEY,
	iccid      TEXT NOT NULL REFERENCES card (iccid),
	name       TEXT NOT NULL,
	serial     TEXT NOT NULL,
	language   TEXT NOT NULL,
	state      TEXT NOT NULL,
	created_at BIGINT NOT NULL
, version BIGINT NOT NULL DEFAULT 1, tag BLOB) WITHOUT ROWID;
CREATE INDEX subscriber_iccid ON subscriber (iccid);
CREATE TABLE key_pair (
	iccid      TEXT NOT NULL REFERENCES card (iccid),
	slot       BIGINT NOT NULL,
	usage      BIGINT NOT NULL,
	algorithm  BIGINT NOT NULL,
	state      TEXT NOT NULL,
	confirmed  BIGINT NOT NULL,
	public_key BLOB NOT NULL,
	serial     TEXT NOT NULL,
	cert_der   BLOB NOT NULL,
	csr        BLOB NOT NULL,
	updated_at BIGINT NOT NULL, version BIGINT NOT NULL DEFAULT 1, tag BLOB,
	PRIMARY KEY (iccid, slot)
);
CREATE TABLE certificate (
	serial     TEXT PRIMARY KEY,
	iccid      TEXT NOT NULL,
	msisdn     TEXT NOT NULL,
	subject    TEXT NOT NULL,
	der        BLOB NOT NULL,
	status     TEXT NOT NULL,
	reason     BIGINT NOT NULL,
	not_before BIGINT NOT NULL,
	not_after  BIGINT NOT NULL,
	revoked_at BIGINT NOT NULL
, spki_sha256 TEXT NOT NULL DEFAULT '', tag BLOB);
CREATE INDEX certificate_iccid ON certificate (iccid);
CREATE INDEX certificate_revoked ON certificate (serial) WHERE status IN ('suspended', 'revoked');
CREATE TABLE tx (
	seq          INTEGER PRIMARY KEY,
	id           TEXT NOT NULL UNIQUE,
	kind         TEXT NOT NULL,
	ap           TEXT NOT NULL,
	ap_trans_id  TEXT NOT NULL,
	request_hash BLOB NOT NULL,
	msisdn       TEXT NOT NULL,
	iccid        TEXT NOT NULL,
	mode         TEXT NOT NULL,
	profile      TEXT NOT NULL,
	applet_txn   BIGINT NOT NULL,
	state        TEXT NOT NULL,
	status       BIGINT NOT NULL,
	detail       TEXT NOT NULL,
	attempt      BIGINT NOT NULL,
	created_at   BIGINT NOT NULL,
	sent_at      BIGINT NOT NULL,
	deadline     BIGINT NOT NULL,
	finished_at  BIGINT NOT NULL,
	version      BIGINT NOT NULL,
	request      BLOB NOT NULL,
	int6         BLOB NOT NULL,
	result       BLOB NOT NULL,
	mo           BLOB NOT NULL
, observer TEXT NOT NULL DEFAULT '', observer_data BLOB, instant BIGINT NOT NULL DEFAULT -1, once BIGINT NOT NULL DEFAULT 0, ended TEXT NOT NULL DEFAULT '', ended_by TEXT NOT NULL DEFAULT '', late TEXT NOT NULL DEFAULT '', late_at BIGINT NOT NULL DEFAULT 0, tag BLOB, kept BIGINT NOT NULL DEFAULT 31, erased TEXT NOT NULL DEFAULT '');
CREATE INDEX tx_queue ON tx (iccid, seq) WHERE state = 'queued';
CREATE INDEX tx_due ON tx (deadline) WHERE finished_at = 0;
CREATE TABLE packet (
	iccid     TEXT NOT NULL,
	cntr      BIGINT NOT NULL,
	kvn       BIGINT NOT NULL,
	tar       BIGINT NOT NULL,
	tx_seq    BIGINT NOT NULL,
	attempt   BIGINT NOT NULL,
	sealed_at BIGINT NOT NULL, request TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (iccid, cntr, kvn)
) WITHOUT ROWID;
CREATE TABLE segment (
	id         INTEGER PRIMARY KEY,
	tx_seq     BIGINT NOT NULL,
	cntr       BIGINT NOT NULL,
	part       BIGINT NOT NULL,
	parts      BIGINT NOT NULL,
	dest       TEXT NOT NULL,
	pid        BIGINT NOT NULL,
	dcs        BIGINT NOT NULL,
	septets    BIGINT NOT NULL,
	validity   BIGINT NOT NULL,
	report     BIGINT NOT NULL,
	udh        BLOB NOT NULL,
	ud         BLOB NOT NULL,
	state      TEXT NOT NULL,
	tries      BIGINT NOT NULL,
	next_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	route      TEXT NOT NULL DEFAULT '',
	message_id TEXT NOT NULL DEFAULT '',
	report_at  BIGINT NOT NULL DEFAULT 0,
	delivered  BIGINT NOT NULL DEFAULT 0,
	cause      TEXT NOT NULL DEFAULT ''
, holder BIGINT NOT NULL DEFAULT 0, ap TEXT NOT NULL DEFAULT '');
CREATE INDEX segment_tx ON segment (tx_seq);
CREATE INDEX segment_due ON segment (next_at) WHERE state IN ('queued', 'ambiguous');
CREATE INDEX segment_report ON segment (message_id) WHERE report = 1 AND message_id <> '';
CREATE TABLE mo_header (
	id       INTEGER PRIMARY KEY,
	source   TEXT NOT NULL,
	ref      BIGINT NOT NULL, -- 16-bit references have bit 16 set
	slot     BIGINT NOT NULL,
	total    BIGINT NOT NULL,
	mask     BIGINT NOT NULL,
	state    BIGINT NOT NULL,
	first_at BIGINT NOT NULL, stored BIGINT NOT NULL DEFAULT 0, octets BIGINT NOT NULL DEFAULT 0, last_at BIGINT NOT NULL DEFAULT 0,
	UNIQUE (source, ref, slot)
);
CREATE TABLE mo_seen (
	place   BIGINT PRIMARY KEY,
	digest  BLOB NOT NULL,
	seen    BIGINT NOT NULL,
	last_at BIGINT NOT NULL
);
CREATE TABLE receipt (
	id         INTEGER PRIMARY KEY,
	route      TEXT NOT NULL,
	message_id TEXT NOT NULL,
	dest       TEXT NOT NULL, -- '' when the receipt does not say
	delivered  BIGINT NOT NULL,
	cause      TEXT NOT NULL,
	report_at  BIGINT NOT NULL,
	parked_at  BIGINT NOT NULL,
	UNIQUE (route, message_id, dest)
);
CREATE TABLE box (
	name       TEXT PRIMARY KEY,
	start      BIGINT NOT NULL UNIQUE,
	host       TEXT NOT NULL,
	pid        BIGINT NOT NULL,
	session    BIGINT NOT NULL, -- the backend of PostgreSQL whose lock says that the box lives
	started_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL
) WITHOUT ROWID;
CREATE TABLE patience (
	msisdn  TEXT PRIMARY KEY,
	version BIGINT NOT NULL,
	until   BIGINT NOT NULL,
	record  BLOB NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX subscriber_card ON subscriber (iccid) WHERE state <> 'removed';
CREATE UNIQUE INDEX certificate_key ON certificate (spki_sha256) WHERE spki_sha256 <> '';
CREATE TABLE completion (
	tx_seq   BIGINT PRIMARY KEY,
	observer TEXT NOT NULL,
	due_at   BIGINT NOT NULL,
	tries    BIGINT NOT NULL,
	holder   BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX completion_due ON completion (observer, due_at);
CREATE INDEX tx_ap ON tx (ap, ap_trans_id) WHERE ap <> '';
CREATE UNIQUE INDEX tx_instant ON tx (ap, ap_trans_id, instant) WHERE ap <> '' AND instant > 0;
CREATE UNIQUE INDEX tx_sparse ON tx (ap, ap_trans_id, request_hash) WHERE ap <> '' AND instant = 0 AND finished_at = 0;
CREATE UNIQUE INDEX tx_once ON tx (ap, ap_trans_id) WHERE ap <> '' AND once = 1;
CREATE INDEX mo_open ON mo_header (source) WHERE state <> 2;
CREATE TABLE "mo_part" (
	header  BIGINT NOT NULL,
	part    BIGINT NOT NULL,
	variant BIGINT NOT NULL,
	udh     BLOB NOT NULL,
	ud      BLOB NOT NULL,
	PRIMARY KEY (header, part, variant)
) WITHOUT ROWID;
CREATE INDEX tx_late ON tx (msisdn, finished_at) WHERE sent_at <> 0 AND late_at = 0 AND ended IN ('expired', 'cancelled', 'undeliver');
CREATE INDEX tx_kept ON tx (kept, finished_at) WHERE finished_at <> 0 AND kept <> 0;
CREATE INDEX tx_number ON tx (msisdn) WHERE msisdn <> '';
CREATE INDEX certificate_msisdn ON certificate (msisdn) WHERE msisdn <> '';
CREATE INDEX packet_tx ON packet (tx_seq) WHERE tx_seq <> 0;
CREATE INDEX segment_text ON segment (tx_seq, expires_at) WHERE tx_seq = 0;
CREATE INDEX segment_dest ON segment (dest) WHERE tx_seq = 0;
CREATE TABLE erasure (
	msisdn TEXT PRIMARY KEY,
	last   BIGINT NOT NULL
) WITHOUT ROWID;
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
) WITHOUT ROWID;
CREATE INDEX segment_name ON segment (ap, next_at, id) WHERE state IN ('queued', 'ambiguous');
CREATE INDEX packet_request ON packet (request) WHERE request <> '';
CREATE TABLE heard (
	iccid  TEXT NOT NULL,
	kvn    BIGINT NOT NULL, -- 1 to 15
	cntr   BIGINT NOT NULL,
	digest BLOB NOT NULL, -- of the packet
	PRIMARY KEY (iccid, kvn, cntr)
) WITHOUT ROWID;
CREATE TABLE audit (
	seq    BIGINT PRIMARY KEY, -- 1, 2, 3 ... without a gap
	at     BIGINT NOT NULL,
	entry  BLOB NOT NULL,
	hash   BLOB NOT NULL,
	mac    BLOB NOT NULL
);
CREATE TABLE audit_head (
	id     BIGINT PRIMARY KEY,
	seq    BIGINT NOT NULL,
	hash   BLOB NOT NULL
);
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
	tag           BLOB
);
CREATE TABLE issuer (
	id         TEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	profiles   TEXT NOT NULL, -- JSON list of strings
	ca         BLOB NOT NULL, -- certificate of its CA; empty: any
	removed_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	version    BIGINT NOT NULL DEFAULT 1,
	tag        BLOB
);
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
	tag           BLOB
);
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
	tag         BLOB
);
CREATE INDEX duty_open ON duty (due_at) WHERE ended_at = 0;
CREATE INDEX duty_msisdn ON duty (msisdn);
CREATE TABLE notice (
	kind    TEXT NOT NULL, -- registered, blocked, expiring, suspended, ...
	about   TEXT NOT NULL, -- a transaction, a duty, a certificate and how long before its end
	msisdn  TEXT NOT NULL, -- '' when numbers are not kept so long
	told_at BIGINT NOT NULL,
	PRIMARY KEY (kind, about)
) WITHOUT ROWID;
CREATE INDEX notice_msisdn ON notice (msisdn);
CREATE INDEX notice_named ON notice (told_at) WHERE msisdn <> '';
CREATE TABLE pop (
	msisdn     TEXT PRIMARY KEY REFERENCES subscriber (msisdn),
	name       TEXT NOT NULL, -- tells the codes of a user apart
	digest     BLOB NOT NULL, -- of number, name and code, under a key
	channel    TEXT NOT NULL,
	state      TEXT NOT NULL,
	tries      BIGINT NOT NULL, -- wrong ones that may still be entered
	made_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	version    BIGINT NOT NULL DEFAULT 1,
	tag        BLOB
);
CREATE TABLE unblocking (
	iccid    TEXT PRIMARY KEY REFERENCES card (iccid),
	sealed   BLOB NOT NULL,
	shown_at BIGINT NOT NULL DEFAULT 0,
	shown_by TEXT NOT NULL DEFAULT '',
	how      TEXT NOT NULL DEFAULT '',
	reason   TEXT NOT NULL DEFAULT '',
	version  BIGINT NOT NULL DEFAULT 1,
	tag      BLOB
);
CREATE INDEX card_issuer ON card (issuer, iccid) WHERE issuer <> '';
CREATE TABLE int3_call (
	client   TEXT NOT NULL,
	name     TEXT NOT NULL, -- the client's id of the request, or the id of the call
	id       TEXT NOT NULL, -- of the call
	about    TEXT NOT NULL, -- the number or the card that it is about; '': none
	meaning  BLOB NOT NULL, -- digest of the message, sealed
	answer   BLOB NOT NULL, -- sealed; empty: under way
	box      BIGINT NOT NULL, -- start of the box that does it
	began_at BIGINT NOT NULL,
	PRIMARY KEY (client, name)
);
CREATE UNIQUE INDEX int3_call_id ON int3_call (id);
CREATE INDEX int3_call_about ON int3_call (about) WHERE about <> '';
CREATE INDEX int3_call_began ON int3_call (began_at);
CREATE TABLE device (
	msisdn   TEXT PRIMARY KEY REFERENCES subscriber (msisdn),
	owner    TEXT NOT NULL, -- number of a subscriber; '': nobody's phone
	email    TEXT NOT NULL DEFAULT '',
	version  BIGINT NOT NULL DEFAULT 1,
	tag      BLOB
);
CREATE INDEX device_owner ON device (owner) WHERE owner <> '';
