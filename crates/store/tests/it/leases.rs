//! Leases: one node at a time does a piece of work, and what it writes after it lost it is not kept.

use model::schema::house::Job;
use model::{Id, Timestamp, limits};
use store::{HeldLease, Priority, StoreError};

use crate::house::{House, id};

const START: Timestamp = Timestamp(1_000_000);

#[test]
fn one_node_at_a_time_holds_a_lease() {
    let house = House::new();
    let first = take(&house, "work", (id(1), START)).unwrap();
    assert_eq!(take(&house, "work", (id(2), START)), None);
    assert_eq!(take(&house, "work", (id(1), START)), None, "nor another thread of the same node");
    assert!(take(&house, "other work", (id(2), START)).is_some());
    assert!(renew(&house, &first, START));
    give_back(&house, &first);
    let second = take(&house, "work", (id(2), START)).unwrap();
    assert!(second.number > first.number);
    assert!(!renew(&house, &first, START));
    give_back(&house, &first);
    assert!(renew(&house, &second, START), "a lease is given back by its holder alone");
}

#[test]
fn a_lease_that_ran_out_is_taken_over_and_its_old_holder_writes_nothing() {
    let house = House::new();
    let first = take(&house, "work", (id(1), START)).unwrap();
    assert!(write_under(&house, &first));
    let later = START.plus_seconds(limits::LEASE_SECONDS);
    run_out(&house);
    assert!(write_under(&house, &first), "nobody wanted it");
    let second = take(&house, "work", (id(2), later)).unwrap();
    assert!(!write_under(&house, &first));
    assert!(write_under(&house, &second));
    assert_eq!(
        house.organization.read(|read| read.setting("written by")).unwrap(),
        Some(second.number.to_string())
    );
}

#[test]
fn all_leases_of_a_kind_are_renewed_together_but_those_that_another_node_has() {
    let house = House::new();
    let of = |name: &str, owner| take(&house, name, (id(owner), START)).unwrap();
    let ours = [of("mailbox/a", 1), of("mailbox/b", 1)];
    let (other_kind, theirs) = (of("mailboxes", 1), of("mailbox/c", 2));
    // Nearly run out: what is not renewed is anybody's in a moment.
    assert_eq!(house.organization.tamper("update lease set leaseuntil = 2").unwrap(), 4);
    let renewed =
        house.organization.unit(Priority::Background, |tx| tx.renew_leases("mailbox", id(1), START)).wait();
    let mut renewed: Vec<HeldLease> = renewed.unwrap();
    renewed.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(renewed, ours);
    for lease in &ours {
        assert_eq!(take(&house, &lease.name, (id(2), START)), None);
    }
    for lease in [other_kind, theirs] {
        assert!(take(&house, &lease.name, (id(3), START)).is_some());
    }
}

#[test]
fn leases_are_asked_for_side_by_side() {
    let house = House::new();
    let held: Vec<HeldLease> =
        ["a", "b", "c"].iter().map(|it| take(&house, it, (id(1), START)).unwrap()).collect();
    let (gate, gated) = house.gate();
    let units: Vec<_> = held
        .into_iter()
        .map(|lease| house.organization.unit(Priority::Background, move |tx| tx.is_held(&lease)))
        .collect();
    drop(gate);
    gated.wait().unwrap();
    assert!(units.into_iter().all(|unit| unit.wait().unwrap()));
}

#[test]
fn a_job_is_finished_by_whoever_holds_it() {
    let house = House::new();
    enqueue(&house);
    let first = lease_job(&house, (id(1), START)).unwrap();
    assert_eq!(lease_job(&house, (id(2), START)), None);
    house.organization.tamper("update job set leaseuntil = 1").unwrap();
    let second = lease_job(&house, (id(2), START.plus_seconds(limits::LEASE_SECONDS))).unwrap();
    assert_eq!((first.jobid, second.attempts), (second.jobid, first.attempts + 1));
    assert!(!finish(&house, &first) && !defer(&house, &first), "it is another node's by now");
    assert_eq!(lease_job(&house, (id(3), START)), None);
    assert!(defer(&house, &second));
    let third = lease_job(&house, (id(1), START)).unwrap();
    assert!(!finish(&house, &first), "nor by the same node, later");
    assert!(finish(&house, &third));
    assert_eq!(lease_job(&house, (id(1), START)), None);
}

#[test]
fn a_node_that_ends_gives_everything_back() {
    let house = House::new();
    enqueue(&house);
    let (job, lease) = (lease_job(&house, (id(1), START)), take(&house, "work", (id(1), START)));
    assert!(job.is_some() && lease.is_some());
    let other = take(&house, "other work", (id(2), START)).unwrap();
    house.organization.unit(Priority::Background, |tx| tx.give_all_back(id(1))).wait().unwrap();
    assert!(lease_job(&house, (id(2), START)).is_some() && take(&house, "work", (id(2), START)).is_some());
    assert!(renew(&house, &other, START));
}

fn enqueue(house: &House) {
    let job = Job {
        jobid: id(7),
        kind: "work".to_owned(),
        jobkey: "a".to_owned(),
        dueon: START,
        leaseuntil: None,
        attempts: 0,
        lasterror: None,
        owner: None,
    };
    assert!(house.organization.unit(Priority::Background, move |tx| tx.enqueue(&job)).wait().unwrap());
}

fn lease_job(house: &House, (owner, now): (Id, Timestamp)) -> Option<Job> {
    house.organization.unit(Priority::Background, move |tx| tx.lease_job(owner, now)).wait().unwrap()
}

fn finish(house: &House, job: &Job) -> bool {
    let job = job.clone();
    house.organization.unit(Priority::Background, move |tx| tx.finish_job(&job)).wait().unwrap()
}

fn defer(house: &House, job: &Job) -> bool {
    let job = job.clone();
    house.organization.unit(Priority::Background, move |tx| tx.defer_job(&job, START, "why")).wait().unwrap()
}

fn take(house: &House, name: &str, (owner, now): (Id, Timestamp)) -> Option<HeldLease> {
    let name = name.to_owned();
    house.organization.unit(Priority::Background, move |tx| tx.take_lease(&name, owner, now)).wait().unwrap()
}

fn renew(house: &House, lease: &HeldLease, now: Timestamp) -> bool {
    let lease = lease.clone();
    house.organization.unit(Priority::Background, move |tx| tx.renew_lease(&lease, now)).wait().unwrap()
}

fn give_back(house: &House, lease: &HeldLease) {
    let lease = lease.clone();
    house.organization.unit(Priority::Background, move |tx| tx.give_lease_back(&lease)).wait().unwrap();
}

/// Says whether it was written.
fn write_under(house: &House, lease: &HeldLease) -> bool {
    let lease = lease.clone();
    let unit = house.organization.unit(Priority::Background, move |tx| {
        if !tx.is_held(&lease)? {
            return Ok::<bool, StoreError>(false);
        }
        tx.set_setting("written by", &lease.number.to_string())?;
        Ok(true)
    });
    unit.wait().unwrap()
}

/// Where a server tells the time, as if the lease's had passed.
fn run_out(house: &House) {
    house.organization.tamper("update lease set leaseuntil = 1").unwrap();
}
