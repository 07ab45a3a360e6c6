//! A small world to look at and test the pages with: a shop that sells pallets, and its customers.

#[path = "world/mails.rs"]
mod mails;
#[path = "world/outbox.rs"]
mod outbox;
#[path = "world/templates.rs"]
mod templates;
#[path = "world/writing.rs"]
mod writing;

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use model::outcome::Outcome;
use model::{Id, Timestamp};
use web::values::{
    Accounting, Beginning, Body, Conversation, CopyLine, Day, DraftLine, Email, Fact, File, Filled, Found,
    Letter, LetterEnd, List, MailLine, MailboxChange, MailboxLine, MailboxPutOff, MailboxStanding,
    MailboxTold, NodeLine, NodeList, OriginalEnd, OutboxChange, OutboxLine, OutboxStanding, OutboxTroubles,
    Page, Preview, ReasonCount, RecipientLine, Record, RecordKey, RecordKind, RecordLine, RecordLink,
    ReplayedAll, SearchForm, Signature, SignedIn, SourceDay, Standing, Surroundings, Tally,
    TemplateBeginning, TemplateDraft, TemplateEnd, TemplateLine, TemplatePage, TemplateTry, UndeliverableEnd,
    UndeliverableLine, UndeliverableMail, UnresolvedLine, Visitor, Waiting,
};
use web::{Failure, House};

/// What the hostile stranger writes into every field they can reach.
pub(crate) const HOSTILE: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";
/// The address and password that sign in.
pub(crate) const ADDRESS: &str = "jane@crm.test";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The world. Times are counted back from `now`.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) mails: Vec<Email>,
    pub(crate) records: Vec<RecordLine>,
    sessions: Mutex<HashSet<String>>,
    tokens: AtomicU64,
    /// Answers every question with this failure, to look at the pages of errors.
    pub(crate) failing: Option<Failure>,
    /// Whether it fails so before it says who asks.
    pub(crate) is_failing_at_once: bool,
    /// Holds nothing, to look at empty lists.
    pub(crate) is_empty: bool,
    /// Undeliverables that ended: those that were dismissed with their reason.
    ended: Mutex<HashMap<Id, String>>,
    /// Mailboxes that are left alone.
    paused: Mutex<HashSet<Id>>,
    /// Outgoing mail that somebody did something with.
    changed: Mutex<HashMap<Id, OutboxChange>>,
    /// Letters that were sent, by their keys.
    pub(crate) sent: Mutex<HashMap<String, Letter>>,
    /// What stands below the visitor's mail.
    pub(crate) signature: Mutex<Signature>,
    pub(crate) template_kept: Mutex<Option<TemplateDraft>>,
    pub(crate) template_removed: Mutex<Vec<Id>>,
    /// Drafts that were kept, or discarded.
    pub(crate) drafts: Mutex<HashMap<Id, Option<Letter>>>,
    /// What is wrong with the books.
    pub(crate) alarms: Vec<String>,
    /// Whether the visitor runs the house.
    pub(crate) has_administrator: bool,
}

impl World {
    pub(crate) fn new(now: Timestamp) -> Self {
        let records = records(now);
        let mails = mails::mails(now, &records);
        World {
            now,
            mails,
            records,
            sessions: Mutex::default(),
            tokens: AtomicU64::new(1),
            failing: None,
            is_failing_at_once: false,
            is_empty: false,
            ended: Mutex::default(),
            paused: Mutex::default(),
            changed: Mutex::default(),
            sent: Mutex::default(),
            drafts: Mutex::default(),
            template_kept: Mutex::default(),
            template_removed: Mutex::default(),
            signature: Mutex::new(Signature {
                text: "Jane Doe\nFabrikam Pallets".into(),
                html: String::new(),
            }),
            alarms: Vec::new(),
            has_administrator: false,
        }
    }

    fn check(&self) -> Result<(), Failure> {
        self.failing.map_or(Ok(()), Err)
    }

    fn line(&self, email: &Email) -> MailLine {
        email.conversation.iter().find(|line| line.id == email.id).expect("it is in its conversation").clone()
    }

    fn lines(&self) -> Vec<MailLine> {
        let mut lines: Vec<MailLine> = self.mails.iter().map(|mail| self.line(mail)).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.time));
        lines
    }

    fn page<T>(&self, rows: Vec<T>, page: &Page, size: usize) -> Result<List<T>, Failure> {
        let start: usize = match &page.after {
            Some(key) => key.parse().map_err(|_| Failure::NotFound)?,
            None => 0,
        };
        let rows = if self.is_empty { Vec::new() } else { rows };
        let next = (rows.len() > start + size).then(|| (start + size).to_string());
        Ok(List { rows: rows.into_iter().skip(start).take(size).collect(), next })
    }
}

impl House for World {
    fn sign_in(&self, address: &str, password: &str) -> Result<SignedIn, Failure> {
        self.check()?;
        if (address, password) != (ADDRESS, PASSWORD) {
            return Err(Failure::NotSignedIn);
        }
        let token = format!("token-{}", self.tokens.fetch_add(1, Ordering::Relaxed));
        self.sessions.lock().unwrap().insert(token.clone());
        Ok(SignedIn { token })
    }

    fn visitor(&self, token: &str) -> Result<Option<Visitor>, Failure> {
        if self.is_failing_at_once {
            self.check()?;
        }
        let known = self.sessions.lock().unwrap().contains(token);
        Ok(known.then(|| Visitor {
            user: id(1),
            name: "Jane Doe".into(),
            address: ADDRESS.into(),
            organization: "Fabrikam Pallets".into(),
            is_administrator: self.has_administrator,
        }))
    }

    fn sign_out(&self, token: &str) -> Result<(), Failure> {
        self.sessions.lock().unwrap().remove(token);
        Ok(())
    }

    fn waiting(&self, _: &Visitor) -> Result<Waiting, Failure> {
        let some = if self.is_empty { 0 } else { 1 };
        Ok(Waiting {
            unresolved: 2 * some,
            undeliverable: 3 * some,
            quarantined: 2 * some,
            gap: 0,
            alarms: self.alarms.clone(),
        })
    }

    fn today(&self, _: &Visitor, day: Option<Day>) -> Result<Accounting, Failure> {
        self.check()?;
        let present = Day(self.now.day());
        let day = day.unwrap_or(present);
        Ok(if self.is_empty { closed(day, present) } else { books(self, day, present) })
    }

    fn mail(&self, _: &Visitor, page: &Page) -> Result<List<MailLine>, Failure> {
        self.check()?;
        self.page(self.lines(), page, 12)
    }

    fn search(&self, _: &Visitor, form: &SearchForm, page: &Page) -> Result<Found, Failure> {
        self.check()?;
        let line = [form.q.as_str(), form.words.as_str()].join(" ").trim().to_owned();
        let has = |mail: &MailLine| {
            [&mail.subject, &mail.preview, &mail.sender].iter().any(|it| it.contains(&line))
        };
        let found = self.lines().into_iter().filter(|mail| !line.is_empty() && has(mail)).collect();
        Ok(Found {
            form: SearchForm { words: line.clone(), q: String::new(), ..form.clone() },
            notes: form
                .before
                .contains('x')
                .then(|| format!("“before:{}” names no day.", form.before))
                .into_iter()
                .collect(),
            marked: vec![line.clone()],
            line,
            list: self.page(found, page, 3)?,
            left: if self.is_empty { 12 } else { 0 },
            up_to: Some(self.now),
        })
    }

    fn records(&self, _: &Visitor, kind: RecordKind, page: &Page) -> Result<List<RecordLine>, Failure> {
        self.check()?;
        let begins = |text: &str| text.to_lowercase().starts_with(&page.search.to_lowercase());
        let found = self.records.iter().filter(|record| {
            record.link.kind == kind
                && (record.link.name.split(' ').any(begins) || record.address.as_deref().is_some_and(begins))
        });
        self.page(found.cloned().collect(), page, 6)
    }

    fn record(&self, _: &Visitor, key: RecordKey, page: &Page) -> Result<Record, Failure> {
        self.check()?;
        let line =
            self.records.iter().find(|record| record.link.id == key.id && record.link.kind == key.kind);
        let line = line.ok_or(Failure::NotFound)?;
        let company =
            self.records.iter().find(|record| record.link.name == line.context).map(|r| r.link.clone());
        let people = self.records.iter().filter(|record| record.context == line.link.name).cloned().collect();
        let mut seen = HashSet::new();
        let mut conversations = Vec::new();
        for mail in &self.mails {
            let of_company = |link: &RecordLink| {
                self.records.iter().any(|person| person.link == *link && person.context == line.link.name)
            };
            let ours = |mail: &MailLine| {
                mail.record.as_ref().is_some_and(|link| *link == line.link || of_company(link))
            };
            if mail.conversation.iter().any(ours) && seen.insert(mail.conversation[0].id) {
                let subject = mail.subject.trim_start_matches("Re: ").to_owned();
                conversations.push(Conversation { subject, mails: mail.conversation.clone() });
            }
        }
        Ok(Record {
            link: line.link.clone(),
            headline: if company.is_some() { "Head of purchasing".into() } else { line.context.clone() },
            company,
            addresses: line
                .address
                .iter()
                .cloned()
                .chain(line.address.iter().map(|a| format!("private.{a}")))
                .collect(),
            facts: vec![
                Fact::new("Phone", "+49 30 901820"),
                Fact::new("Status", "Active"),
                Fact::new("Since", "2 March 2024"),
            ],
            people,
            conversations: self.page(conversations, page, 3)?,
        })
    }

    fn email(&self, _: &Visitor, email: Id) -> Result<Email, Failure> {
        self.check()?;
        let mail = self.mails.iter().find(|mail| mail.id == email).cloned().ok_or(Failure::NotFound)?;
        let lines = outbox::lines(self.now, &self.changed.lock().unwrap());
        Ok(Email { outgoing: lines.into_iter().find(|line| line.id == email), ..mail })
    }

    fn email_body(&self, visitor: &Visitor, email: Id) -> Result<Body, Failure> {
        self.email(visitor, email)?;
        Ok(Body { html: mails::NEWSLETTER.into(), remote_images: 3 })
    }

    fn source(&self, visitor: &Visitor, email: Id) -> Result<Vec<u8>, Failure> {
        let mail = self.email(visitor, email)?;
        Ok(format!("From: {}\r\nSubject: {}\r\n\r\n<b>Hello</b>\r\n", mail.sender.address, mail.subject)
            .into_bytes())
    }

    fn attachment(&self, visitor: &Visitor, email: Id, attachment: Id) -> Result<File, Failure> {
        let mail = self.email(visitor, email)?;
        let file = mail.attachments.iter().find(|file| file.id == attachment).ok_or(Failure::NotFound)?;
        let bytes = b"some bytes".to_vec();
        Ok(File { name: file.name.clone(), mimetype: file.mimetype.clone(), bytes })
    }

    fn unresolved(&self, _: &Visitor, page: &Page) -> Result<List<UnresolvedLine>, Failure> {
        self.check()?;
        let rows = self.mails.iter().flat_map(|mail| {
            let parties = std::iter::once(&mail.sender).chain(&mail.recipients);
            parties.filter_map(|party| {
                let candidates = match &party.standing {
                    Standing::Ambiguous { candidates } => candidates.clone(),
                    Standing::Unresolved => Vec::new(),
                    Standing::Known { .. } | Standing::Ours { .. } => return None,
                };
                let (name, address) = (party.name.clone(), party.address.clone());
                Some(UnresolvedLine { mail: self.line(mail), name, address, candidates })
            })
        });
        self.page(rows.collect(), page, 20)
    }

    fn undeliverable(&self, _: &Visitor, page: &Page) -> Result<List<UndeliverableLine>, Failure> {
        self.check()?;
        let rows = undeliverable(self.now).into_iter().filter(|row| !row.is_quarantined);
        self.page(rows.collect(), page, 20)
    }

    fn quarantine(&self, _: &Visitor, page: &Page) -> Result<List<UndeliverableLine>, Failure> {
        self.check()?;
        let ended = self.ended.lock().unwrap();
        let rows = undeliverable(self.now).into_iter().filter(|row| row.is_quarantined);
        self.page(rows.filter(|row| !ended.contains_key(&row.id)).collect(), page, 20)
    }

    fn mailboxes(&self, _: &Visitor) -> Result<Vec<MailboxLine>, Failure> {
        self.check()?;
        Ok(if self.is_empty { Vec::new() } else { mailboxes(self.now, &self.paused.lock().unwrap()) })
    }

    fn change_mailbox(&self, _: &Visitor, id: Id, change: MailboxChange) -> Result<(), Failure> {
        self.check()?;
        match change {
            MailboxChange::Pause => drop(self.paused.lock().unwrap().insert(id)),
            MailboxChange::Resume => drop(self.paused.lock().unwrap().remove(&id)),
            MailboxChange::Resync => {}
        }
        Ok(())
    }

    fn stamp_keys(&self) -> Vec<[u8; 32]> {
        // The second one was the first one before.
        vec![[7; 32], [6; 32]]
    }

    fn nodes(&self, _: &Visitor) -> Result<NodeList, Failure> {
        self.check()?;
        let node = |name: &str, state: &str, is_this| NodeLine {
            name: name.into(),
            state: state.into(),
            roles: "receive, web".into(),
            version: "1.0.0".into(),
            started: self.now,
            silent_seconds: 2,
            is_this,
        };
        let nodes =
            vec![node("one.fabrikam.test", "serving", true), node("<two>.fabrikam.test", "silent", false)];
        Ok(NodeList { nodes, undone: vec!["no node runs jobs".into()] })
    }

    fn outbox(
        &self,
        _: &Visitor,
        standing: Option<OutboxStanding>,
        page: &Page,
    ) -> Result<List<OutboxLine>, Failure> {
        self.check()?;
        let rows = outbox::lines(self.now, &self.changed.lock().unwrap());
        let fits = |row: &OutboxLine| standing.is_none_or(|wanted| row.standing == wanted);
        self.page(rows.into_iter().filter(fits).collect(), page, 5)
    }

    fn outbox_troubles(&self, _: &Visitor) -> Result<OutboxTroubles, Failure> {
        let some = if self.is_empty { 0 } else { 1 };
        Ok(OutboxTroubles { failed: 2 * some, uncertain: some })
    }

    fn change_outbox(&self, _: &Visitor, email: Id, change: OutboxChange) -> Result<bool, Failure> {
        self.check()?;
        let mut changed = self.changed.lock().unwrap();
        let lines = outbox::lines(self.now, &changed);
        let line = lines.into_iter().find(|line| line.id == email).ok_or(Failure::NotFound)?;
        let may = match change {
            OutboxChange::Retry => line.can_retry,
            OutboxChange::Cancel | OutboxChange::Undo => line.can_cancel,
        };
        if may {
            changed.insert(email, change);
        }
        Ok(may)
    }

    fn begin_letter(&self, _: &Visitor, beginning: &Beginning) -> Result<Letter, Failure> {
        self.check()?;
        writing::begun(self, beginning)
    }

    fn around_letter(&self, _: &Visitor, letter: &Letter) -> Result<Surroundings, Failure> {
        self.check()?;
        Ok(writing::around(self, letter))
    }

    fn find_recipients(&self, _: &Visitor, words: &str) -> Result<Vec<RecipientLine>, Failure> {
        self.check()?;
        Ok(writing::found(self, words))
    }

    fn preview_letter(&self, _: &Visitor, letter: Letter) -> Result<Preview, Failure> {
        self.check()?;
        Ok(writing::preview(&letter))
    }

    fn send_letter(&self, _: &Visitor, letter: Letter) -> Result<LetterEnd, Failure> {
        self.check()?;
        if letter.to.is_empty() {
            return Ok(LetterEnd::Refused("the mail has no recipient".to_owned()));
        }
        self.sent.lock().unwrap().entry(letter.key.clone()).or_insert(letter);
        Ok(LetterEnd::Sent(id(10)))
    }

    fn keep_letter(&self, _: &Visitor, letter: Letter) -> Result<LetterEnd, Failure> {
        self.check()?;
        if letter.to == HOSTILE {
            return Ok(LetterEnd::Refused(format!("“{HOSTILE}” is no e-mail address")));
        }
        if letter.version == "1" {
            let by_now = Letter { version: "2".into(), key: writing::DRAFT.to_string(), ..letter };
            return Ok(LetterEnd::Changed(Box::new(Letter { text: HOSTILE.into(), ..by_now })));
        }
        self.drafts.lock().unwrap().insert(writing::DRAFT, Some(letter));
        Ok(LetterEnd::Kept(writing::DRAFT))
    }

    fn drafts(&self, _: &Visitor, page: &Page) -> Result<List<DraftLine>, Failure> {
        self.check()?;
        self.page(writing::drafts(self), page, 2)
    }

    fn discard_draft(
        &self,
        _: &Visitor,
        (draft, version): (Id, Option<&str>),
    ) -> Result<Option<Box<Letter>>, Failure> {
        self.check()?;
        if version == Some("1") {
            let by_now = Letter { version: "2".into(), key: draft.to_string(), ..Letter::default() };
            return Ok(Some(Box::new(Letter { text: HOSTILE.into(), ..by_now })));
        }
        let known = writing::drafts(self).iter().any(|line| line.id == draft);
        self.drafts.lock().unwrap().insert(draft, None);
        if known { Ok(None) } else { Err(Failure::NotFound) }
    }

    fn templates(&self, _: &Visitor) -> Result<Vec<TemplateLine>, Failure> {
        self.check()?;
        Ok(templates::lines(self))
    }

    fn template(&self, _: &Visitor, template: Id, record: &str) -> Result<TemplatePage, Failure> {
        self.check()?;
        templates::page(self, template, record)
    }

    fn begin_template(
        &self,
        visitor: &Visitor,
        beginning: TemplateBeginning,
    ) -> Result<TemplateDraft, Failure> {
        self.check()?;
        templates::begun(self, visitor, beginning)
    }

    fn try_template(&self, _: &Visitor, draft: TemplateDraft, record: &str) -> Result<TemplateTry, Failure> {
        self.check()?;
        Ok(templates::tried(self, &draft, record))
    }

    fn keep_template(&self, _: &Visitor, draft: TemplateDraft) -> Result<TemplateEnd, Failure> {
        self.check()?;
        Ok(templates::kept(self, draft))
    }

    fn remove_template(&self, _: &Visitor, template: Id) -> Result<(), Failure> {
        self.check()?;
        self.template_removed.lock().unwrap().push(template);
        Ok(())
    }

    fn fill_letter(&self, _: &Visitor, letter: Letter, template: Id) -> Result<Filled, Failure> {
        self.check()?;
        templates::filled(self, letter, template)
    }

    fn signature(&self, _: &Visitor) -> Result<Signature, Failure> {
        self.check()?;
        Ok(self.signature.lock().unwrap().clone())
    }

    fn set_signature(&self, _: &Visitor, signature: Signature) -> Result<Option<String>, Failure> {
        self.check()?;
        if signature.text.len() > 1_000 {
            return Ok(Some("a signature has at most 1 KiB".into()));
        }
        *self.signature.lock().unwrap() = signature;
        Ok(None)
    }

    fn undeliverable_mail(&self, _: &Visitor, id: Id) -> Result<UndeliverableMail, Failure> {
        self.check()?;
        let line = undeliverable(self.now).into_iter().find(|row| row.id == id).ok_or(Failure::NotFound)?;
        let end = self.ended.lock().unwrap().get(&id).map(|reason| UndeliverableEnd {
            is_dismissed: !reason.is_empty(),
            time: Some(self.now),
            by: ADDRESS.into(),
            reason: reason.clone(),
            originals: vec![OriginalEnd {
                outcome: "stored".into(),
                reason: "It was written to a known customer.".into(),
                email: self.mails.first().map(|mail| (mail.id.to_string(), HOSTILE.into())),
            }],
        });
        Ok(UndeliverableMail { line, end })
    }

    fn replay(&self, _: &Visitor, id: Id) -> Result<(), Failure> {
        self.check()?;
        self.ended.lock().unwrap().entry(id).or_default();
        Ok(())
    }

    fn replay_all(&self, _: &Visitor) -> Result<ReplayedAll, Failure> {
        self.check()?;
        Ok(ReplayedAll { ended: 2, waiting: 1, left: 0 })
    }

    fn dismiss(&self, _: &Visitor, id: Id, reason: &str) -> Result<(), Failure> {
        self.check()?;
        if reason.trim().is_empty() {
            return Err(Failure::NotSaid);
        }
        self.ended.lock().unwrap().entry(id).or_insert_with(|| reason.to_owned());
        Ok(())
    }

    fn undeliverable_source(&self, _: &Visitor, id: Id) -> Result<Vec<u8>, Failure> {
        self.check()?;
        let known = undeliverable(self.now).iter().any(|row| row.id == id);
        if known { Ok(b"Received: from a\r\nReceived: from b\r\n".to_vec()) } else { Err(Failure::NotFound) }
    }
}

/// An id that is easy to tell.
pub(crate) fn id(number: u64) -> Id {
    let mut bytes = [0x01, 0x9a, 0xb1, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];
    bytes[8..].copy_from_slice(&(0x8000_0000_0000_0000 | number).to_be_bytes());
    Id(bytes)
}

fn records(now: Timestamp) -> Vec<RecordLine> {
    let rows: [(RecordKind, &str, &str, &str, i64); 16] = [
        (RecordKind::Contact, "Zoë Müller", "zoe@customer.test", "Contoso Ltd", 1),
        (RecordKind::Contact, "Adam Weber", "adam.weber@northwind.test", "Northwind Traders", 5),
        (
            RecordKind::Contact,
            "Ana María Fernández de la Torre y González-Álvarez",
            "ana-maria.fernandez.de.la.torre.y.gonzalez-alvarez@very-long-subdomain.purchasing.international.example",
            "The Extraordinarily Long-Named International Import and Export Company of Hamburg and Valparaíso GmbH & Co. KG",
            30,
        ),
        (RecordKind::Contact, "Bernard Lapointe", "b.lapointe@tailspin.test", "Tailspin Toys", 50),
        (RecordKind::Contact, "Carla Rossi", "carla@adatum.test", "A. Datum", 70),
        (RecordKind::Contact, "Robert Müller", "office@mueller.test", "Müller & Sons", 26),
        (RecordKind::Contact, "Susan Müller", "office@mueller.test", "Müller & Sons", 0),
        (RecordKind::Contact, HOSTILE, "hostile@evil.test", HOSTILE, 90),
        (RecordKind::Contact, "李小龍", "li@east.test", "東方貿易", 100),
        (RecordKind::Account, "Contoso Ltd", "info@contoso.test", "Berlin", 1),
        (RecordKind::Account, "Müller & Sons", "office@mueller.test", "Bremen", 26),
        (RecordKind::Account, "Northwind Traders", "office@northwind.test", "London", 5),
        (RecordKind::Account, "Tailspin Toys", "hello@tailspin.test", "Lyon", 50),
        (
            RecordKind::Account,
            "The Extraordinarily Long-Named International Import and Export Company of Hamburg and Valparaíso GmbH & Co. KG",
            "info@import.example",
            "Hamburg",
            30,
        ),
        (RecordKind::Lead, "Nadia Haddad", "nadia@start.test", "Asks for 200 pallets", 8),
        (RecordKind::Lead, "Tom Okafor", "tom@okafor.test", "Met at the fair in Hanover", 0),
    ];
    let lines = rows.iter().enumerate().map(|(n, (kind, name, address, context, hours))| RecordLine {
        link: RecordLink { kind: *kind, id: id(100 + n as u64), name: (*name).into() },
        address: Some((*address).into()),
        context: (*context).into(),
        last_mail: (*hours > 0).then(|| now.plus_seconds(-3600 * hours)),
    });
    lines.collect()
}

fn closed(day: Day, present: Day) -> Accounting {
    let (sources, ignored, latest) = (Vec::new(), Vec::new(), Vec::new());
    Accounting { day, is_today: day == present, total: Tally::default(), sources, ignored, latest }
}

/// Today adds up; the day before does not; before that there is nothing.
fn books(world: &World, day: Day, present: Day) -> Accounting {
    if day != present && day != present.before() {
        return closed(day, present);
    }
    let gap = if day == present { 0 } else { 3 };
    let sink = Tally {
        seen: 1284 + gap as u64,
        stored: 902,
        duplicate: 141,
        ignored: 236,
        quarantined: 3,
        undeliverable: 2,
        waiting: 0,
        gap,
    };
    let queue = Tally { seen: 118, stored: 96, duplicate: 4, ignored: 18, ..Tally::default() };
    let mailbox = Tally { seen: 40, stored: 31, waiting: 9, ..Tally::default() };
    let track = Tally { seen: 12, stored: 12, ..Tally::default() };
    let sources = [
        ("sink:crm@sink.example", sink),
        ("queue:sales@crm.test", queue),
        ("mailbox:crm", mailbox),
        ("track", track),
    ];
    Accounting {
        day,
        is_today: day == present,
        total: Tally {
            seen: sink.seen + 170,
            stored: 1041,
            waiting: 9,
            duplicate: 145,
            ignored: 254,
            quarantined: 3,
            undeliverable: 2,
            gap,
        },
        sources: sources.map(|(source, tally)| SourceDay { source: source.into(), tally }).into(),
        ignored: [
            ("Its recipients keep mail of known customers only.", 148),
            ("It is list or bulk mail and answers nothing here.", 71),
            ("It is mail between colleagues.", 32),
            ("One of its addresses is on the never-log list.", 3),
        ]
        .map(|(words, count)| ReasonCount { words: words.into(), count })
        .into(),
        latest: latest(world),
    }
}

fn latest(world: &World) -> Vec<CopyLine> {
    let mail = |n: usize| world.mails.get(n).map(|mail| (mail.id.to_string(), mail.subject.clone()));
    let rows = [
        (2, Some(Outcome::Stored), "It answers mail of the CRM.", mail(0)),
        (2, Some(Outcome::Duplicate), "The same mail is already here.", mail(0)),
        (9, Some(Outcome::Ignored), "Its recipients keep mail of known customers only.", None),
        (14, Some(Outcome::Stored), "The sender is a known customer.", mail(4)),
        (31, Some(Outcome::Quarantined), "From says one of us, and nothing proved it.", None),
        (48, Some(Outcome::Undeliverable), "It has been round in a loop.", None),
        (55, None, "Nothing is written down about it.", None),
    ];
    let lines = rows.into_iter().map(|(minutes, outcome, reason, email)| CopyLine {
        time: world.now.plus_seconds(-60 * minutes),
        source: "sink:crm@sink.example".into(),
        outcome,
        reason: reason.into(),
        email,
    });
    lines.collect()
}

/// One that is well, one in trouble whose server writes what it likes, one that another node watches.
fn mailboxes(now: Timestamp, paused: &HashSet<Id>) -> Vec<MailboxLine> {
    let rows = [
        ("crm", "well, 1284 taken in since the start", MailboxStanding::Well),
        ("support in Valparaíso", HOSTILE, MailboxStanding::Trouble),
        ("jane", "at work, 800 of 12,000 in INBOX looked at", MailboxStanding::Well),
    ];
    let lines = rows.into_iter().zip(600_u64..).map(|((name, state, standing), number)| {
        let is_trouble = standing == MailboxStanding::Trouble;
        let is_paused = paused.contains(&id(number));
        MailboxLine {
            id: id(number),
            name: name.into(),
            account: format!("{name}@sink.example at mail.example:993"),
            state: if is_paused { "paused".into() } else { state.into() },
            standing: if is_paused { MailboxStanding::Paused } else { standing },
            succeeded: (number != 601).then(|| now.plus_seconds(-40)),
            next_try: is_trouble.then(|| now.plus_seconds(300)),
            waiting: if is_trouble { 17 } else { 0 },
            since: is_trouble.then(|| now.plus_seconds(-90_000)),
            put_off: is_trouble.then(|| MailboxPutOff { count: 3, words: HOSTILE.into() }),
            told: (number == 602).then(|| MailboxTold { node: "post2".into(), time: now.plus_seconds(-20) }),
        }
    });
    lines.collect()
}

fn undeliverable(now: Timestamp) -> Vec<UndeliverableLine> {
    let rows = [
        (
            "newsletter@shop.test",
            "Autumn sale",
            "It has been round in a loop.",
            "Received fields: 104, limit 100",
            48_211,
        ),
        (
            HOSTILE,
            HOSTILE,
            "It is beyond a limit of the house.",
            "MIME depth 33 at offset 18,442; MIME_DEPTH_MAX is 32; <b>boundary</b>=\"----=_Part_84913_1102938475.1700000000000\"",
            2_411_093,
        ),
        ("", "", "It cannot be read as a message.", "", 12),
        ("boss@bank.test", "Verify your password", "The domain of its sender disowns it.", "", 4_812),
        ("jane@crm.test", HOSTILE, "From says one of us, and nothing proved it.", "", 2_100),
    ];
    let lines = rows.into_iter().enumerate().map(|(n, (sender, subject, reason, detail, size_bytes))| {
        UndeliverableLine {
            id: id(500 + n as u64),
            time: now.plus_seconds(-3000 * (n as i64 + 1)),
            source: "mailbox:crm".into(),
            sender: sender.into(),
            subject: subject.into(),
            reason: reason.into(),
            step: "reading".into(),
            detail: detail.into(),
            size_bytes,
            is_quarantined: n > 2,
            can_be_released: n == 3,
            verdict: if n == 3 {
                format!("Written by nobody for certain: DKIM fail {HOSTILE}, DMARC fail.")
            } else {
                String::new()
            },
            is_header: n == 2,
            attempts: n as u32,
            tried: (n > 0).then_some(now),
        }
    });
    lines.collect()
}
