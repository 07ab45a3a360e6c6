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
