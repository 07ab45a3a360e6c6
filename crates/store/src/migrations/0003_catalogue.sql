-- What the fifth release adds to the catalogue, and why.
-- Readable by programs of schema 2.

-- Which hooks a node was started with: nodes that differ in them let mail past one or the other.
alter table node add column hooks text;

-- What one node at a time does for the house: two that restore one archive at once would write into each other's rows.
create table lease (
    name text not null,
    owner blob not null,
    leaseuntil integer not null,
    number integer not null,
    primary key (name)
) strict, without rowid;
