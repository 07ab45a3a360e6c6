//! Keys that outgoing mail is signed with.

use model::schema::signing::DomainKey;

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// All of them.
    pub fn domain_keys(&self) -> Result<Vec<DomainKey>, StoreError> {
        self.nouns("order by domain, selector", &[])
    }

    /// Those of a domain.
    pub fn domain_keys_of(&self, domain: &str) -> Result<Vec<DomainKey>, StoreError> {
        self.nouns("where domain = ?1 order by selector", &[domain.into()])
    }
}

impl Tx<'_> {
    /// Adds one. `Conflict` where the domain has one under this selector.
    pub fn add_domain_key(&mut self, key: &DomainKey) -> Result<(), StoreError> {
        self.insert(key)
    }

    /// Forgets one; `false` where there is none.
    pub fn remove_domain_key(&mut self, (domain, selector): (&str, &str)) -> Result<bool, StoreError> {
        let sql = "delete from domainkey where domain = ?1 and selector = ?2";
        Ok(self.execute(sql, &[domain.into(), selector.into()])? == 1)
    }
}
