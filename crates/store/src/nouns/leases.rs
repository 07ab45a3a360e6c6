//! Leases: work that one node at a time does for an organization.
//!
//! What passes through: the name of the work and the node that wants it. Time is the server's where there is one, so
//! the clocks of nodes may differ. Whoever dies keeps a lease no longer than `limits::LEASE_SECONDS`.
//!
//! *Invariant:* the number of a lease grows whenever it is taken. A unit that writes under a lease asks
//! [`Read::is_held`] first: while it is answered yes, nobody takes the lease before that unit has ended.

use model::{Id, Timestamp, limits};

use crate::StoreError;
use crate::rows::{Read, Tx};

/// A lease as it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeldLease {
    /// The work.
    pub name: String,
    /// Who does it.
    pub owner: Id,
    /// Larger than those of all who held it before.
    pub number: i64,
}

impl Read<'_> {
    /// Whether nobody has taken this lease since, and, within a unit of work, nobody will before that has ended. It may
    /// have run out: that nobody wanted it does no harm.
    pub fn is_held(&self, lease: &HeldLease) -> Result<bool, StoreError> {
        let sql = "select number from lease where name = ?1 and owner = ?2 and number = ?3 /*pg for share*/";
        let params = [(&lease.name).into(), lease.owner.into(), lease.number.into()];
        Ok(self.one(sql, &params, |_| Ok(()))?.is_some())
    }

    /// Whether anybody holds a lease whose name begins with `kind` and a slash. `now` as in [`Tx::take_lease`].
    pub fn is_any_held(&self, kind: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "select 1 from lease where name > ?1 and name < ?2 and leaseuntil > leaseclock(?3) limit 1";
        // The sign that follows the slash: what stands between begins with both.
        let (from, to) = (format!("{kind}/"), format!("{kind}0"));
        Ok(self.one(sql, &[(&from).into(), (&to).into(), now.into()], |_| Ok(()))?.is_some())
    }
}

impl Tx<'_> {
    /// Takes a lease for `limits::LEASE_SECONDS`; `None` while somebody holds it, be it the same node. Ask within a
    /// unit that does nothing else. `now` is the clock of the house, which counts where there is no server.
    pub fn take_lease(
        &mut self,
        name: &str,
        owner: Id,
        now: Timestamp,
    ) -> Result<Option<HeldLease>, StoreError> {
        let sql =
            "insert into lease (name, owner, leaseuntil, number) values (?1, ?2, leaseclock(?3) + ?4, 1)
            on conflict (name) do update
            set owner = excluded.owner, leaseuntil = excluded.leaseuntil, number = lease.number + 1
            where lease.leaseuntil <= leaseclock(?3)
            returning number";
        let params = [name.into(), owner.into(), now.into(), LEASE_MILLISECONDS.into()];
        let number = self.change(sql, &params, |row| row.take())?;
        Ok(number.map(|number| HeldLease { name: name.to_owned(), owner, number }))
    }

    /// Holds it for another `limits::LEASE_SECONDS`, counted from now. Says whether it was still held; if not, the work
    /// is another node's by now.
    pub fn renew_lease(&mut self, lease: &HeldLease, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "update lease set leaseuntil = leaseclock(?4) + ?5 where name = ?1 and owner = ?2 and number = ?3";
        let HeldLease { name, owner, number } = lease;
        let params = [name.into(), (*owner).into(), (*number).into(), now.into(), LEASE_MILLISECONDS.into()];
        Ok(self.execute(sql, &params)? == 1)
    }

    /// Holds all leases of a node whose names begin with `kind` and a slash for another `limits::LEASE_SECONDS`, counted
    /// from now, in one statement however many there are. Answers those that are held: the others are another node's.
    pub fn renew_leases(
        &mut self,
        kind: &str,
        owner: Id,
        now: Timestamp,
    ) -> Result<Vec<HeldLease>, StoreError> {
        let kind = format!("{kind}/");
        let sql = "update lease set leaseuntil = leaseclock(?4) + ?5
            where owner = ?1 and leaseuntil > 0 and substr(name, 1, ?2) = ?3";
        let length = kind.len();
        let params = [owner.into(), length.into(), (&kind).into(), now.into(), LEASE_MILLISECONDS.into()];
        self.execute(sql, &params)?;
        let sql = "select name, number from lease
            where owner = ?1 and leaseuntil > 0 and substr(name, 1, ?2) = ?3";
        self.rows(sql, &[owner.into(), length.into(), (&kind).into()], |row| {
            Ok(HeldLease { name: row.take()?, owner, number: row.take()? })
        })
    }

    /// Gives it back, so that whoever wants it need not wait. Nothing where it is another node's by now.
    pub fn give_lease_back(&mut self, lease: &HeldLease) -> Result<(), StoreError> {
        let sql = "update lease set leaseuntil = 0 where name = ?1 and owner = ?2 and number = ?3";
        self.execute(sql, &[(&lease.name).into(), lease.owner.into(), lease.number.into()]).map(drop)
    }
}

const LEASE_MILLISECONDS: i64 = limits::LEASE_SECONDS * 1_000;
