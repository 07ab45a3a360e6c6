//! Who claims to be which mail, and who names which.

use model::limits;
use model::schema::emails::{Identity, MessageReference};

use crate::StoreError;
use crate::rows::{Param, Read, Tx};

impl Read<'_> {
    /// The e-mails that claim a key, the latest first, at most [`limits::CLAIMS_MAX`].
    pub fn identities(&self, keyhash: &[u8; 16]) -> Result<Vec<Identity>, StoreError> {
        let tail = "where keyhash = ?1 order by variant desc limit ?2";
        self.nouns(tail, &[keyhash.into(), limits::CLAIMS_MAX.into()])
    }

    /// The e-mails that name a Message-ID, by its hash.
    pub fn references_to(
        &self,
        keyhash: &[u8; 16],
        limit: usize,
    ) -> Result<Vec<MessageReference>, StoreError> {
        self.nouns("where keyhash = ?1 order by activityid limit ?2", &[keyhash.into(), limit.into()])
    }
}

/// Whole tables at once, for measurements: no door asks for them.
impl Read<'_> {
    /// The keys that e-mails claim.
    pub fn every_identity(&self) -> Result<Vec<Identity>, StoreError> {
        self.nouns("order by keyhash, variant", &[])
    }

    /// The Message-IDs that e-mails name.
    pub fn every_reference(&self) -> Result<Vec<MessageReference>, StoreError> {
        self.nouns("order by keyhash, activityid", &[])
    }
}

impl Tx<'_> {
    /// Claims a key for an e-mail, as the next variant beside whoever claimed it before as another mail, whatever
    /// variant it has here.
    ///
    /// `Conflict` where the variant is taken meanwhile: the unit has to look again.
    pub fn claim(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.insert_next(
            identity,
            "variant",
            "coalesce(max(variant) + 1, 0) from identity where keyhash = ?1",
        )
    }

    /// Says anew what an e-mail claims to be under a key; nothing where it does not claim that key.
    pub fn renew_claim(&mut self, identity: &Identity) -> Result<(), StoreError> {
        let sql = "update identity set sender = ?3, senton = ?4, hasmessageid = ?5, textdigest = ?6, rawdigest = ?7 \
                   where keyhash = ?1 and activityid = ?2";
        let params: [Param<'_>; 7] = [
            (&identity.keyhash).into(),
            identity.activityid.into(),
            identity.sender.as_ref().into(),
            identity.senton.into(),
            identity.hasmessageid.into(),
            (&identity.textdigest).into(),
            (&identity.rawdigest).into(),
        ];
        self.execute(sql, &params).map(drop)
    }

    /// Notes that an e-mail names a Message-ID.
    pub fn refer(&mut self, reference: &MessageReference) -> Result<(), StoreError> {
        self.insert_if_absent(reference).map(drop)
    }
}
