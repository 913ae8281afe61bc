-- An empty table shaped as {table}, gone at the end of the transaction; what the database computes
-- it computes here too.
CREATE TEMPORARY TABLE delivery (LIKE {table} INCLUDING DEFAULTS INCLUDING GENERATED) ON COMMIT DROP
