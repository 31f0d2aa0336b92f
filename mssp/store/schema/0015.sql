-- Version 15: the rest of the life of an identity.

-- The cards of one issuer are asked for page by page.
CREATE INDEX card_issuer ON card (issuer, iccid) WHERE issuer <> '';
