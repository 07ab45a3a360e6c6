//! Suppressed addresses, and what came back of mail that was sent.

use model::Timestamp;
use model::schema::outbox::OutboxRecipient;
use model::schema::suppression::Suppression;

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// Why nothing is sent to an address; `None` where something is.
    pub fn suppression_of(&self, address: &str) -> Result<Option<Suppression>, StoreError> {
        self.noun("where address = ?1 and releasedon is null order by createdon limit 1", &[address.into()])
    }

    /// What was suppressed last, the newest first.
    pub fn suppressions(&self, limit: usize) -> Result<Vec<Suppression>, StoreError> {
        self.nouns("order by createdon desc limit ?1", &[limit.into()])
    }

    /// When mail was let go to an address again the last time.
    pub fn suppression_released(&self, address: &str) -> Result<Option<Timestamp>, StoreError> {
        let sql = "select max(releasedon) from suppression where address = ?1";
        Ok(self.one(sql, &[address.into()], |row| row.take::<Option<Timestamp>>())?.flatten())
    }

    /// How many mails to an address came back so, after then.
    pub fn bounces_of(&self, address: &str, kind: i32, since: Timestamp) -> Result<i64, StoreError> {
        let sql = "select count(*) from outboxrecipient where bouncedaddress = ?1 and bouncekind = ?2 and bouncedon > ?3";
        Ok(self.one(sql, &[address.into(), kind.into(), since.into()], |row| row.take())?.unwrap_or(0))
    }
}

impl Tx<'_> {
    /// Suppresses an address.
    pub fn suppress(&mut self, suppression: &Suppression) -> Result<(), StoreError> {
        self.insert(suppression)
    }

    /// Lets mail go to an address again. Says whether it was suppressed.
    pub fn release_suppression(
        &mut self,
        address: &str,
        (now, by): (Timestamp, &str),
    ) -> Result<bool, StoreError> {
        let sql = "update suppression set releasedon = ?2, releasedby = ?3 where address = ?1 and releasedon is null";
        Ok(self.execute(sql, &[address.into(), now.into(), by.into()])? > 0)
    }

    /// Writes down what came back of the mail for a recipient.
    pub fn note_bounce(&mut self, recipient: &OutboxRecipient) -> Result<(), StoreError> {
        let sql = "update outboxrecipient set bouncekind = ?3, isbounceproven = ?4, bouncewords = ?5, bouncedon = ?6, \
                   bouncedaddress = ?7, bounceid = ?8 where activityid = ?1 and recipientnumber = ?2";
        let params = [
            recipient.activityid.into(),
            recipient.recipientnumber.into(),
            recipient.bouncekind.into(),
            recipient.isbounceproven.into(),
            recipient.bouncewords.as_ref().into(),
            recipient.bouncedon.into(),
            recipient.bouncedaddress.as_ref().into(),
            recipient.bounceid.into(),
        ];
        self.execute(sql, &params).map(drop)
    }
}
