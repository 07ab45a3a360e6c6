-- What the fifth release added to the schema of an organization, and why.

-- Mail that goes out waits here, each recipient for itself: one that failed keeps none of the others, and none is sent to
-- twice because another one failed. What has ended stays, and is found no more by those who look for work.
create table outboxmail (
    activityid blob not null,
    lane integer not null,
    waitsin integer,
    emailserverprofileid blob not null,
    mailfrom text not null,
    dueon integer not null,
    owner blob,
    attempts integer not null,
    doton integer,
    expireson integer not null,
    lasterror text,
    createdon integer not null,
    endedon integer,
    primary key (activityid)
) strict, without rowid;
create index outboxmail_waitsin_dueon on outboxmail (waitsin, dueon)
where waitsin is not null;
create index outboxmail_owner on outboxmail (owner)
where owner is not null;
create index outboxmail_createdon on outboxmail (createdon);

create table outboxrecipient (
    activityid blob not null,
    recipientnumber integer not null,
    address text not null,
    statecode integer not null,
    replycode integer,
    replytext text,
    settledon integer,
    primary key (activityid, recipientnumber)
) strict, without rowid;

-- The way out: a server that takes mail and brings it on. Where an organization has one, its mail goes by that.
alter table emailserverprofile add column outgoingserverlocation text;
alter table emailserverprofile add column outgoingportnumber integer;
alter table emailserverprofile add column outgoingtlsmode integer;
alter table emailserverprofile add column outgoingusername text;
alter table emailserverprofile add column outgoingpassword blob;

-- Each recipient has a return path of his own, so that what comes back says whom it is about. Then a mail goes out to one
-- recipient at a time, and each has his own count of tries, his own time, and his own mark of the end of the data: one who
-- waits keeps none of the others.
alter table emailserverprofile add column returndomain text;
alter table outboxmail add column returndomain text;
alter table outboxrecipient add column attempts integer not null default 0;
alter table outboxrecipient add column dueon integer not null default 0;
alter table outboxrecipient add column doton integer;

-- Templates: a row for each language that one is there in. The title is what people and settings name it by.
create table template (
    templateid blob not null,
    title text not null,
    languagecode integer not null,
    templatetypecode text not null,
    ispersonal integer not null,
    ownerid blob not null,
    mimetype text not null,
    subject text not null,
    body text not null,
    textbody text,
    createdon integer not null,
    modifiedon integer not null,
    primary key (templateid)
) strict;
create unique index template_title_ownerid_languagecode on template (title, ownerid, languagecode);

-- What the writer of a mail asks to be told: that it was read, and that it was delivered.
alter table email add column readreceiptrequested integer not null default 0;
alter table email add column deliveryreceiptrequested integer not null default 0;

-- Who does not want mail, or none that goes to many. It stands with the record, and is asked whenever mail is to go out.
alter table account add column donotemail integer not null default 0;
alter table account add column donotbulkemail integer not null default 0;
alter table contact add column donotemail integer not null default 0;
alter table contact add column donotbulkemail integer not null default 0;
alter table lead add column donotemail integer not null default 0;
alter table lead add column donotbulkemail integer not null default 0;

-- Who may write as a queue. A user may as himself, and a command of the administrator as anybody.
create table sendas (
    systemuserid blob not null,
    queueid blob not null,
    createdon integer not null,
    primary key (systemuserid, queueid)
) strict, without rowid;

-- What a draft was before it was changed, sent or discarded: bytes that nothing names on purpose, so that the recount of the
-- books does not take them for a loss. The sweep takes them.
create table leftsource (
    sourceid blob not null,
    createdon integer not null,
    primary key (sourceid)
) strict, without rowid;

-- Who wrote a mail, as far as DKIM, SPF, DMARC and ARC proved it when it came: keys are taken out of the DNS, so it is never
-- told again. A row of its own beside the copy: most houses verify nothing, and the ledger stays as narrow as it is.
create table mailverdict (
    copyid blob not null,
    originalnumber integer not null,
    author text,
    dmarc integer not null,
    policy integer not null,
    provenby integer not null,
    signsall integer not null,
    vouchedby text,
    saidby text,
    results text not null,
    primary key (copyid, originalnumber)
) strict, without rowid;

-- Tries are counted apart from claims: a claim that was given back, or ran out, tried nothing. And the claim under which the end
-- of the data was noted says of what a dead node left behind whether it may be out there.
alter table outboxmail add column tries integer not null default 0;
alter table outboxmail add column dotattempt integer;

-- Mail is taken relay by relay: what goes to one that is away, paused or slow is not in the way of the rest.
drop index outboxmail_waitsin_dueon;
create index outboxmail_waitsin_emailserverprofileid_dueon on outboxmail (waitsin, emailserverprofileid, dueon)
where waitsin is not null;

-- Limits of outgoing mail hold over all nodes: each takes a share for some seconds, so no mail writes here.
create table outboxlimit (
    outboxlimitid blob not null,
    place text not null,
    perminute integer,
    connections integer,
    ispaused integer not null,
    nexton integer not null,
    primary key (outboxlimitid)
) strict, without rowid;
create unique index outboxlimit_place on outboxlimit (place);

-- What came back of a mail stands with the recipient that it is about. Of one address it is counted, and only what a word of
-- ours proves; that is what the index is for.
alter table outboxrecipient add column bouncekind integer;
alter table outboxrecipient add column isbounceproven integer;
alter table outboxrecipient add column bouncewords text;
alter table outboxrecipient add column bouncedon integer;
alter table outboxrecipient add column bouncedaddress text;
alter table outboxrecipient add column bounceid blob;
create index outboxrecipient_bouncedaddress_bouncedon on outboxrecipient (bouncedaddress, bouncedon)
where bouncedaddress is not null;

-- Addresses to which nothing is sent. They stay when they are released: who did that, and when, is asked later.
create table suppression (
    suppressionid blob not null,
    address text not null,
    reason integer not null,
    words text not null,
    activityid blob,
    createdon integer not null,
    releasedon integer,
    releasedby text,
    primary key (suppressionid)
) strict;
create index suppression_address on suppression (address);
create index suppression_createdon on suppression (createdon);

-- What goes out from a domain is signed with these. A domain may have several: one for verifiers that know no other, and a new
-- one beside it until the old one is forgotten.
create table domainkey (
    domainkeyid blob not null,
    domain text not null,
    selector text not null,
    record text not null,
    privatekey blob not null,
    createdon integer not null,
    primary key (domainkeyid)
) strict;
create unique index domainkey_domain_selector on domainkey (domain, selector);

-- Which queues acknowledge what comes to them, and whom they answered: the key of the latter is what answers once, over all nodes.
create table acknowledgement (
    queueid blob not null,
    title text not null,
    perioddays integer not null,
    hourlymax integer not null,
    primary key (queueid)
) strict, without rowid;

create table autoanswer (
    queueid blob not null,
    address text not null,
    domain text not null,
    activityid blob not null,
    answeredon integer not null,
    until integer not null,
    primary key (queueid, address)
) strict, without rowid;
create index autoanswer_domain_answeredon on autoanswer (domain, answeredon);

-- Pages of letters: one's own drafts are found without a look at the rest (they have no Message-ID), and keep when they are to go out.
alter table email add column delayedemailsendtime integer;
create index email_ownerid_sortdate_messageid on email (ownerid, sortdate)
where messageid is null;

-- What a user puts below the mail that he writes.
create table emailsignature (
    ownerid blob not null,
    body text not null,
    safehtml text not null,
    modifiedon integer not null,
    primary key (ownerid)
) strict, without rowid;

-- Hooks. What the hook before sending said of a mail, so that it is asked, and a mail changed, once; and what goes out in place of
-- what was written.
create table presend (
    activityid blob not null,
    answer integer not null,
    sentblobid blob,
    answeredon integer not null,
    primary key (activityid)
) strict, without rowid;

-- What goes out as a user's mail is put into the folder of his sent mail, where the administrator says so; the index tells with
-- the mail itself whether it is.
alter table mailbox add column keepssentof blob;
create index mailbox_keepssentof on mailbox (keepssentof)
where keepssentof is not null;

-- What is known to have been refused after the end of its data is in doubt only where an earlier attempt left it so.
alter table outboxmail add column earlierdoton integer;

-- Ways out of queues and users: by which profile goes what is written as one of them. Dataverse has the column with the mailbox of each;
-- here not everybody who writes has a mailbox that is watched.
alter table systemuser add column emailserverprofile blob;
alter table queue add column emailserverprofile blob;

-- What a hook stopped stays stopped, where the mail was set aside for another reason first.
alter table undeliverable add column stopreason text;

-- Content keys have their time before them from now on. Mail dated before the latest date that stands here may have claimed one of the
-- former form, which is asked for as well then. Keys go by what a mail says of itself, however wrong; what came last may be on its way
-- again for a day.
insert into setting (name, value)
select 'formerkeysuntil', cast(max(case when senton > sortdate then senton else sortdate end) + 86400000 as text) from email
having max(sortdate) is not null;

-- A token is known for the mail that it was drawn for, however many write under it since.
create index email_trackingtoken_reason_sortdate on email (trackingtoken, reason, sortdate)
where trackingtoken is not null;

-- What is kept apart is listed by itself, however much else waits, and the other way round.
create index undeliverable_reason_statecode_createdon_undeliverableid on undeliverable (reason, statecode, createdon, undeliverableid);

-- What a hook after delivery was told in vain: what is behind it waits, or it was passed over and is kept for a person.
create table untold (
    follower text not null,
    epoch blob not null,
    eventid integer not null,
    activityid blob not null,
    statecode integer not null,
    tries integer not null,
    refusals integer not null,
    refusedon integer,
    words text not null,
    createdon integer not null,
    modifiedon integer not null,
    primary key (follower, epoch, eventid)
) strict, without rowid;

-- What was a draft before it was sent is one again where it is undone, whatever the clocks of the nodes said.
alter table outboxmail add column wasdraft integer not null default 0;

-- What mail asks of a customer stands beside each of his addresses: of millions, the record itself is seldom in memory. Where
-- there is no name nothing was noted yet, and the record is asked.
alter table recordaddress add column name text;
alter table recordaddress add column parentcustomerid blob;
alter table recordaddress add column statecode integer not null default 0;
alter table recordaddress add column modifiedon integer not null default 0;
alter table recordaddress add column donotemail integer not null default 0;
alter table recordaddress add column donotbulkemail integer not null default 0;

-- Who names a Message-ID that nobody has yet notes it where that would be claimed: a new mail that finds nothing there is named
-- by none, and is not looked for among all that are named. Mail of before has noted nothing.
insert into setting (name, value)
select 'formernames', '1' where exists (select 1 from messagereference);

-- What the claims of an e-mail say of it stands once, with the e-mail: claims are looked for all over the tree of their keys, and
-- more of a thin tree is in memory. Claims of before say it themselves.
alter table email add column textdigest blob;
alter table email add column rawdigest blob;
