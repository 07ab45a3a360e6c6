//! A real store in a folder of its own, with Contoso in it, and copies of mails as a door hands them over.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use crm::CrmError;
use crm::intake::{self, Copy, EnvelopeRecipient, Proof, Receipt, Source};
use crm::mailboxes::users::{self, NewUserMailbox};
use crm::mailboxes::{self, NewAccount, NewForwardMailbox, NewServer, Promises};
use crm::records::credentials::{self, NewCredential, Verifier, Vouching};
use crm::records::import::{self, Columns, Customers, Row};
use crm::records::people::{self, NewUser, SinkNetworks};
use crm::{jobs, records};
use model::filter::IncomingFilter;
use model::outcome::{Outcome, Reason};
use model::schema::emails::{Email, Identity};
use model::schema::mailboxes::EmailServerProfile;
use model::{EmailAddress, Id, Moment, Timestamp};
use store::{Database, Faults, Organization, PendingUnit, Priority, Store, StoreError, StoreSettings};

/// The node that runs jobs.
const NODE: Id = Id([9; 16]);

/// Friday, 6 March 2026, 10:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_772_791_200);

/// Whether rows are at a server. There each question is a journey: what asks very many of them about decisions, which are the
/// same wherever rows are, asks fewer.
pub(crate) fn is_at_server() -> bool {
    !matches!(Database::for_tests(Path::new("any")), Database::Sqlite)
}

/// A store with Jane (customers), Ben (answers), Cleo (all), the queue Support (all) and the contact Zoë.
pub(crate) struct House {
    pub(crate) organization: Arc<Organization>,
    pub(crate) jane: Id,
    pub(crate) ben: Id,
    pub(crate) cleo: Id,
    folder: tempfile::TempDir,
    moments: Cell<u64>,
    // Last, so that the store closes after the organization is let go.
    store: Arc<Store>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Faults::none()).await
    }

    pub(crate) async fn with(faults: Faults) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(StoreSettings {
            faults,
            // The order in which units join the line is the order of the story.
            batches_max: 1,
            ..StoreSettings::for_tests(folder.path())
        })
        .unwrap();
        let organization = records::add_organization(&store, "contoso", &Moment::new(NOW, 1)).unwrap();
        let nobody = Id::default();
        let moments = Cell::new(1);
        let mut house =
            House { organization, jane: nobody, ben: nobody, cleo: nobody, folder, moments, store };
        house.jane = house.user("Jane Doe", "jane@contoso.test", IncomingFilter::KnownCustomers).await;
        house.ben = house.user("Ben Ode", "ben@contoso.test", IncomingFilter::Replies).await;
        house.cleo = house.user("Cleo Adams", "cleo@contoso.test", IncomingFilter::All).await;
        let support = ("Support".to_owned(), address("support@contoso.test"), IncomingFilter::All);
        people::add_queue(&house.store, &house.organization, support, house.moment()).await.unwrap();
        let sink = (address("crm@sink.contoso.test"), SinkNetworks::default());
        people::add_sink(&house.store, &house.organization, sink, house.moment()).await.unwrap();
        house.contact("Zoë Müller", "zoe@fabrikam.test").await;
        house
    }

    pub(crate) async fn user(&self, name: &str, at: &str, filter: IncomingFilter) -> Id {
        // The key for sinks is a user's own, and made of the seed.
        let seed = u8::try_from(self.moments.get()).unwrap();
        let new = NewUser {
            name: name.to_owned(),
            address: address(at),
            filter,
            is_administrator: false,
            password: None,
            key_seed: [seed; 10],
        };
        people::add_user(&self.store, &self.organization, new, self.moment()).await.unwrap().systemuserid
    }

    /// The organization as another node has it, where rows are at a server, with what keeps it open; in files there is
    /// only this one.
    pub(crate) fn at_other_node(&self) -> (Arc<Organization>, Option<(Arc<Store>, tempfile::TempDir)>) {
        if !self.organization.is_at_server() {
            return (Arc::clone(&self.organization), None);
        }
        let folder = tempfile::tempdir().unwrap();
        let database = Database::for_tests(self.folder.path());
        let store =
            Store::open(StoreSettings { database, ..StoreSettings::for_tests(folder.path()) }).unwrap();
        (store.organization(self.organization.id()).unwrap(), Some((store, folder)))
    }

    /// Where rows are at a server: its URL, and what the names of this house's schemas begin with.
    pub(crate) fn server(&self) -> Option<(String, String)> {
        match Database::for_tests(self.folder.path()) {
            Database::Sqlite => None,
            Database::Postgres(settings) => Some((settings.url, settings.schema)),
        }
    }

    pub(crate) fn catalogue(&self) -> &Store {
        &self.store
    }

    /// What RCPT hears for the sink from far away, with a credential or without.
    pub(crate) fn welcome_at(&self, sink: &str, credential: Option<Id>) -> Option<Proof> {
        let peer = intake::Peer { address: "198.51.100.9".parse().unwrap(), credential };
        match intake::welcome(&self.store, &[], peer, &address(sink)) {
            intake::Welcome::Yes(recipient) => Some(recipient.proof),
            intake::Welcome::NotAllowed | intake::Welcome::Unknown => None,
            intake::Welcome::TryLater => panic!("neither welcome nor refused"),
        }
    }

    /// A credential of a sink; its id, as RCPT knows it.
    pub(crate) async fn credential(&self, sink: &str, name: &str, vouching: Vouching) -> Id {
        let key = vec![7; 32];
        let verifier =
            Verifier { salt: vec![7; 16], iterations: 4096, stored_key: key.clone(), server_key: key };
        let new = NewCredential { sink: address(sink), name: name.to_owned(), vouching, verifier };
        credentials::add(&self.organization, new, self.moment()).await.unwrap();
        self.find_credential(&credentials::full_name(&address(sink), name).unwrap()).unwrap()
    }

    pub(crate) fn find_credential(&self, full_name: &str) -> Option<Id> {
        let found = credentials::by_full_name(&self.store, full_name).unwrap();
        found.map(|credential| credential.sinkcredentialid)
    }

    pub(crate) async fn sink(&self, at: &str) {
        let sink = (address(at), SinkNetworks::default());
        people::add_sink(&self.store, &self.organization, sink, self.moment()).await.unwrap();
    }

    /// A forward mailbox of the sink.
    pub(crate) async fn forward_mailbox(&self, name: &str, is_refusing: bool) -> Id {
        let server = NewServer {
            name: format!("server of {name}"),
            kind: 4,
            location: "mail.contoso.test".to_owned(),
            port: 993,
            tls: 2,
            authority: None,
            polling_interval: 1,
        };
        let server = mailboxes::add_server(&self.organization, server, self.moment()).await.unwrap();
        let sink = self.organization.read(|read| read.addresses("crm@sink.contoso.test")).unwrap();
        let mailbox = NewForwardMailbox {
            account: account(name, &server, "crm"),
            sink: sink[0].objectid,
            undeliverable_folder: "Undeliverable".to_owned(),
            promises: Promises { is_exclusive: false, is_refusing },
        };
        mailboxes::add_forward_mailbox(&self.organization, mailbox, self.moment()).await.unwrap().mailboxid
    }

    /// A user's own mailbox.
    pub(crate) async fn user_mailbox(&self, name: &str, user: Id) -> Id {
        let server = NewServer {
            name: format!("server of {name}"),
            kind: 4,
            location: "mail.contoso.test".to_owned(),
            port: 993,
            tls: 2,
            authority: None,
            polling_interval: 1,
        };
        let server = mailboxes::add_server(&self.organization, server, self.moment()).await.unwrap();
        let mailbox = NewUserMailbox {
            account: account(name, &server, name),
            user,
            sent: None,
            others: Vec::new(),
            after: None,
        };
        users::add_user_mailbox(&self.organization, mailbox, self.moment()).await.unwrap().mailboxid
    }

    /// The address of the sink with the key of a user.
    pub(crate) fn key_address(&self, user: Id) -> String {
        let user = self.organization.read(|read| read.user(user)).unwrap().unwrap();
        format!("crm+{}@sink.contoso.test", user.sinkkey)
    }

    /// Imports a contact.
    pub(crate) async fn contact(&self, name: &str, address: &str) {
        let heading = ["fullname".to_owned(), "emailaddress1".to_owned()];
        let columns = Columns::read(Customers::Contacts, &heading).unwrap();
        let rows = vec![Row { line: 2, cells: vec![name.to_owned(), address.to_owned()] }];
        let imported = import::import(&self.organization, &columns, rows, self.moment()).await.unwrap();
        assert_eq!((imported.added, imported.faults), (1, vec![]));
    }

    /// Imports contacts of a table: how many were added, how many changed.
    pub(crate) async fn import(&self, heading: &[&str], rows: &[&[&str]]) -> (u64, u64) {
        let heading: Vec<String> = heading.iter().map(ToString::to_string).collect();
        let columns = Columns::read(Customers::Contacts, &heading).unwrap();
        let row = |cells: &&[&str]| Row { line: 2, cells: cells.iter().map(ToString::to_string).collect() };
        let rows = rows.iter().map(row).collect();
        let imported = import::import(&self.organization, &columns, rows, self.moment()).await.unwrap();
        assert_eq!(imported.faults, vec![]);
        (imported.added, imported.changed)
    }

    /// Another moment at each call; the clock stands still.
    pub(crate) fn moment(&self) -> Moment {
        self.moments.set(self.moments.get() + 1);
        Moment::new(NOW, self.moments.get())
    }

    /// Another one, so many seconds later.
    pub(crate) fn moment_after(&self, seconds: i64) -> Moment {
        self.moments.set(self.moments.get() + 1);
        Moment::new(NOW.plus_seconds(seconds), self.moments.get())
    }

    /// A copy that a rule in this user's mailbox handed on.
    pub(crate) fn out_of_mailbox(&self, user: Id, mail: &str) -> Copy {
        let sink = address("crm@sink.contoso.test");
        self.copy(
            EnvelopeRecipient { address: sink.clone(), source: Source::Sink(sink), user: Some(user) },
            mail,
        )
    }

    /// A copy that was sent straight to the queue Support.
    pub(crate) fn to_support(&self, mail: &str) -> Copy {
        let support = address("support@contoso.test");
        let source = Source::Queue(support.clone());
        self.copy(EnvelopeRecipient { address: support, source, user: None }, mail)
    }

    /// The envelope sender is the author, as where somebody sends or a rule redirects.
    fn copy(&self, recipient: EnvelopeRecipient, mail: &str) -> Copy {
        let raw = mail.replace('\n', "\r\n").into_bytes();
        let author = message::read_header(&raw).ok().and_then(|header| header.from.into_iter().next());
        Copy {
            copyid: self.moment().id(),
            source: recipient.source.clone(),
            arrived: NOW,
            has_envelope: true,
            mail_from: author.map(|author| author.address.to_string()),
            recipients: vec![recipient],
            peer: None,
            trace: None,
            proof: Proof::Network,
            raw: Arc::from(raw),
            has_bare_line_ends: false,
        }
    }

    pub(crate) async fn take_in(&self, copy: Copy) -> Result<Receipt, CrmError> {
        intake::take_in(&self.organization, copy, self.moment()).await
    }

    /// Takes a copy of one mail in: outcome and reason, and the e-mail it became or is.
    pub(crate) async fn take(&self, copy: Copy) -> (Outcome, Reason, Option<Id>) {
        let receipt = self.take_in(copy).await.unwrap();
        let [original] = receipt.originals.as_slice() else { panic!("one original: {receipt:?}") };
        (original.outcome, original.reason, original.email)
    }

    /// Takes a mail in that has to be stored.
    pub(crate) async fn store(&self, copy: Copy) -> Id {
        let (outcome, reason, email) = self.take(copy).await;
        assert_eq!(outcome, Outcome::Stored, "{}", reason.name());
        email.unwrap()
    }

    /// Has an e-mail claim its content key in the form before the fifth schema, as a house that was upgraded has it; that key.
    pub(crate) async fn claims_in_former_form(&self, email: Id) -> [u8; 16] {
        let row = self.email(email);
        let sender = row.sender.as_deref().and_then(EmailAddress::parse).unwrap();
        let (senton, subject) = (row.senton.unwrap(), row.canonicalsubject);
        let former = message::identity::former_content_key(&sender, senton, &subject);
        let present = message::identity::content_key(&sender, senton, &subject);
        let claim = self.organization.read(|read| read.identities(&present)).unwrap().remove(0);
        let claim = Identity { keyhash: former.to_vec(), ..claim };
        let until = Timestamp::from_seconds(senton.seconds() + 1).0.to_string();
        let unit = self.organization.unit(Priority::Background, move |tx| {
            assert!(tx.drop_claim(&present, email)?);
            tx.claim(&claim)?;
            tx.set_setting("formerkeysuntil", &until)?;
            tx.bump_records_version()
        });
        unit.await.map_err(|error: StoreError| error).unwrap();
        former
    }

    pub(crate) fn email(&self, id: Id) -> Email {
        self.organization.read(|read| read.email(id)).unwrap().unwrap()
    }

    pub(crate) fn email_count(&self) -> i64 {
        self.organization.read(|read| read.email_count()).unwrap()
    }

    /// The sender of an e-mail: the record's id, and whether it is ambiguous.
    pub(crate) fn sender(&self, email: Id) -> (Option<Id>, bool) {
        let parties = self.organization.read(|read| read.parties(email)).unwrap();
        let sender = parties.iter().find(|party| party.participationtypemask == 1).unwrap();
        (sender.partyid, sender.isambiguous.unwrap_or(false))
    }

    pub(crate) async fn run_jobs(&self) {
        while jobs::run_one(&self.organization, NODE, self.moment()).await.unwrap() {}
    }

    /// Holds the writer until the gate is dropped; what is handed in meanwhile waits in line.
    pub(crate) fn gate(&self) -> (Sender<()>, PendingUnit<(), StoreError>) {
        let (open, opened) = channel::<()>();
        let (begun, began) = channel::<()>();
        let unit = self.organization.unit(Priority::Intake, move |_| {
            // At a second run the gate is gone, and there is nothing to wait for.
            let _ = begun.send(());
            let _ = opened.recv();
            Ok(())
        });
        began.recv().unwrap();
        (open, unit)
    }

    /// Nothing is wrong with the books.
    pub(crate) fn books_are_right(&self) {
        let verified = crm::accounting::verify(&self.organization).unwrap();
        assert_eq!(verified.faults, Vec::<String>::new());
    }

    /// Nothing is wrong with them but that copies were taken in which no ledger of a mailbox gave.
    pub(crate) fn books_are_right_but_for_ledgers(&self) {
        let verified = crm::accounting::verify(&self.organization).unwrap();
        let is_other = |fault: &&String| !fault.ends_with("copies were seen, and another number ended");
        assert_eq!(verified.faults.iter().filter(is_other).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    /// Does something behind the store's back.
    pub(crate) fn break_database(&self, sql: &str) -> usize {
        self.organization.tamper(Box::leak(sql.to_owned().into_boxed_str())).unwrap()
    }

    /// The files of large blobs.
    pub(crate) fn blob_files(&self) -> Vec<PathBuf> {
        let inside = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        inside(self.organization_folder().join("blobs")).flat_map(inside).collect()
    }

    fn organization_folder(&self) -> PathBuf {
        self.folder.path().join("organizations").join(self.organization.id().to_string())
    }
}

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn account(name: &str, server: &EmailServerProfile, username: &str) -> NewAccount {
    NewAccount {
        name: name.to_owned(),
        server: server.emailserverprofileid,
        username: username.to_owned(),
        password: None,
    }
}
