//! Who claims to be which mail, and who names which.

use model::schema::emails::{Identity, MessageReference};
use model::{EmailAddress, Id, limits};

use crate::StoreError;
use crate::rows::{Param, Read, Tx};

impl Read<'_> {
    /// What the e-mails that claim a key say of themselves, the latest first, at most [`limits::CLAIMS_MAX`].
    pub fn identities(&self, keyhash: &[u8; 16]) -> Result<Vec<Identity>, StoreError> {
        self.claims(keyhash).map(|claims| claims.by)
    }

    /// The same, and whether mail named the key before anybody claimed it.
    pub fn claims(&self, keyhash: &[u8; 16]) -> Result<Claims<Identity>, StoreError> {
        let Claims { by, is_named } = self.bare_claims(keyhash)?;
        let by = by.into_iter().map(|claim| self.with_what_it_says(claim)).collect::<Result<_, _>>()?;
        Ok(Claims { by, is_named })
    }

    /// Which e-mails claim a key, the latest first, and whether mail named it before: what they say of themselves is not
    /// looked for.
    pub fn claimants(&self, keyhash: &[u8; 16]) -> Result<Claims<Id>, StoreError> {
        let Claims { by, is_named } = self.bare_claims(keyhash)?;
        Ok(Claims { by: by.into_iter().map(|claim| claim.activityid).collect(), is_named })
    }

    fn bare_claims(&self, keyhash: &[u8; 16]) -> Result<Claims<Identity>, StoreError> {
        self.hold(keyhash)?;
        let tail = "where keyhash = ?1 order by variant desc limit ?2";
        let rows: Vec<Identity> = self.nouns(tail, &[keyhash.into(), limits::CLAIMS_MAX.into()])?;
        let count = rows.len();
        let by: Vec<Identity> = rows.into_iter().filter(|row| row.variant != NAMED).collect();
        Ok(Claims { is_named: by.len() < count, by })
    }

    /// A claim with what the e-mail says, where that does not stand with the claim.
    fn with_what_it_says(&self, claim: Identity) -> Result<Identity, StoreError> {
        if !claim.textdigest.is_empty() {
            return Ok(claim);
        }
        let sql = "select sender, senton, textdigest, rawdigest from email where activityid = ?1";
        let said = self.one(sql, &[claim.activityid.into()], |row| {
            let sender: Option<String> = row.take()?;
            let sender = sender.as_deref().and_then(EmailAddress::parse).map(|address| address.key());
            Ok((sender, row.take()?, row.take::<Option<Vec<u8>>>()?, row.take::<Option<Vec<u8>>>()?))
        })?;
        let Some((sender, senton, text, raw)) = said else { return Ok(claim) };
        let (textdigest, rawdigest) = (text.unwrap_or_default(), raw.unwrap_or_default());
        Ok(Identity { sender, senton, textdigest, rawdigest, ..claim })
    }

    /// The e-mails that name a Message-ID, by its hash, the oldest first.
    pub fn references_to(&self, keyhash: &[u8; 16], limit: usize) -> Result<Vec<Naming>, StoreError> {
        self.hold(keyhash)?;
        let sql =
            "select r.activityid, r.isinreplyto, r.position, e.conversationtrackingid, e.canonicalsubject
            from messagereference r join email e on e.activityid = r.activityid
            where r.keyhash = ?1 order by r.activityid limit ?2";
        self.rows(sql, &[keyhash.into(), limit.into()], |row| {
            Ok(Naming {
                email: row.take()?,
                is_in_reply_to: row.take()?,
                position: row.take()?,
                conversation: row.take()?,
                canonical_subject: row.take()?,
            })
        })
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

/// An e-mail that names a Message-ID, with as much of it as shows whether the rest matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The e-mail.
    pub email: Id,
    /// It names it in `In-Reply-To`.
    pub is_in_reply_to: bool,
    /// At which place of all that it names; 0 is the nearest.
    pub position: i32,
    /// The conversation it stands in.
    pub conversation: Id,
    /// Its canonical subject.
    pub canonical_subject: String,
}

/// Who claims a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims<By> {
    /// The e-mails that do, the latest first.
    pub by: Vec<By>,
    /// Mail names the key, and did before anybody claimed it.
    pub is_named: bool,
}

impl<By> Claims<By> {
    /// Whether any mail may name the key: whoever does notes it here ([`Tx::note_name`]) unless it is known already.
    pub fn is_any(&self) -> bool {
        self.is_named || !self.by.is_empty()
    }
}

/// The variant of a row that nobody claims: the key is named.
const NAMED: i32 = -1;

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

    /// The same for an e-mail whose own row says the rest: its sender, its date and its digests. That row is written in the
    /// same unit of work, and none of these is changed while the claim stands but by [`Tx::renew_claim`].
    pub fn claim_bare(
        &mut self,
        keyhash: &[u8; 16],
        email: Id,
        has_message_id: bool,
    ) -> Result<(), StoreError> {
        self.claim(&bare(keyhash, (0, email), has_message_id))
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

    /// Takes back the claim of an e-mail on a key; says whether it claimed that. Where the key is a Message-ID's whoever takes
    /// it back notes that mail may name it ([`Tx::note_name`]).
    pub fn drop_claim(&mut self, keyhash: &[u8; 16], email: Id) -> Result<bool, StoreError> {
        let sql = "delete from identity where keyhash = ?1 and activityid = ?2";
        Ok(self.execute(sql, &[keyhash.into(), email.into()])? > 0)
    }

    /// Notes that mail names a key that nobody has claimed, so that whoever claims it looks for that mail.
    pub fn note_name(&mut self, keyhash: &[u8; 16]) -> Result<(), StoreError> {
        self.insert_unless_there(&bare(keyhash, (NAMED, Id::default()), false))
    }

    /// Notes that an e-mail names a Message-ID.
    pub fn refer(&mut self, reference: &MessageReference) -> Result<(), StoreError> {
        self.insert_unless_there(reference)
    }
}

/// A row that says of a mail only whether it has a Message-ID.
fn bare(keyhash: &[u8; 16], (variant, activityid): (i32, Id), hasmessageid: bool) -> Identity {
    Identity {
        keyhash: keyhash.to_vec(),
        variant,
        activityid,
        sender: None,
        senton: None,
        hasmessageid,
        textdigest: Vec::new(),
        rawdigest: Vec::new(),
    }
}
