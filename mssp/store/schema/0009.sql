-- Version 9: limits.

-- What counts at a number is told apart by provider: patience.record has the form
-- 02 of package abuse. Rows of the form 01 are read as those of a provider that is
-- not known, and written anew when something counts; they are worth nothing after
-- a quarter of an hour.
