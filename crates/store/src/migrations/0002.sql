-- What the second release added to the schema of an organization, and why.

-- Addresses are looked for only where no record is known to them, and every entry of an index is a page to write.
drop index activityparty_addressused_sortdate;
create index activityparty_addressused_sortdate_partyid on activityparty (addressused, sortdate)
where partyid is null;

-- Peers from anywhere may write to a sink once they have proven a credential of it.
create table sinkcredential (
    sinkcredentialid blob not null,
    sinkid blob not null,
    name text not null,
    systemuserid blob,
    isrefusing integer not null,
    salt blob not null,
    iterations integer not null,
    storedkey blob not null,
    serverkey blob not null,
    createdon integer not null,
    primary key (sinkcredentialid)
) strict;
create unique index sinkcredential_sinkid_name on sinkcredential (sinkid, name);

-- Conversations come out the same in whatever order their mails arrive: which of two mails that another one names
-- is the nearer one has to be known when the second of them comes last.
alter table messagereference add column position integer not null default 0;
update messagereference set position = 1000 where isinreplyto = 0;
alter table email add column correlationrank integer not null default 0;
-- An attachment may lie inside a container (winmail.dat, signed content), not in the source itself.
alter table activitymimeattachment add column contentrules integer not null default 0;
-- What was tied before has the rank of the best sign of its kind: 0 would never give way to a nearer one.
update email set correlationrank =
    case correlationmethod when 103 then 1000 when 4 then 2000 when 5 then 3000 else 0 end;
