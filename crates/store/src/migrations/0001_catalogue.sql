create table organization (
    organizationid blob not null,
    name text not null,
    createdon integer not null,
    primary key (organizationid)
) strict;
create unique index organization_name on organization (name);

create table route (
    address text not null,
    organizationid blob not null,
    kind integer not null,
    targetid blob not null,
    primary key (address)
) strict, without rowid;
create index route_organizationid on route (organizationid);
