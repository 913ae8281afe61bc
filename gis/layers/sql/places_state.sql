-- A fingerprint of the rows that places are named by: it changes with every insert, change and
-- removal, and needs no clock: xmin is the transaction that wrote a row's present version, ctid its
-- place (one transaction may write a row twice).
SELECT concat_ws(
    '/',
    (SELECT concat(count(*), ':', sum(hashtextextended(concat(id, xmin, ctid), 0))) FROM communities),
    (SELECT concat(count(*), ':', sum(hashtextextended(concat(id, xmin, ctid), 0))) FROM quarters),
    (SELECT concat(count(*), ':', sum(hashtextextended(concat(id, xmin, ctid), 0))) FROM buildings),
    (SELECT concat(count(*), ':', sum(hashtextextended(concat(id, xmin, ctid), 0))) FROM units),
    (SELECT concat(count(*), ':', sum(hashtextextended(concat(id, xmin, ctid), 0))) FROM roads),
    (SELECT concat(count(*), ':', sum(hashtextextended(concat(id, xmin, ctid), 0))) FROM pois),
    (SELECT concat(count(*), ':', sum(hashtextextended(concat(id, xmin, ctid), 0))) FROM stations)
)
