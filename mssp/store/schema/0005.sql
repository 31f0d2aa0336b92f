-- Version 5: the request of a transaction is authenticated. What is open was
-- written by an earlier release: the engine writes it anew at its first start
-- and takes this mark away (AdoptRequests).
INSERT INTO meta (name, value) SELECT 'requests', CAST('old' AS {BLOB})
	WHERE EXISTS (SELECT 1 FROM tx WHERE finished_at = 0);
