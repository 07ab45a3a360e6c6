//! Questions about many mails or addresses at once, for whoever takes mail out of the outbox: each is asked in handfuls, found
//! by an index, and answers nothing about most of what it is asked for.

use model::schema::outbox::OutboxRecipient;
use model::schema::suppression::Suppression;
use model::{Id, Timestamp, limits};

use super::outbox::LEASE_MILLISECONDS;
use crate::StoreError;
use crate::rows::{Param, Read, Tx};

/// What a customer wants none of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOut {
    /// An address of the customer, as it is compared.
    pub address: String,
    /// The customer.
    pub id: Id,
    /// The customer's name.
    pub name: String,
    /// No mail at all (`donotemail`).
    pub wants_no_mail: bool,
    /// No mail that goes to many (`donotbulkemail`).
    pub wants_no_bulk_mail: bool,
}

/// Values of a handful; of fewer, the others are nothing, which no row is like.
const HANDFUL: usize = limits::OUTBOX_CLAIM_MAX;

/// So many are asked about one by one, which costs less: it is asked of each mail just before its end, mostly of one recipient.
const FEW: usize = 4;

/// The places of a handful.
macro_rules! handful {
    () => {
        "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
         ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, \
         ?44, ?45, ?46, ?47, ?48, ?49, ?50, ?51, ?52, ?53, ?54, ?55, ?56, ?57, ?58, ?59, ?60, ?61, ?62, ?63, ?64)"
    };
}

/// What customers of one kind want none of; `$kind` is their number among record types.
macro_rules! opt_outs {
    ($table:literal, $id:literal, $name:literal, $kind:literal) => {
        concat!(
            "select a.address, a.objectid, c.",
            $name,
            ", c.donotemail, c.donotbulkemail from recordaddress a join ",
            $table,
            " c on c.",
            $id,
            " = a.objectid where a.objecttypecode = ",
            $kind,
            " and (c.donotemail = 1 or c.donotbulkemail = 1) and a.address in ",
            handful!()
        )
    };
}

impl Read<'_> {
    /// The recipients of some mails, those of one in their order.
    pub fn outbox_recipients_of(&self, emails: &[Id]) -> Result<Vec<OutboxRecipient>, StoreError> {
        let tail = concat!("where activityid in ", handful!(), " order by activityid, recipientnumber");
        in_handfuls(emails, |params| self.nouns(tail, params))
    }

    /// Why nothing is sent to some of these addresses (as they are compared).
    pub fn suppressions_of(&self, addresses: &[String]) -> Result<Vec<Suppression>, StoreError> {
        if addresses.len() <= FEW {
            let tail = "where releasedon is null and address = ?1 order by createdon";
            let of_each = addresses.iter().map(|address| self.nouns(tail, &[address.into()]));
            return Ok(of_each.collect::<Result<Vec<_>, StoreError>>()?.concat());
        }
        let tail = concat!("where releasedon is null and address in ", handful!(), " order by createdon");
        in_handfuls(addresses, |params| self.nouns(tail, params))
    }

    /// Who of those that have some of these addresses (as they are compared) wants no mail, or none that goes to many.
    pub fn opt_outs_of(&self, addresses: &[String]) -> Result<Vec<OptOut>, StoreError> {
        let sql = concat!(
            opt_outs!("account", "accountid", "name", "1"),
            " union all ",
            opt_outs!("contact", "contactid", "fullname", "2"),
            " union all ",
            opt_outs!("lead", "leadid", "fullname", "4")
        );
        in_handfuls(addresses, |params| {
            self.rows(sql, params, |row| {
                Ok(OptOut {
                    address: row.take()?,
                    id: row.take()?,
                    name: row.take()?,
                    wants_no_mail: row.take()?,
                    wants_no_bulk_mail: row.take()?,
                })
            })
        })
    }
}

impl Tx<'_> {
    /// Lets a node have mails for `limits::OUTBOX_LEASE_SECONDS`, each under its next attempt; nobody else has them.
    pub(super) fn hold_outbox_of(
        &mut self,
        emails: &[Id],
        (owner, now, returndomain): (Id, Timestamp, Option<&str>),
    ) -> Result<(), StoreError> {
        let sql = concat!(
            "update outboxmail set dueon = leaseclock(?66) + ?67, owner = ?65, attempts = attempts + 1, \
             returndomain = ?68 where activityid in ",
            handful!()
        );
        self.change_in_handfuls(
            sql,
            emails,
            [owner.into(), now.into(), LEASE_MILLISECONDS.into(), returndomain.into()],
        )
    }

    /// Has mails go by another way: what was tried and put off at once, what is to go later then.
    pub(super) fn move_outbox_of(
        &mut self,
        emails: &[Id],
        to: Id,
        (now, expireson): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let sql = concat!(
            "update outboxmail set emailserverprofileid = ?65, lasterror = null, \
             dueon = case when tries > 0 and dueon > ?66 then ?66 else dueon end, \
             expireson = case when expireson < ?67 then ?67 else expireson end where activityid in ",
            handful!()
        );
        self.change_in_handfuls(sql, emails, [to.into(), now.into(), expireson.into()])
    }

    /// Changes mails, a handful at a time; `more` are the values behind theirs.
    fn change_in_handfuls<const MORE: usize>(
        &mut self,
        sql: &'static str,
        emails: &[Id],
        more: [Param<'_>; MORE],
    ) -> Result<(), StoreError> {
        for some in emails.chunks(HANDFUL) {
            let mut params: Vec<Param<'_>> = some.iter().map(Param::from).collect();
            params.resize(HANDFUL, Param::Null);
            params.extend(more);
            self.change_unasked(sql, &params)?;
        }
        Ok(())
    }
}

/// Asks for a handful at a time.
fn in_handfuls<'v, V, T>(
    values: &'v [V],
    mut ask: impl FnMut(&[Param<'v>]) -> Result<Vec<T>, StoreError>,
) -> Result<Vec<T>, StoreError>
where
    &'v V: Into<Param<'v>>,
{
    let mut found = Vec::new();
    for some in values.chunks(HANDFUL) {
        let mut params = [Param::Null; HANDFUL];
        params.iter_mut().zip(some).for_each(|(param, value)| *param = value.into());
        found.append(&mut ask(&params)?);
    }
    Ok(found)
}
