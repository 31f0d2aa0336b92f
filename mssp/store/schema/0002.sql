-- Delivery receipts that came before the response that names their message.
CREATE TABLE receipt (
	id         {SERIAL},
	route      TEXT NOT NULL,
	message_id TEXT NOT NULL,
	dest       TEXT NOT NULL, -- '' when the receipt does not say
	delivered  BIGINT NOT NULL,
	cause      TEXT NOT NULL,
	report_at  BIGINT NOT NULL,
	parked_at  BIGINT NOT NULL,
	UNIQUE (route, message_id, dest)
);
