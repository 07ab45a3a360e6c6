//! The sums of the books: seen by the ledger beside what became of it.

use crate::StoreError;
use crate::rows::Read;

/// Seen and ended at one source on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLine {
    /// The source.
    pub source: String,
    /// Copies in the door's ledger.
    pub seen: i64,
    /// Of those, copies without an outcome.
    pub without_outcome: i64,
    /// Copies that the ledger of a mailbox has seen, and that lie there untouched until they have an outcome. They are
    /// not among those above.
    pub waiting: i64,
}

/// Copies of one outcome at one source on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The source.
    pub source: String,
    /// The outcome's number.
    pub outcome: i32,
    /// Copies.
    pub copies: i64,
}

/// Originals of one outcome and reason on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    /// The outcome's number.
    pub outcome: i32,
    /// The reason's number.
    pub reason: i32,
    /// Originals.
    pub originals: i64,
}

impl Read<'_> {
    /// Per source: what the ledger saw on a day, and how much of it has no outcome. A mailbox may have two lines.
    pub fn seen_on(&self, day: i64) -> Result<Vec<DayLine>, StoreError> {
        let sql = "select c.source, count(*), \
                   sum(case when exists (select 1 from outcome o where o.copyid = c.copyid and o.iscopyoutcome = 1) \
                   then 0 else 1 end) \
                   from copy c where c.day = ?1 and c.source not like 'mailbox:%' \
                   group by c.source order by c.source";
        let mut lines = self.rows(sql, &[day.into()], |row| {
            Ok(DayLine { source: row.take()?, seen: row.take()?, without_outcome: row.take()?, waiting: 0 })
        })?;
        lines.extend(self.seen_in_mailboxes_on(day)?);
        lines.extend(self.taken_out_of_ledgers_on(day)?);
        Ok(lines)
    }

    /// What the ledgers of mailboxes saw and do not hold any more: see [`crate::Tx::fold_message`].
    fn taken_out_of_ledgers_on(&self, day: i64) -> Result<Vec<DayLine>, StoreError> {
        let sql = "select 'mailbox:' || b.name, d.seen from mailboxday d \
                   join mailbox b on b.mailboxid = d.mailboxid where d.day = ?1 order by b.name";
        self.rows(sql, &[day.into()], |row| {
            Ok(DayLine { source: row.take()?, seen: row.take()?, without_outcome: 0, waiting: 0 })
        })
    }

    /// The same for mailboxes, whose ledgers are their own: what was seen there was not taken in by that.
    fn seen_in_mailboxes_on(&self, day: i64) -> Result<Vec<DayLine>, StoreError> {
        let sql = "select 'mailbox:' || b.name, count(*), \
                   sum(case when s.ended = 0 and s.isopen = 0 then 1 else 0 end), \
                   sum(case when s.ended = 0 and s.isopen = 1 then 1 else 0 end) \
                   from (select m.mailboxfolderid, \
                   case when m.settledon is null and m.goneon is null then 1 else 0 end as isopen, \
                   case when exists (select 1 from outcome o where o.copyid = m.copyid and o.iscopyoutcome = 1) \
                   then 1 else 0 end as ended \
                   from mailboxmessage m where m.day = ?1) s \
                   join mailboxfolder f on f.mailboxfolderid = s.mailboxfolderid \
                   join mailbox b on b.mailboxid = f.mailboxid \
                   group by b.name order by b.name";
        self.rows(sql, &[day.into()], |row| {
            Ok(DayLine {
                source: row.take()?,
                seen: row.take()?,
                without_outcome: row.take()?,
                waiting: row.take()?,
            })
        })
    }

    /// Per source and outcome: copies that ended on a day.
    pub fn ended_on(&self, day: i64) -> Result<Vec<OutcomeCount>, StoreError> {
        let sql = "select source, outcome, count(*) from outcome where day = ?1 and iscopyoutcome = 1 \
                   group by source, outcome order by source, outcome";
        self.rows(sql, &[day.into()], |row| {
            Ok(OutcomeCount { source: row.take()?, outcome: row.take()?, copies: row.take()? })
        })
    }

    /// Originals by outcome and reason on a day.
    pub fn reasons_on(&self, day: i64) -> Result<Vec<ReasonCount>, StoreError> {
        let sql = "select outcome, reason, count(*) from outcome where day = ?1 \
                   group by outcome, reason order by outcome desc, count(*) desc";
        self.rows(sql, &[day.into()], |row| {
            Ok(ReasonCount { outcome: row.take()?, reason: row.take()?, originals: row.take()? })
        })
    }

    /// The days that have copies, outcomes, or messages seen in mailboxes, newest first.
    pub fn days(&self) -> Result<Vec<i64>, StoreError> {
        let sql = "select day from copy union select day from outcome union select day from mailboxmessage \
                   union select day from mailboxday order by 1 desc";
        self.rows(sql, &[], |row| row.take())
    }

    /// How many e-mails there are.
    pub fn email_count(&self) -> Result<i64, StoreError> {
        self.count("select count(*) from email")
    }

    /// The number that a question has for its answer.
    fn count(&self, sql: &'static str) -> Result<i64, StoreError> {
        Ok(self.one(sql, &[], |row| row.take())?.unwrap_or(0))
    }
}

/// What a full recount asks. Each of these reads whole tables, so no page and no door asks them.
impl Read<'_> {
    /// Numbers of the ledger, on each sheet from 1 to the last, under which no copy stands.
    pub fn copies_taken_out(&self) -> Result<i64, StoreError> {
        // A number is the sheet and the place on it (4,294,967,296 a sheet), which begins with 1.
        self.count(
            "select cast(coalesce(sum(last - copies), 0) as bigint) from \
             (select max(copynumber % 4294967296) as last, count(*) as copies from copy \
             group by copynumber / 4294967296) sheets",
        )
    }

    /// Copies that have outcomes, but not one for each of their originals.
    pub fn copies_with_other_outcomes(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from copy c where \
             (select count(*) from outcome o where o.copyid = c.copyid) not in (0, c.originals)",
        )
    }

    /// Outcomes that name no copy of the ledger: the other side of a gap.
    pub fn outcomes_without_copy(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from outcome o where not exists \
             (select 1 from copy c where c.copyid = o.copyid)",
        )
    }

    /// Originals that became, or are, an e-mail that is not there.
    pub fn outcomes_without_email(&self) -> Result<i64, StoreError> {
        // 2 is duplicate, 3 stored. What was taken back before it went, and then thrown away, is gone because somebody said so.
        self.count(
            "select count(*) from outcome o where o.outcome in (2, 3) and not exists \
             (select 1 from email e where e.activityid = o.activityid) and not exists \
             (select 1 from event v where v.objectid = o.activityid and v.operation = 'discarded')",
        )
    }

    /// Originals that are an e-mail which does not know the envelope that brought it.
    pub fn outcomes_without_email_copy(&self) -> Result<i64, StoreError> {
        // What is put in by hand has no envelope.
        self.count(
            "select count(*) from outcome o join copy c on c.copyid = o.copyid and c.recipients <> '' \
             where o.outcome in (2, 3) and not exists \
             (select 1 from emailcopy m where m.activityid = o.activityid and m.copyid = o.copyid)",
        )
    }

    /// E-mails that no outcome names. Drafts have none, nor any claim, and no decision was made about them.
    pub fn emails_without_outcome(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from email e where e.statuscode <> 1 and not exists \
             (select 1 from outcome o where o.activityid = e.activityid)",
        )
    }

    /// E-mails with another number of parties than the addresses that their decision speaks of.
    pub fn emails_with_other_parties(&self) -> Result<i64, StoreError> {
        // A quotation mark inside the words of a signal is escaped, so this text is always a signal's kind.
        self.count(
            r#"select count(*) from email e where
            (length(e.decision) - length(replace(e.decision, '"kind":"address"', ''))) / length('"kind":"address"')
            <> (select count(*) from activityparty p where p.activityid = e.activityid) and e.statuscode <> 1"#,
        )
    }

    /// E-mails that do not claim every key they have, or of which their claims do not say what they are compared by: the same mail
    /// could become a second e-mail.
    ///
    /// The keys are its Message-ID; From and Date; and, where it has neither id nor Date, its bytes.
    pub fn emails_without_identity(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from email e left join \
             (select activityid, count(*) as claims, \
             sum(case when length(textdigest) = 0 then 1 else 0 end) as bare from identity group by activityid) i \
             on i.activityid = e.activityid where e.statuscode <> 1 and \
             ((i.bare > 0 and (e.textdigest is null or e.rawdigest is null)) or coalesce(i.claims, 0) < \
             case when e.messageid is not null then 1 else 0 end + \
             case when e.sender is not null and e.senton is not null then 1 else 0 end + \
             case when e.messageid is null and e.senton is null then 1 else 0 end)",
        )
    }

    /// E-mails with another number of attachments than they say.
    pub fn emails_with_other_attachments(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from email e where e.attachmentcount <> \
             (select count(*) from activitymimeattachment a where a.activityid = e.activityid)",
        )
    }

    /// E-mails whose source is not kept.
    pub fn emails_without_source(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from email e where not exists \
             (select 1 from blob b where b.blobid = e.blobid)",
        )
    }

    /// Other sources of e-mails that are not kept.
    pub fn versions_without_source(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from emailversion v where not exists \
             (select 1 from blob b where b.blobid = v.blobid)",
        )
    }

    /// Copies around whose originals stood a mail that is not kept.
    pub fn copies_without_outer_mail(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from copy c where c.outerblobid is not null and not exists \
             (select 1 from blob b where b.blobid = c.outerblobid)",
        )
    }

    /// Undeliverables whose source is not kept.
    pub fn undeliverables_without_source(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from undeliverable u where not exists \
             (select 1 from blob b where b.blobid = u.blobid)",
        )
    }

    /// Undeliverables of originals that did not end as such. One that was replayed has ended otherwise.
    pub fn undeliverables_without_outcome(&self) -> Result<i64, StoreError> {
        // 4 is quarantined, 5 undeliverable.
        self.count(
            "select count(*) from undeliverable u where u.statecode <> 1 and not exists \
             (select 1 from outcome o where o.copyid = u.copyid and o.originalnumber = u.originalnumber \
             and o.outcome in (4, 5))",
        )
    }

    /// Undeliverable originals, where not one Undeliverable is kept. Copies with the same bytes share one, so
    /// they cannot be compared one by one; [`Read::sources_without_owner`] finds each that is missing.
    pub fn outcomes_without_undeliverable(&self) -> Result<i64, StoreError> {
        self.count(
            "select count(*) from outcome o where o.outcome in (4, 5) and not exists \
             (select 1 from undeliverable)",
        )
    }

    /// Kept sources that nothing names: what named them is gone. A sweep has condemned them, or will; they are counted
    /// until their bytes go.
    pub fn sources_without_owner(&self) -> Result<i64, StoreError> {
        // `condemnedon` rather than `statecode`: it is read from its index, not from behind the bytes of a row.
        self.count(
            "select count(*) from (select blobid from blob \
             except select blobid from blob where condemnedon is not null and statecode >= 2 \
             except select sourceid from leftsource \
             except select blobid from email \
             except select blobid from emailversion \
             except select sentblobid from presend where sentblobid is not null \
             except select blobid from undeliverable \
             except select outerblobid from copy where outerblobid is not null) o",
        )
    }
}
