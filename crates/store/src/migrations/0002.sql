-- What the second release added to the schema of an organization, and why.

-- Addresses are looked for only where no record is known to them, and every entry of an index is a page to write.
drop index activityparty_addressused_sortdate;
create index activityparty_addressused_sortdate_partyid on activityparty (addressused, sortdate)
where partyid is null;
