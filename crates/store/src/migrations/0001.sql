create table systemuser (
    systemuserid blob not null,
    fullname text not null,
    internalemailaddress text not null,
    incomingemailfilteringmethod integer not null,
    isdisabled integer not null,
    isadministrator integer not null,
    passwordhash text,
    sinkkey text not null,
    createdon integer not null,
    primary key (systemuserid)
) strict;
create unique index systemuser_sinkkey on systemuser (sinkkey);

create table queue (
    queueid blob not null,
    name text not null,
    emailaddress text not null,
    incomingemailfilteringmethod integer not null,
    createdon integer not null,
    primary key (queueid)
) strict;

create table sink (
    sinkid blob not null,
    address text not null,
    networks text not null,
    refusing text not null,
    createdon integer not null,
    primary key (sinkid)
) strict;
create unique index sink_address on sink (address);

create table neverlog (
    neverlogid blob not null,
    pattern text not null,
    systemuserid blob,
    createdon integer not null,
    primary key (neverlogid)
) strict;
create index neverlog_pattern on neverlog (pattern);

create table session (
    tokenhash blob not null,
    systemuserid blob not null,
    createdon integer not null,
    expireson integer not null,
    primary key (tokenhash)
) strict, without rowid;
create index session_expireson on session (expireson);

create table account (
    accountid blob not null,
    name text not null,
    emailaddress1 text,
    emailaddress2 text,
    emailaddress3 text,
    telephone1 text,
    websiteurl text,
    address1_city text,
    statecode integer not null,
    createdon integer not null,
    modifiedon integer not null,
    primary key (accountid)
) strict;
create index account_name on account (name);

create table contact (
    contactid blob not null,
    firstname text,
    lastname text,
    fullname text not null,
    emailaddress1 text,
    emailaddress2 text,
    emailaddress3 text,
    parentcustomerid blob,
    jobtitle text,
    telephone1 text,
    statecode integer not null,
    createdon integer not null,
    modifiedon integer not null,
    primary key (contactid)
) strict;
create index contact_fullname on contact (fullname);
create index contact_parentcustomerid_fullname on contact (parentcustomerid, fullname)
where parentcustomerid is not null;

create table lead (
    leadid blob not null,
    subject text,
    firstname text,
    lastname text,
    fullname text not null,
    companyname text,
    emailaddress1 text,
    emailaddress2 text,
    emailaddress3 text,
    statecode integer not null,
    createdon integer not null,
    modifiedon integer not null,
    primary key (leadid)
) strict;
create index lead_fullname on lead (fullname);

create table recordaddress (
    address text not null,
    objecttypecode integer not null,
    objectid blob not null,
    primary key (address, objecttypecode, objectid)
) strict, without rowid;
create index recordaddress_objectid on recordaddress (objectid);

create table email (
    activityid blob not null,
    subject text not null,
    directioncode integer not null,
    statecode integer not null,
    statuscode integer not null,
    messageid text,
    inreplyto text,
    conversationtrackingid blob not null,
    parentactivityid blob,
    correlatedactivityid blob,
    correlationmethod integer not null,
    regardingobjectid blob,
    regardingobjecttypecode integer,
    ownerid blob,
    sender text,
    torecipients text not null,
    senton integer,
    receivedon integer not null,
    createdon integer not null,
    sortdate integer not null,
    trackingtoken text,
    conversationindex text,
    canonicalsubject text not null,
    acceptingentityid blob,
    acceptingentitytypecode integer,
    receivinguserid blob,
    prioritycode integer not null,
    attachmentcount integer not null,
    preview text not null,
    unwrapmethod text not null,
    marks integer not null,
    blobid blob not null,
    size integer not null,
    reason integer not null,
    decision text not null,
    primary key (activityid)
) strict;
create index email_sortdate on email (sortdate);
create index email_conversationtrackingid_sortdate on email (conversationtrackingid, sortdate);
create index email_trackingtoken_sortdate on email (trackingtoken, sortdate)
where trackingtoken is not null;
create index email_conversationindex on email (conversationindex)
where conversationindex is not null;
create index email_regardingobjectid_sortdate on email (regardingobjectid, sortdate)
where regardingobjectid is not null;

create table activityparty (
    activitypartyid blob not null,
    activityid blob not null,
    participationtypemask integer not null,
    partyid blob,
    partyobjecttypecode integer,
    addressused text,
    partyidname text,
    sortdate integer not null,
    isambiguous integer,
    primary key (activityid, activitypartyid)
) strict, without rowid;
create index activityparty_partyid_sortdate on activityparty (partyid, sortdate)
where partyid is not null;
create index activityparty_addressused_sortdate on activityparty (addressused, sortdate)
where addressused is not null;
create index activityparty_isambiguous_sortdate on activityparty (isambiguous, sortdate)
where isambiguous is not null;

create table partycandidate (
    activitypartyid blob not null,
    rank integer not null,
    objectid blob not null,
    objecttypecode integer not null,
    why text not null,
    primary key (activitypartyid, rank)
) strict, without rowid;

create table activitymimeattachment (
    activitymimeattachmentid blob not null,
    activityid blob not null,
    attachmentnumber integer not null,
    filename text not null,
    mimetype text not null,
    filesize integer not null,
    attachmentcontentid text,
    isinline integer not null,
    bodyoffset integer not null,
    bodylength integer not null,
    encoding text not null,
    primary key (activitymimeattachmentid)
) strict;
create index activitymimeattachment_activityid_attachmentnumber on activitymimeattachment (activityid, attachmentnumber);

create table queueitem (
    queueitemid blob not null,
    queueid blob not null,
    objectid blob not null,
    enteredon integer not null,
    primary key (queueitemid)
) strict;
create unique index queueitem_queueid_objectid on queueitem (queueid, objectid);

create table identity (
    keyhash blob not null,
    variant integer not null,
    activityid blob not null,
    sender text,
    senton integer,
    hasmessageid integer not null,
    textdigest blob not null,
    rawdigest blob not null,
    primary key (keyhash, variant)
) strict, without rowid;

create table messagereference (
    keyhash blob not null,
    activityid blob not null,
    isinreplyto integer not null,
    primary key (keyhash, activityid)
) strict, without rowid;

create table emailversion (
    activityid blob not null,
    blobid blob not null,
    copyid blob not null,
    createdon integer not null,
    primary key (activityid, blobid)
) strict, without rowid;

create table emailcopy (
    activityid blob not null,
    copyid blob not null,
    receivinguserid blob,
    recipient text not null,
    primary key (activityid, copyid, recipient)
) strict, without rowid;

create table copy (
    copyid blob not null,
    source text not null,
    day integer not null,
    arrivedon integer not null,
    mailfrom text,
    recipients text not null,
    peer text,
    size integer not null,
    originals integer not null,
    copynumber integer not null,
    trace text,
    outerblobid blob,
    primary key (copyid)
) strict, without rowid;
create index copy_day_source on copy (day, source);
create unique index copy_copynumber on copy (copynumber);

create table outcome (
    copyid blob not null,
    originalnumber integer not null,
    outcome integer not null,
    reason integer not null,
    iscopyoutcome integer not null,
    source text not null,
    day integer not null,
    activityid blob,
    messageid text,
    createdon integer not null,
    primary key (copyid, originalnumber)
) strict, without rowid;
create index outcome_day_iscopyoutcome_outcome on outcome (day, iscopyoutcome, outcome);
create index outcome_activityid on outcome (activityid)
where activityid is not null;

create table undeliverable (
    undeliverableid blob not null,
    copyid blob not null,
    originalnumber integer not null,
    reason integer not null,
    detail text not null,
    subject text not null,
    sender text,
    blobid blob not null,
    size integer not null,
    statecode integer not null,
    createdon integer not null,
    primary key (undeliverableid)
) strict;
create index undeliverable_statecode_createdon on undeliverable (statecode, createdon);

create table blob (
    blobid blob not null,
    size integer not null,
    place integer not null,
    bytes blob,
    statecode integer not null,
    condemnedon integer,
    primary key (blobid)
) strict;
create index blob_condemnedon on blob (condemnedon)
where condemnedon is not null;

create table event (
    eventid integer not null primary key autoincrement,
    createdon integer not null,
    systemuserid blob,
    objectid blob not null,
    objecttypecode integer not null,
    operation text not null,
    detail text
) strict;
create index event_objectid_eventid on event (objectid, eventid);

create table job (
    jobid blob not null,
    kind text not null,
    jobkey text not null,
    dueon integer not null,
    leaseuntil integer,
    attempts integer not null,
    lasterror text,
    primary key (jobid)
) strict;
create unique index job_kind_jobkey on job (kind, jobkey);
create index job_dueon on job (dueon);

create table setting (
    name text not null,
    value text not null,
    primary key (name)
) strict, without rowid;
