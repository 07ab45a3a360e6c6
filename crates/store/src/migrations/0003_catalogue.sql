-- What the fifth release adds to the catalogue, and why.
-- Readable by programs of schema 2.

-- Which hooks a node was started with: nodes that differ in them let mail past one or the other.
alter table node add column hooks text;
