-- What the third release added to the catalogue, and why.

-- Any number of nodes serve from one catalogue; each says that it is there.
create table node (
    nodeid blob not null,
    name text not null,
    roles text not null,
    version text not null,
    knownschema integer not null,
    startedon integer not null,
    seenon integer not null,
    statecode integer not null,
    primary key (nodeid)
) strict;
-- What a node remembers of the catalogue holds while nobody changes it.
create table catalogueversion (
    name text not null,
    number integer not null,
    primary key (name)
) strict, without rowid;
insert into catalogueversion (name, number) values ('routes', 0);
-- A bucket belongs to one house, and says to which. Made here, under the lock of the migration, so that all nodes of a
-- house have the same id. What stands before the two dashes is meant for PostgreSQL alone, what stands behind for SQLite.
create table housesetting (
    name text not null,
    value text not null,
    primary key (name)
) strict, without rowid;
insert into housesetting (name, value)
values ('house', /*pg replace(gen_random_uuid()::text, '-', '')); -- */ lower(hex(randomblob(16))));
