//! What can be written behind `postroom`; the help texts are the reference of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use postroom::node::Role;

use super::deliver::DeliverArguments;
use super::dkim::DkimCommand;
use super::drafts::{DraftCommand, SendAsCommand, SignatureArguments};
use super::hooks::HookCommand;
use super::mailbox::{MailboxCommand, ServerCommand};
use super::outbox::{OutboxCommand, RelayCommand};
use super::secrets::SecretsCommand;
use super::sending::SendArguments;
use super::suppression::SuppressionCommand;
use super::template::TemplateCommand;
use super::undeliverable::{QuarantineCommand, UndeliverableCommand};

/// E-mail for CRM, on any mail system: records every customer mail on the right customer record, exactly once.
#[derive(Parser)]
#[command(name = "postroom", version, max_term_width = 100, subcommand_required = true)]
#[command(
    after_help = "Every command works while the house serves: it asks there, and otherwise opens the data \
    folder itself.\nExit status: 0 well, 1 with faults, 2 where arguments, settings or the database server have to be changed first."
)]
pub(crate) struct Arguments {
    /// The settings file; else ./postroom.toml, else /etc/postroom/postroom.toml, else the defaults.
    #[arg(long, value_name = "FILE", global = true, env = "POSTROOM_SETTINGS")]
    pub(crate) settings: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve: take mail, show pages, run jobs, until SIGTERM or Ctrl-C.
    Serve {
        /// Write where the doors are to this file, as JSON, once all of them are open.
        #[arg(long, value_name = "FILE")]
        ports_file: Option<PathBuf>,
        /// What this node does, with commas: receive, web, jobs, index, poll, send. Else as the setting node.roles says.
        #[arg(long, value_name = "ROLES", value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// Nodes: the processes that serve, any number where rows are at a server.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Organizations: each has a database of its own.
    #[command(subcommand)]
    Org(OrgCommand),
    /// Users: people of ours who have a mailbox.
    #[command(subcommand)]
    User(UserCommand),
    /// Queues: shared addresses such as support@.
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Sinks: addresses that mailboxes forward to.
    #[command(subcommand)]
    Sink(SinkCommand),
    /// Mailboxes at other mail servers that are watched.
    #[command(subcommand)]
    Mailbox(MailboxCommand),
    /// Other mail servers, where such mailboxes are.
    #[command(subcommand)]
    Server(ServerCommand),
    /// The keys that passwords and tokens for other mail systems are sealed with.
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Addresses and domains whose mail is never recorded.
    #[command(subcommand)]
    NeverLog(NeverLogCommand),
    /// Import customers from a CSV file. The same file twice adds nothing twice.
    Import(ImportArguments),
    /// Count the books again: everything seen has an outcome, everything kept has its source. With --bytes, read
    /// the sources too.
    Verify {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
        /// Read every kept source and compare it with its digest: as long as reading all of them takes.
        #[arg(long)]
        bytes: bool,
        /// Print what it holds as digests, one for each table and one for all: the same in any house with the same
        /// content. What differs by nature is left out: numbers of events and copies, where kept bytes lie, leases,
        /// sessions. Where rows are in files, a database is copied in the data folder meanwhile.
        #[arg(long, conflicts_with = "bytes")]
        digest: bool,
    },
    /// Write an organization to one file, as it is at this moment, while mail goes on.
    Backup(BackupArguments),
    /// Make an organization of a file that `postroom backup` wrote, in this or another house, on any engine. It is
    /// compared with the file before it is there; what breaks off leaves nothing.
    Restore(RestoreArguments),
    /// Move an organization to another house, of any engine. Meanwhile its mail is answered 451 and comes again.
    Move(MoveArguments),
    /// Say what would become of mails, and why. Nothing is kept. Without mails: say where kept bytes lie, and whether
    /// the bucket does what it is asked.
    Check(CheckArguments),
    /// Take mails in by hand, past all filters: single mails, mailbox files (mbox), Maildirs, folders of .eml.
    Track(TrackArguments),
    /// Hand a mail on standard input to the house that serves, as mail servers and filters deliver to a program. It opens
    /// no database. Exit status as in sysexits.h: 0 it is kept; 75 try again, whatever the trouble; 67 unknown recipient;
    /// 77 this recipient may not be written to; 69 too large, or refused.
    Deliver(DeliverArguments),
    /// Send a mail: it stands on its records at once, and goes out by its sender's relay, or else the organization's. Prints
    /// the id of its e-mail.
    Send(Box<SendArguments>),
    /// Mail that goes out: what waits, and what became of it.
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Mails that are written and not sent.
    #[command(subcommand)]
    Draft(DraftCommand),
    /// Who may write as which queue. A user may as himself, and these commands as anybody.
    #[command(subcommand)]
    Sendas(SendAsCommand),
    /// Relays: servers, programs and folders that take an organization's mail and bring it on, and what outside senders pull.
    #[command(subcommand)]
    Relay(RelayCommand),
    /// Templates: texts with places for values, of which mails are made.
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Addresses to which nothing is sent: they do not work, or somebody does not want it.
    #[command(subcommand)]
    Suppression(SuppressionCommand),
    /// E-mails that the hook after delivery (hooks.post_deliver) was told of in vain.
    #[command(subcommand)]
    Hook(HookCommand),
    /// Keys that an organization's outgoing mail is signed with (DKIM).
    #[command(subcommand)]
    Dkim(DkimCommand),
    /// Mails that could not be processed and are kept for a person.
    #[command(subcommand)]
    Undeliverable(UndeliverableCommand),
    /// Mail that was kept apart because its sender is not trusted: that its own domain disowns (trust.quarantine), or
    /// that says one of us hands it over; and mail that a hook stopped.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// The text index that search reads; it follows the mail by itself, unless search.follows_mail is false.
    #[command(subcommand)]
    Index(IndexCommand),
    /// Print every setting with its default, ready to be kept as postroom.toml.
    Settings,
}

#[derive(Subcommand)]
pub(crate) enum NodeCommand {
    /// List the nodes that serve, and those that fell silent within the last hour.
    List,
    /// Say whether a node can work with these settings: the database server, its version, our rights there, the
    /// schemas, the clocks. Changes nothing. Exit status 0 where it can, 1 with faults.
    Check,
}

#[derive(Subcommand)]
pub(crate) enum OrgCommand {
    /// Make an organization.
    Add {
        /// Its name: letters, digits, - and _.
        name: String,
    },
    /// List all organizations.
    List,
    /// Open an organization again that was closed by a `postroom move` which did not end. Only where the other house
    /// does not have it.
    Reopen {
        /// Its name.
        name: String,
    },
    /// Set the prefixes of tracking tokens in subjects, such as `CRM:` of `CRM:0001001`.
    Tokens {
        /// The organization's name.
        #[arg(long)]
        org: String,
        /// The prefixes: the present one first, former ones behind it, so that old tokens are still found.
        #[arg(required = true)]
        prefixes: Vec<String>,
    },
    /// Have subjects of outgoing mail end with a tracking token, such as `CRM:207344618`, so that answers are known by it where a
    /// program leaves out what names the mail. An answer keeps the token of what it answers.
    SubjectTokens {
        /// The organization's name.
        #[arg(long)]
        org: String,
        /// Whether it is so from now on.
        #[arg(value_enum)]
        state: OnOrOff,
        /// Digits of a token, 4 to 18; the classic form has 7. Where most of a length are taken, they get longer.
        #[arg(long, value_name = "NUMBER", default_value_t = crm::outbox::TOKEN_DIGITS)]
        digits: usize,
    },
    /// Have answers to mail of queues come to an address with a word that nobody else can make, such as
    /// support+rk3q…@contoso.example, so that they are known whatever else is lost. The queue's mail server has to bring such
    /// addresses here.
    Answers {
        /// The organization's name.
        #[arg(long)]
        org: String,
        /// Whether it is so from now on.
        #[arg(value_enum)]
        state: OnOrOff,
    },
    /// Set the addresses from which the mail system of the organization sends journal reports to a sink. Such a
    /// report, from a network that refuses our domains from outside, is opened and its envelope is believed.
    Journal {
        /// The organization's name.
        #[arg(long)]
        org: String,
        /// The addresses in From of the reports; none: no journal is believed.
        #[arg(value_name = "ADDRESS")]
        senders: Vec<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user. Prints the sink key, and the addresses that a rule in the mailbox forwards to.
    Add(UserArguments),
    /// Set the password of a user.
    Password {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The user's address.
        #[arg(long)]
        address: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List the users of an organization.
    List {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
    },
    /// Say by which way out goes what a user writes as himself, from now on; what waits keeps its way.
    Set {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The user's address.
        #[arg(long)]
        address: String,
        /// The way out, as `postroom relay list` names it; none for the organization's.
        #[arg(long, value_name = "NAME")]
        relay: String,
    },
    /// Set what a user puts below the mail that he writes, or show it where nothing is given.
    Signature(SignatureArguments),
}

#[derive(Args)]
pub(crate) struct UserArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: String,
    /// The full name.
    #[arg(long)]
    pub(crate) name: String,
    /// The address of the mailbox.
    #[arg(long)]
    pub(crate) address: String,
    /// Which incoming mail is kept: all, replies, known-customers, enabled-records or none
    /// [default: known-customers].
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// The user is an administrator: the pages name him so.
    #[arg(long)]
    pub(crate) admin: bool,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
}

#[derive(Args)]
pub(crate) struct PasswordSource {
    /// Read the password for the pages from the first line of standard input.
    #[arg(long, conflicts_with = "new_password")]
    pub(crate) password_stdin: bool,
    /// Make a new password and print it, this once.
    #[arg(long)]
    pub(crate) new_password: bool,
}

#[derive(Subcommand)]
pub(crate) enum QueueCommand {
    /// Add a queue.
    Add {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The name.
        #[arg(long)]
        name: String,
        /// The address.
        #[arg(long)]
        address: String,
        /// Which incoming mail is kept: all, replies, known-customers, enabled-records or none
        /// [default: known-customers].
        #[arg(long)]
        filter: Option<String>,
    },
    /// Have a queue acknowledge what a person sends straight to it: an answer of a template, once in a while. Programs, lists
    /// and colleagues get none, nor does an answer within a conversation. Or say by which way out goes what is written as the queue.
    Set {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The template that the answer is made of, by its title; one that is everybody's.
        #[arg(long, value_name = "TEMPLATE", required_unless_present_any = ["no_acknowledge", "relay"])]
        acknowledge: Option<String>,
        /// Acknowledge no more.
        #[arg(long, conflicts_with = "acknowledge")]
        no_acknowledge: bool,
        /// For so many days nobody is answered twice.
        #[arg(long, value_name = "DAYS", default_value_t = 7)]
        period_days: i32,
        /// So many answers go to one domain in an hour; what would get more may be a program that answers ours.
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        hourly_max: i32,
        /// The way out, as `postroom relay list` names it, of what is written as this queue from now on, acknowledgements too; none for
        /// the organization's. What waits keeps its way.
        #[arg(long, value_name = "NAME", conflicts_with_all = ["acknowledge", "no_acknowledge", "period_days", "hourly_max"])]
        relay: Option<String>,
        /// The queue's address.
        queue: String,
    },
    /// List the queues of an organization.
    List {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum SinkCommand {
    /// Add a sink. This machine may always write to it, and who knows a user's sink key.
    Add {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The address, without a +detail.
        address: String,
        /// A network that may write to it, such as 10.1.0.0/16; may be given more than once.
        #[arg(long, value_name = "CIDR")]
        network: Vec<String>,
        /// A network that may write to it and refuses our own domains from outside, so that a sender who is one
        /// of us is believed; may be given more than once.
        #[arg(long, value_name = "CIDR")]
        refusing_network: Vec<String>,
    },
    /// List the sinks of an organization.
    List {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
    },
    /// Credentials: what a mail server or program from anywhere proves with AUTH, under TLS, to write to a sink.
    #[command(subcommand)]
    Credential(SinkCredentialCommand),
}

#[derive(Subcommand)]
pub(crate) enum SinkCredentialCommand {
    /// Make a credential. Prints the name and the secret to be entered at the peer, the secret this once.
    Add {
        #[command(flatten)]
        of: SinkCredentialArguments,
        /// It is this user's own: a mail is believed to be his where it says so, and forwards are opened.
        #[arg(long, value_name = "ADDRESS", conflicts_with = "refusing")]
        user: Option<String>,
        /// Its holder refuses our own domains from outside, so that a sender who is one of us is believed.
        #[arg(long)]
        refusing: bool,
    },
    /// List the credentials of a sink.
    List {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The sink's address.
        #[arg(long, value_name = "ADDRESS")]
        sink: String,
    },
    /// Take a credential away. It opens nothing any more, in open sessions either.
    Remove {
        #[command(flatten)]
        of: SinkCredentialArguments,
    },
}

#[derive(Args)]
pub(crate) struct SinkCredentialArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: String,
    /// The sink's address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) sink: String,
    /// The credential's name at the sink, such as exchange: small letters, digits, -, _ and .
    pub(crate) name: String,
}

#[derive(Subcommand)]
pub(crate) enum NeverLogCommand {
    /// Add an address, or @domain for a whole domain.
    Add {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The user whose own list it is; else the list of the organization.
        #[arg(long, value_name = "ADDRESS")]
        user: Option<String>,
        /// An address, or @domain.
        pattern: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum IndexCommand {
    /// Say how far it is: e-mails in it, and e-mails to go.
    Status {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Throw it away and make it anew from the kept mail. Until it is done, search finds what is in it already.
    Rebuild {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
    },
}

#[derive(Args)]
pub(crate) struct BackupArguments {
    /// The organization.
    #[arg(long, value_name = "NAME", required_unless_present = "all")]
    pub(crate) org: Option<String>,
    /// All organizations, each in a file of its name in a folder.
    #[arg(long, conflicts_with = "org")]
    pub(crate) all: bool,
    /// The file, or with --all the folder. The house writes it, for its owner alone; an old file is replaced when
    /// the new one is whole. Beside it there must be room for a copy of the database meanwhile.
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
}

#[derive(Args)]
pub(crate) struct RestoreArguments {
    /// The file.
    pub(crate) file: PathBuf,
    /// Restore it under another name, as another organization.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Let no address lead to it: to look into an archive whose organization is still here.
    #[arg(long)]
    pub(crate) without_addresses: bool,
}

#[derive(Args)]
pub(crate) struct MoveArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: String,
    /// The settings file of the other house, which may serve meanwhile. The environment does not change them.
    #[arg(long, value_name = "SETTINGS")]
    pub(crate) to: PathBuf,
    /// The archive on the way, which both houses can reach [default: in the data folder of this one].
    #[arg(long, value_name = "FILE")]
    pub(crate) through: Option<PathBuf>,
}

/// What a file of customers holds.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Customers {
    /// Companies.
    Accounts,
    /// People; a company is named in the column parentcustomerid ("Company").
    Contacts,
    /// Leads.
    Leads,
}

#[derive(Args)]
pub(crate) struct ImportArguments {
    /// What the file holds.
    pub(crate) customers: Customers,
    /// The organization.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: String,
    /// A CSV file (RFC 4180) in UTF-8, parted by commas, semicolons or tabs. Its first line names the columns by
    /// logical name (emailaddress1) or label ("E-mail").
    pub(crate) file: PathBuf,
}

#[derive(Args)]
pub(crate) struct CheckArguments {
    /// The organization; without mails all, where none is named.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: Option<String>,
    /// The envelope sender; "" for the null sender.
    #[arg(long, value_name = "ADDRESS", requires = "files")]
    pub(crate) mail_from: Option<String>,
    /// The envelope recipient: a sink, with or without a sink key, a queue or a user; several with commas.
    #[arg(long, value_name = "ADDRESS", requires = "files")]
    pub(crate) rcpt: Option<String>,
    /// Print one JSON object for each file.
    #[arg(long)]
    pub(crate) json: bool,
    /// Make the bucket this house's before, though it names another house or this one in another place: after a house
    /// was moved to another machine or put back from a copy. Two houses that use one bucket and prefix remove each
    /// other's mail: stop the other one for good first.
    #[arg(long, conflicts_with = "files")]
    pub(crate) take_bucket: bool,
    /// The mails; - for standard input. None: the house itself is checked.
    #[arg(requires_all = ["org", "mail_from", "rcpt"])]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct TrackArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: String,
    /// The user whose mailbox it was. Mail of this user to somebody outside is outgoing, wherever it lies.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) user: Option<String>,
    /// Ask the filters, as for mail that arrives now; without it everything is kept.
    #[arg(long)]
    pub(crate) filtered: bool,
    /// How a mailbox file marks lines that begin with "From ". A Content-Length that fits says where a mail ends,
    /// and a line without a mark in one that the file marks none.
    #[arg(long, value_name = "FORM", default_value = "mboxrd")]
    pub(crate) mbox: MboxForm,
    /// Print one JSON object for each mail.
    #[arg(long)]
    pub(crate) json: bool,
    /// Mails, mailbox files and folders; - for one mail from standard input. Nothing in them is changed. Begun
    /// again after it broke off, an import goes on where it was. Folders and mails that are marked as drafts,
    /// deleted or junk are left out, unless the folder itself is named; in a mailbox file only where the program that
    /// keeps it marked them, for a sender can write such marks too.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// How a mailbox file marks lines of a mail that begin with "From ".
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum MboxForm {
    /// By ">" before any number of ">" and "From "; reads mboxo as well.
    Mboxrd,
    /// By ">" before "From " alone.
    Mboxo,
    /// Not at all: Content-Length says where a mail ends.
    Mboxcl2,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum OnOrOff {
    On,
    Off,
}
