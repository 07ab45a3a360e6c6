-- What the third release added to the schema of an organization, and why.

-- Several nodes work on one organization: some work is done by one of them at a time, and taken over when it dies.
create table lease (
    name text not null,
    owner blob not null,
    leaseuntil integer not null,
    number integer not null,
    primary key (name)
) strict, without rowid;
alter table job add column owner blob;

-- Each mail that cannot be read, and each that a person tracks, asks whether the same bytes wait already: by their
-- digest, not through all that wait.
create index undeliverable_blobid_statecode on undeliverable (blobid, statecode);

-- A node that ends gives its jobs back: an import leaves as many jobs as it has new addresses.
create index job_owner on job (owner);
