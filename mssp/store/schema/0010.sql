-- Version 10: retention and authenticated rows.

-- The tag of a row that decides who may do what, or that is what an application
-- provider is given (authentic.go). An open transaction has none: its request has.
ALTER TABLE ap ADD COLUMN tag {BLOB};
ALTER TABLE card ADD COLUMN tag {BLOB};
ALTER TABLE subscriber ADD COLUMN tag {BLOB};
ALTER TABLE key_pair ADD COLUMN tag {BLOB};
ALTER TABLE certificate ADD COLUMN tag {BLOB};
ALTER TABLE tx ADD COLUMN tag {BLOB};

-- What is there was written by an earlier release: who opens it with the keys
-- tags it once and takes this mark away (Authenticate).
INSERT INTO meta (name, value) SELECT 'rows', CAST('old' AS {BLOB})
	WHERE EXISTS (SELECT 1 FROM ap) OR EXISTS (SELECT 1 FROM card) OR EXISTS (SELECT 1 FROM certificate);
