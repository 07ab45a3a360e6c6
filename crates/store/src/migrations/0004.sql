-- What the fourth release added to the schema of an organization, and why.
-- Readable by programs of schema 3.

-- Mailboxes at mail servers are watched.
create table emailserverprofile (
    emailserverprofileid blob not null,
    name text not null,
    servertype integer not null,
    incomingserverlocation text not null,
    incomingportnumber integer not null,
    incomingtlsmode integer not null,
    certificateauthority text,
    pollinginterval integer not null,
    createdon integer not null,
    primary key (emailserverprofileid)
) strict;
create unique index emailserverprofile_name on emailserverprofile (name);

create table mailbox (
    mailboxid blob not null,
    name text not null,
    emailserverprofile blob not null,
    username text not null,
    password blob,
    sinkid blob,
    systemuserid blob,
    sentfolder text,
    otherfolders text,
    processemailreceivedafter integer,
    undeliverablefolder text not null,
    isexclusive integer not null,
    isrefusing integer not null,
    statecode integer not null,
    createdon integer not null,
    primary key (mailboxid)
) strict;
create unique index mailbox_name on mailbox (name);
create index mailbox_emailserverprofile on mailbox (emailserverprofile);

create table mailboxfolder (
    mailboxfolderid blob not null,
    mailboxid blob not null,
    foldername text not null,
    folderrole integer not null,
    generation integer not null,
    uidvalidity integer not null,
    uidseen integer not null,
    createdon integer not null,
    primary key (mailboxfolderid)
) strict;
create unique index mailboxfolder_mailboxid_foldername on mailboxfolder (mailboxid, foldername);

-- What was seen there is in a ledger of its own before anything is fetched: each message is one copy, whatever breaks
-- off meanwhile. Those that are still there are found without the many that are gone.
create table mailboxmessage (
    mailboxfolderid blob not null,
    generation integer not null,
    messagekey blob not null,
    copyid blob not null,
    day integer not null,
    seenon integer not null,
    size integer not null,
    headerdigest blob,
    attempts integer not null,
    lasterror text,
    nexttryon integer,
    settledon integer,
    goneon integer,
    primary key (mailboxfolderid, generation, messagekey)
) strict, without rowid;
create index mailboxmessage_mailboxfolderid_generation_messagekey_goneon on mailboxmessage (mailboxfolderid, generation, messagekey)
where goneon is null;
create unique index mailboxmessage_copyid on mailboxmessage (copyid);
create index mailboxmessage_day on mailboxmessage (day);

-- What became of an Undeliverable: how often it was replayed, who dismissed it and why. What vouched for the senders of
-- those that are here already is not known.
alter table undeliverable add column attempts integer not null default 0;
alter table undeliverable add column lasttriedon integer;
alter table undeliverable add column proof integer not null default 0;
alter table undeliverable add column proofuserid blob;
alter table undeliverable add column endedon integer;
alter table undeliverable add column endedby text;
alter table undeliverable add column endreason text;
create index undeliverable_copyid on undeliverable (copyid);

-- How much waits in a mailbox, and since when, is told without a look at all that ever lay there.
create index mailboxmessage_mailboxfolderid_seenon_settledon on mailboxmessage (mailboxfolderid, seenon)
where settledon is null;

-- What was gone for a month leaves the ledger; how many they were stays with their day.
create table mailboxday (
    mailboxid blob not null,
    day integer not null,
    seen integer not null,
    primary key (mailboxid, day)
) strict, without rowid;
create index mailboxday_day on mailboxday (day);
create index mailboxmessage_goneon on mailboxmessage (goneon)
where goneon is not null;

-- How it goes with a mailbox is known to the node that watches it; it tells the others now and then.
create table mailboxstate (
    mailboxid blob not null,
    node text not null,
    state text not null,
    iswell integer not null,
    failures integer not null,
    nexttryon integer,
    succeededon integer,
    seenon integer not null,
    primary key (mailboxid)
) strict, without rowid;

-- A mailbox that is opened with tokens of OAuth 2 instead of a password. They are renewed every hour, apart from the row
-- that says whether and how it is watched.
create table mailboxgrant (
    mailboxid blob not null,
    granttype integer not null,
    clientid text not null,
    clientsecret blob,
    tokenurl text not null,
    authorizeurl text,
    deviceurl text,
    certificateauthority text,
    scope text not null,
    refreshtoken blob,
    accesstoken blob,
    tokenexpireson integer,
    version integer not null,
    grantedon integer,
    createdon integer not null,
    primary key (mailboxid)
) strict;

-- What was put off in a mailbox is told, with the words of whoever refused it: few, found without a look at the many.
create index mailboxmessage_nexttryon_mailboxfolderid on mailboxmessage (nexttryon, mailboxfolderid)
where nexttryon is not null;
