-- Version 8: repeats and late answers.

-- What is parked without a number may be a text that anybody has sent: from now
-- on only the centre itself can leave the number out.
DELETE FROM receipt WHERE dest = '';
