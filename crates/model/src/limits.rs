//! Every limit in the house, with its reason. Everything from outside meets one of them.

/// A whole message, as received. Larger than any common provider accepts; a setting may lower it.
pub const MESSAGE_BYTES_MAX: usize = 50 * 1024 * 1024;
/// Nested MIME entities: real mail stays below 10; deeper is an attack on recursion.
pub const MIME_DEPTH_MAX: usize = 32;
/// MIME entities in one message: an attack on memory beyond this.
pub const MIME_PARTS_MAX: usize = 10_000;
/// Containers inside containers (`winmail.dat`, signed content) that are opened: real mail is signed twice at most.
pub const CONTAINER_DEPTH_MAX: usize = 5;
/// Containers of one message that are opened: a mail has one, and a digest of forwarded ones a few.
pub const CONTAINERS_MAX: usize = 20;
/// A mail whose containers are open, all files in base64: twice what arrives, so that opening cannot fill the memory.
/// All that is made on the way counts, so one container in another, or many side by side, cost no more.
pub const CONTENT_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// Attributes of one TNEF stream: a file takes five, and no more files than [`ATTACHMENTS_MAX`] are listed.
pub const TNEF_ATTRIBUTES_MAX: usize = 10_000;
/// Properties in one list of a TNEF stream, and recipients in one table: Outlook writes about a hundred.
pub const MAPI_PROPERTIES_MAX: usize = 10_000;
/// Rich text, decompressed: two bytes may stand for seventeen, and no person writes so much.
pub const RTF_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Groups inside groups in rich text: each is remembered until it ends.
pub const RTF_DEPTH_MAX: usize = 1_000;
/// Elements inside elements of a signed message (X.690): the structure is six deep, its strings may be in pieces.
pub const BER_DEPTH_MAX: usize = 16;
/// Sinks of a domain that are asked, in turn, whether a peer may write to its postmaster: each may open an
/// organization, and strangers ask.
pub const POSTMASTER_SINKS_MAX: usize = 64;
/// Recipients in one SMTP transaction (RFC 5321 §4.5.3.1.8 asks for at least 100).
pub const RECIPIENTS_MAX: usize = 1_000;
/// The header section of a message.
pub const HEADER_BYTES_MAX: usize = 1024 * 1024;
/// A line of message text that the door surely takes: RFC 5321 §4.5.3.1.6 says 1,000, and real mail breaks it.
/// Longer lines are kept too; only the size of the message limits them.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// A command line of SMTP (RFC 5321 §4.5.3.1.4 says 512, extensions add to it).
pub const COMMAND_BYTES_MAX: usize = 4 * 1024;
/// `Received` fields after which a message is in a loop (RFC 5321 §6.3 asks for at least 100).
pub const RECEIVED_MAX: usize = 100;
/// Referenced Message-IDs that are looked at: the first and the last halves of longer lists.
pub const REFERENCES_MAX: usize = 100;
/// Attachment rows of one e-mail.
pub const ATTACHMENTS_MAX: usize = 1_000;
/// Parties (sender and recipients) of one e-mail; newsletters with more name the rest only in the source.
pub const PARTIES_MAX: usize = 1_000;
/// Originals in one copy: a digest of more is Undeliverable, for a person to look at.
pub const ORIGINALS_MAX: usize = 100;
/// Lines of a header that somebody forwarded as text: that of a whole mail with its trace stays below 200.
pub const QUOTED_HEADING_LINES_MAX: usize = 400;
/// One e-mail address: RFC 5321 §4.5.3.1 (64 + 1 + 255), doubled for UTF-8.
pub const ADDRESS_BYTES_MAX: usize = 640;
/// Bytes of a domain's name (RFC 1035 §2.3.4).
pub const DOMAIN_BYTES_MAX: usize = 253;
/// An envelope sender that is no readable address, kept as text: RFC 5321 §4.5.3.1 (64 + 1 + 255).
pub const SENDER_TEXT_BYTES_MAX: usize = 320;
/// One Message-ID: a whole header line of RFC 5322 §2.1.1.
pub const MESSAGE_ID_BYTES_MAX: usize = 998;
/// A subject in the table (Dataverse: 800).
pub const SUBJECT_CHARS_MAX: usize = 800;
/// A display name in the table.
pub const NAME_CHARS_MAX: usize = 200;
/// The first words of an e-mail, for lists.
pub const PREVIEW_CHARS_MAX: usize = 200;
/// Text in which those first words are looked for: every mail passes here, and what is new stands at its beginning
/// or between short quotations.
pub const PREVIEW_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Text taken from a message for digests and search.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Candidates kept for an ambiguous address.
pub const CANDIDATES_MAX: usize = 20;
/// E-mails under one key that are looked at: a program that gives all its mail one Message-ID makes many.
pub const CLAIMS_MAX: usize = 100;
/// Records that one address may belong to before it is called ambiguous without a list (Dynamics: 100).
pub const MATCHES_MAX: usize = 100;
/// Conversations joined by one mail: more are joined by later mails, so a unit stays short.
pub const CONVERSATION_JOIN_MAX: usize = 500;
/// Rows of an import or job in one unit of work.
pub const ROWS_PER_UNIT_MAX: usize = 500;
/// Mails of one sender that are looked at for the one somebody quoted: each is a row read while the writer is held.
pub const SENT_ROWS_MAX: usize = 2_000;
/// Units of work in one commit.
pub const UNITS_PER_COMMIT_MAX: usize = 512;
/// Units of work in one transaction at a server: what the first of them waits for grows with it, while the round trips
/// that they share are shared enough.
pub const UNITS_TOGETHER_MAX: usize = 256;
/// Transactions of one organization at a server at a time, in one process: while one waits for its commit the next one
/// gathers.
pub const BATCHES_PER_ORGANIZATION_MAX: usize = 2;
/// Attempts to take a sheet of the ledger: each time another connection may take the same one.
pub const SHEET_ATTEMPTS_MAX: u32 = 100;
/// Until a connection to the database server stands, or one becomes free.
pub const DATABASE_CONNECT_SECONDS_MAX: u64 = 10;
/// Until the database server has answered: beyond it the network is believed to be cut, and mail is better refused for
/// now. Longer than any lock is waited for at the server.
pub const DATABASE_ANSWER_SECONDS_MAX: u64 = 20;
/// Until a migration has run, or another node's.
pub const MIGRATION_SECONDS_MAX: u64 = 3_600;
/// What falls due so long after its commit is still told to other nodes when it does: the pages let a letter wait for ten
/// seconds, so that it can be taken back.
pub const HINT_SECONDS_MAX: u64 = 60;
/// How long it is asked what became of a commit whose answer was lost. Senders wait ten minutes for the answer to DATA
/// (RFC 5321 §4.5.3.2.6).
pub const COMMIT_SETTLE_SECONDS_MAX: u64 = 30;
/// How long leased work is left to its node without a word from it. With the pause in which others look for work, work
/// of a node that died is taken over within half a minute.
pub const LEASE_SECONDS: i64 = 20;
/// How often a lease is renewed by whoever holds it: it may miss the server twice and keep it.
pub const LEASE_RENEW_SECONDS: u64 = 6;
/// Units of work that may wait in one organization: far beyond all doors together, so that a runaway job cannot
/// eat the memory.
pub const UNITS_WAITING_MAX: usize = 10_000;
/// Units of intake that may pass a waiting unit of the background.
pub const INTAKE_BEFORE_BACKGROUND_MAX: usize = 64;
/// Answers about records that are kept in memory for one organization: the addresses of the busiest customers. At a
/// few hundred bytes each they stay below the page cache of one connection.
pub const ANSWERS_MAX: usize = 16_384;
/// What those answers take of the memory, about: strangers choose how long their addresses are.
pub const ANSWERS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Addresses of users, queues and sinks that are remembered all at once: of more, each is asked for by itself.
pub const OUR_ADDRESSES_MAX: usize = 4_096;
/// Addresses that are asked for one by one after records changed, before all of ours are.
pub const QUESTIONS_BEFORE_ALL: u64 = 64;
/// Addresses that lead nowhere and are remembered as such: strangers make them up, and no other is asked for twice.
pub const UNKNOWN_ROUTES_MAX: usize = 1_024;
/// What a person writes into the search box: longer than any line of thought, short enough to be read at once.
pub const SEARCH_CHARS_MAX: usize = 400;
/// Words of one search. Each walks a list of its own through the index; a character of Chinese or Japanese is one.
pub const SEARCH_WORDS_MAX: usize = 64;
/// How long the index looks for the mails of one page: a person has gone elsewhere by then, and few can search at a
/// time.
pub const SEARCH_SECONDS_MAX: u64 = 2;
/// Characters of one indexed word: longer runs are encoded bytes and tracking numbers, which nobody looks for and
/// which would make up most of the index.
pub const INDEXED_WORD_CHARS_MAX: usize = 64;
/// Text of one e-mail that is indexed: two thousand printed pages fit, a log file sent as text does not.
pub const INDEXED_TEXT_BYTES_MAX: usize = 512 * 1024;
/// E-mails that enter the index with one commit: large loads make few segments to be merged later.
pub const INDEX_EMAILS_MAX: usize = 2_000;
/// Text that enters the index with one commit, held in memory until then.
pub const INDEX_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Events that are looked through for e-mails at a time.
pub const INDEX_EVENTS_MAX: usize = 4_000;
/// Units of work in a second, of all organizations, above which the index waits: taking mail in comes first.
pub const INDEX_UNITS_PER_SECOND_MAX: f64 = 100.0;
/// How long it waits for a quieter moment before it works all the same.
pub const INDEX_WAIT_SECONDS_MAX: u64 = 120;
/// How long it works for one organization before the next has its turn.
pub const INDEX_TURN_SECONDS_MAX: u64 = 5;
/// E-mails whose rows are read in one snapshot, so that the log of the database can begin anew in between.
pub const INDEX_ROWS_PER_SNAPSHOT_MAX: usize = 100;
/// Records that a search by name looks at: whoever means one of more than these writes another letter.
pub const FOUND_RECORDS_MAX: usize = 1_000;
/// Cached pages of the connection that writes the index.
pub const INDEX_CACHE_BYTES: usize = 16 * 1024 * 1024;
/// Pages in the log of an index before its own connection carries them over.
pub const INDEX_LOG_PAGES_MAX: i64 = 2_000;
/// Addresses in a unit that notes customers beside them.
pub const NOTED_PER_UNIT_MAX: usize = 500;
/// Cached pages of the connection that writes: the upper levels of all indexes of an organization.
pub const WRITER_CACHE_BYTES: usize = 32 * 1024 * 1024;
/// The same of a very large one, whose database has 16 GiB.
pub const WRITER_CACHE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Addresses of a copy that are looked up before its unit of work does so.
pub const FORESEEN_MAX: usize = 16;
/// Cached pages of a connection that reads.
pub const READER_CACHE_BYTES: usize = 8 * 1024 * 1024;
/// Cached pages of a connection that only carries pages from the log to the file.
pub const CHECKPOINT_CACHE_BYTES: usize = 1024 * 1024;
/// Memory of the database engine for all organizations together; caches stop growing there.
pub const ENGINE_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Pages in the log of a database before they are carried over.
pub const LOG_PAGES_MAX: i64 = 16_000;
/// Pages in the log before the writer waits for a moment, so that the log can begin anew.
pub const LOG_PAGES_BEFORE_PAUSE_MAX: i64 = 64_000;
/// Compressed mail up to this size stands in the database; larger mail in a file of its own.
pub const BLOB_ROW_BYTES_MAX: usize = 128 * 1024;
/// Mail up to this size never leaves the row, however badly it is compressed: nobody waits for a disk or a bucket.
pub const INLINE_MAIL_BYTES_MAX: usize = BLOB_ROW_BYTES_MAX - 1024;
/// Plain bytes in one frame of a kept mail, so that a part can be read without the whole.
pub const BLOB_FRAME_BYTES: usize = 256 * 1024;
/// Seconds for one request to a bucket, tries again included: a mail of full size crosses a slow line in that time, and
/// whoever brings mail waits ten minutes for the answer (RFC 5321 §4.5.3.2.6).
pub const BUCKET_SECONDS_MAX: u64 = 60;
/// Seconds until a bucket's server takes a connection.
pub const BUCKET_CONNECT_SECONDS_MAX: u64 = 5;
/// How often a request to a bucket is tried again: a server that is restarted is back by then, or mail is put off.
pub const BUCKET_RETRIES_MAX: usize = 3;
/// Seconds in which nobody waits again for a bucket that did not answer: those who bring large mail come again later.
pub const BUCKET_PAUSE_SECONDS: u64 = 5;
/// Requests to a bucket at a time: as many large mails are under way, and each holds its bytes in memory.
pub const BUCKET_REQUESTS_MAX: usize = 32;
/// Threads that carry requests to a bucket: they wait for the network nearly always.
pub const BUCKET_THREADS: usize = 2;
/// Seconds from the writing of large bytes to the commit that names them. Bytes that are older may have been swept.
pub const BLOB_PREPARED_SECONDS_MAX: u64 = 900;
/// Hours between two looks for kept bytes that nothing names, and the age at which such bytes may go.
pub const BLOB_CONDEMNED_HOURS: i64 = 24;
/// Seconds for which the name of removed bytes stays taken: longer than [`BLOB_PREPARED_SECONDS_MAX`] by more than
/// clocks differ.
pub const BLOB_GONE_SECONDS: i64 = 3_600;
/// Kept bytes that one look goes through, nine bytes of memory each. A larger house is looked through in turns.
pub const BLOB_LOOK_MAX: usize = 1_000_000;
/// Rows of kept bytes that change or go in one unit: each may hold 128 KiB, which are freed page by page.
pub const BLOB_ROWS_PER_UNIT_MAX: usize = 100;
/// Rows or names that are read at a time while kept bytes are looked through.
pub const BLOB_PAGE: usize = 1_000;
/// The longest record of an archive: the kept bytes of one mail as they are stored. The largest mail fits, however badly it
/// was compressed.
pub const ARCHIVE_RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A row in an archive: a few of the longest texts ([`TEXT_BYTES_MAX`], [`HEADER_BYTES_MAX`]), which are held three times
/// while the row is made.
pub const ARCHIVE_ROW_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What stands around the rows of an archive: names of columns, counts, digests.
pub const ARCHIVE_NAMES_BYTES_MAX: usize = 64 * 1024;
/// Columns that an archive names for a table: more than any has. A value takes one byte there and thirty in memory.
pub const ARCHIVE_COLUMNS_MAX: usize = 256;
/// Routes that an archive brings, held in memory until all of them are published at once: one for each user.
pub const ARCHIVE_ROUTES_MAX: usize = 1_000_000;
/// Bytes of all of them: as many addresses of usual length.
pub const ARCHIVE_ROUTES_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Rows of an archive in one transaction, and bytes of them: a restore has the database for itself.
pub const RESTORE_ROWS_MAX: usize = 2_000;
/// See [`RESTORE_ROWS_MAX`].
pub const RESTORE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Connections at one door at a time.
pub const CONNECTIONS_MAX: usize = 1_000;
/// Connections that wait at a door to be taken: as many as may be open at it. The kernel has a limit of its own too,
/// `net.core.somaxconn`; a connection beyond either tries again after a second.
pub const WAITING_CONNECTIONS_MAX: u32 = 1_000;
/// Connections at one door from one stranger, an IPv4 address or an IPv6 /64: more than a mail server opens that
/// few of our users redirect from, too few to hold the door shut.
pub const STRANGER_CONNECTIONS_MAX: usize = 20;
/// Connections of one stranger in a minute: a busy mail server opens one a second, a scanner hundreds.
pub const STRANGER_CONNECTIONS_PER_MINUTE_MAX: u32 = 120;
/// Messages of one stranger in a minute: a mail server that comes back after an hour gets its queue in within some
/// minutes, and nobody fills the disk in one.
pub const STRANGER_MESSAGES_PER_MINUTE_MAX: u32 = 600;
/// Recipients one stranger names in a minute: two full transactions.
pub const STRANGER_RECIPIENTS_PER_MINUTE_MAX: u32 = 2_000;
/// Failed attempts of AUTH from one stranger in a minute: a mail server with an old secret tries a few times.
pub const AUTH_FAILURES_PER_MINUTE_MAX: u32 = 10;
/// Failed attempts of AUTH in one session before it is closed.
pub const AUTH_FAILURES_PER_SESSION_MAX: usize = 3;
/// Rounds of the hash in a verifier of SCRAM; the ones we make take 4,096.
pub const SCRAM_ITERATIONS_MAX: u32 = 100_000;
/// Counters of what strangers do in a minute, for all of them: 0.6 MiB, and a thousand strangers at a time seldom
/// share one.
pub const RATE_SLOTS: usize = 16 * 1024;
/// The header of the PROXY protocol: addresses take up to 232 bytes, the rest are notes about TLS.
pub const PROXY_HEADER_BYTES_MAX: usize = 4 * 1024;
/// Seconds until that header is here: the proxy sends it at once.
pub const PROXY_HEADER_SECONDS_MAX: u64 = 10;
/// One place at a door in so many is kept for trusted peers, whatever number of strangers there are.
pub const PLACES_PER_RESERVED_PLACE: usize = 10;
/// Bytes of messages under way in memory, through all doors at a time; beyond it they answer 452 4.3.1.
pub const IN_FLIGHT_BYTES_MAX: usize = 192 * 1024 * 1024;
/// Messages above this stand in a file while they arrive: most mails are smaller, and a thousand connections
/// with as much each are bounded by the limit above.
pub const LARGE_MESSAGE_BYTES: usize = 256 * 1024;
/// Bytes of messages under way on disk; beyond it the doors answer 452 4.3.1. Forty mails of full size.
pub const IN_FLIGHT_DISK_BYTES_MAX: usize = 40 * MESSAGE_BYTES_MAX;
/// Protocol errors in one SMTP session before it is closed.
pub const SESSION_ERRORS_MAX: usize = 20;
/// Commands in one SMTP session without a message among them: room for a full transaction with refused
/// recipients, not for probing addresses or chatting on.
pub const COMMANDS_PER_MESSAGE_MAX: usize = 3 * RECIPIENTS_MAX;
/// Transactions in one SMTP session before it is asked to come again; spreads load over restarts.
pub const SESSION_MESSAGES_MAX: usize = 100_000;
/// Seconds to wait for a command (RFC 5321 §4.5.3.2.7).
pub const COMMAND_SECONDS_MAX: u64 = 300;
/// Seconds to wait for a command of a stranger: well-behaved servers answer within seconds.
pub const STRANGER_COMMAND_SECONDS_MAX: u64 = 60;
/// Seconds for a stranger's session in which no recipient was accepted, so that chatting cannot hold a place.
pub const STRANGER_SESSION_SECONDS_MAX: u64 = 1_800;
/// Recipients refused to a stranger in one session before it is closed: probing addresses becomes slow, and mail
/// for a long list still gets on, fifty answers at a time.
pub const STRANGER_REFUSED_MAX: usize = 50;
/// Seconds to wait for the next block of message data (RFC 5321 §4.5.3.2.5 gives the client three minutes).
pub const DATA_BLOCK_SECONDS_MAX: u64 = 180;
/// Seconds for one whole message, so that a trickle cannot hold a place for ever.
pub const DATA_SECONDS_MAX: u64 = 1_800;
/// Seconds for a TLS handshake.
pub const TLS_HANDSHAKE_SECONDS_MAX: u64 = 30;
/// Seconds that open transactions have to end when the house stops.
pub const STOP_SECONDS_MAX: u64 = 20;
/// Rows on one page of a list.
pub const PAGE_ROWS_MAX: usize = 50;
/// The body of a request to the pages.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
/// The body of a mail shown on a page; the rest is in the source.
pub const SHOWN_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Pictures inside a mail that go into its page, encoded: a page of more is slow on any telephone.
pub const SHOWN_PICTURES_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Hours a session of the pages lives, from signing in: a day at work, however much it is used.
pub const SESSION_HOURS: i64 = 12;
/// Wrong passwords for one account from one network in a minute.
pub const SIGN_IN_PER_MINUTE_MAX: u32 = 10;
/// Wrong passwords from one network in a minute, for whatever accounts: an office on a Monday stays below.
pub const SIGN_IN_PER_NETWORK_AND_MINUTE_MAX: u32 = 60;
/// Bytes of a password or token for another system: some providers' tokens have several thousand.
pub const SECRET_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the key file: a line a key, for more keys than anybody will ever have changed.
pub const KEY_FILE_BYTES_MAX: usize = 16 * 1024;
/// Connections to one listener of the pages at a time.
pub const WEB_CONNECTIONS_MAX: usize = 512;
/// Seconds for the header of a request to the pages, and for a connection to wait for the next one.
pub const WEB_HEADER_SECONDS_MAX: u64 = 10;
/// A request on the control socket: one mail of full size in base64, with room for its frame.
pub const CONTROL_BYTES_MAX: usize = 80 * 1024 * 1024;
/// Mails of one request that brings old mail: enough that a commit is shared, few enough to be asked again.
pub const HISTORY_BATCH_MAX: usize = 64;
/// Bytes of mail after which such a request is full: with one mail of full size, it stays below
/// [`CONTROL_BYTES_MAX`] in base64.
pub const HISTORY_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Messages of a folder that are looked at in one turn: enough that commands and units of work are shared, few enough that
/// a mailbox of any size is soon done with its turn.
pub const POLL_TURN_MESSAGES_MAX: usize = 256;
/// Messages of a turn that are in the intake at a time: enough for two commits, and what others wait for there stands behind
/// no more than these.
pub const POLL_DELIVERIES_MAX: usize = 64;
/// Bytes of message bodies that a turn holds at a time, if no single message is larger.
pub const POLL_TURN_BYTES: u64 = 4 * 1024 * 1024;
/// From this attempt on a message of a folder is tried alone: whatever stopped the process was perhaps this one.
pub const POLL_ALONE_FROM: u32 = 3;
/// From this attempt on a message of a folder is kept for a person without being read.
pub const POLL_SET_ASIDE_FROM: u32 = 5;
/// From this attempt on a message of a folder is not even fetched, if other messages of the session were.
pub const POLL_LEAVE_FROM: u32 = 6;
/// Seconds until a message of a folder that did not come, or could not leave, is tried again.
pub const POLL_PUT_OFF_SECONDS: i64 = 900;
/// Seconds in which a message that its server does not give is asked for again and again: an outage of two weeks, say, or
/// a folder that somebody has to repair.
pub const POLL_UNFETCHABLE_SECONDS: i64 = 14 * 86_400;
/// And at most so many between two tries of it, and of one that a hook does not take well.
pub const POLL_UNFETCHABLE_PAUSE_SECONDS_MAX: i64 = 86_400;
/// Turns over folders that go on at the same time, of all mailboxes of a process.
pub const POLL_TURNS_MAX: usize = 16;
/// Mailboxes of one host that sign in at a time: a handshake takes ten times the memory of a session that waits, and
/// servers take many sign-ins at once for an attack.
pub const POLL_SIGN_INS_MAX: usize = 16;
/// Seconds that a mailbox keeps its connection, where its host takes fewer than it has mailboxes: servers take many sign-ins
/// for an attack.
pub const POLL_SHARED_TURN_SECONDS: u64 = 2;
/// Seconds until a mailbox that was looked at and gave its connection to another one wants one again.
pub const POLL_SHARED_PAUSE_SECONDS: u64 = 60;
/// Threads on which the Router waits for the store, for all mailboxes of a process: each keeps about a mebibyte.
pub const POLL_THREADS_MAX: usize = 8;
/// Seconds that news of a folder are waited for, before it is looked at anyway: servers close what is still for half an
/// hour, and some networks sooner.
pub const POLL_WAIT_SECONDS: u64 = 9 * 60;
/// Seconds between two looks at which mailboxes there are, and at the leases of those that are watched here: a third of
/// the time that a lease runs.
pub const POLL_ROUND_SECONDS: u64 = 6;
/// The folder of a watched mailbox for mail that cannot be processed: the name that its kind has had since Microsoft CRM.
pub const UNDELIVERABLE_FOLDER: &str = "Undeliverable";
/// Seconds until a connection to another mail server stands, and for its TLS handshake.
pub const CONNECT_SECONDS_MAX: u64 = 30;
/// Names of servers that are looked up at the same time: each takes a thread for as long as the resolver takes.
pub const LOOKUPS_MAX: usize = 8;
/// Seconds until another mail server has answered: opening a folder of a million messages takes a poor one minutes.
pub const ANSWER_SECONDS_MAX: u64 = 180;
/// Bytes of a longer answer that earn another second: a mail of full size may come over a slow line in seven hours, and
/// a server that drips ends after [`ANSWER_SECONDS_MAX`].
pub const ANSWER_BYTES_PER_SECOND_MIN: u64 = 2 * 1024;
/// One line of an IMAP answer, without its literals: a search may find a hundred thousand messages.
pub const IMAP_LINE_BYTES_MAX: usize = 1024 * 1024;
/// Words, texts and parentheses of one IMAP answer: each costs memory, however short it is.
pub const IMAP_WORDS_MAX: usize = 128 * 1024;
/// Parentheses inside parentheses of an IMAP answer: a NAMESPACE is three deep.
pub const IMAP_DEPTH_MAX: usize = 32;
/// A literal in an IMAP answer that is neither header nor body: the name of a folder.
pub const IMAP_LITERAL_BYTES_MAX: usize = 64 * 1024;
/// `BODY[…]` up to its bracket. We ask for sections of a few bytes; every one that has no end is searched so far.
pub const IMAP_SECTION_BYTES_MAX: usize = 1024;
/// Literals in one IMAP answer: the names of a list are one each, header and body of a message are two.
pub const IMAP_LITERALS_MAX: usize = 100;
/// Rounds of the hash that a server's SCRAM may ask of us: half a second of a processor.
pub const SCRAM_SERVER_ITERATIONS_MAX: u32 = 1_000_000;
/// Bytes that come with the answer to one IMAP command besides bodies: another client that empties a folder of a
/// million messages makes 16 MiB of news.
pub const IMAP_ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Messages that one IMAP command asks for.
pub const IMAP_WINDOW_MAX: usize = 256;
/// Headers that one IMAP command asks for: each may be as large as [`HEADER_BYTES_MAX`].
pub const IMAP_HEADERS_MAX: usize = 64;
/// Folders of one mailbox that are listed.
pub const IMAP_FOLDERS_MAX: usize = 10_000;
/// The name of a folder at a mail server: that of a path, encoded.
pub const FOLDER_NAME_BYTES_MAX: usize = 4 * 1024;
/// Messages of a mailbox that enter its ledger or leave it in one unit of work, a few turns of them: each is looked up and
/// written while the writer is held.
pub const LEDGER_MESSAGES_MAX: usize = 1024;
/// Headers of messages that are advised about at a time: all of them are in memory.
pub const ADVICE_MAX: usize = 256;
/// What went wrong with a message, in words.
pub const ERROR_CHARS_MAX: usize = 800;
/// The name of a folder of a mailbox: servers allow fewer characters, and its index takes it whole.
pub const FOLDER_NAME_CHARS_MAX: usize = 640;
/// One reply of an SMTP or LMTP server: names of extensions are its longest.
pub const SMTP_REPLY_BYTES_MAX: usize = 16 * 1024;
/// An address of an envelope that is handed on: 320 characters of one (RFC 5321 §4.5.3.1), each of up to four bytes.
pub const ENVELOPE_ADDRESS_BYTES_MAX: usize = 4 * 320;
/// Days of the books that are looked at every hour: today, and yesterday, in which mail may have been under way at midnight.
pub const BOOKS_DAYS_HOURLY: i64 = 2;
/// The same once a day: what was lost later is told within a day, and older days are counted by `postroom verify`.
pub const BOOKS_DAYS_DAILY: i64 = 31;
/// A message that waits in its mailbox for so long is worth an alarm: servers are down for hours, not for days.
pub const MAILBOX_WAITS_SECONDS_MAX: i64 = 24 * 3_600;
/// Folders of a user's mailbox that are looked at besides inbox and sent mail: each is asked about by turns.
pub const SYNCED_FOLDERS_MAX: usize = 30;
/// How long news of the other folders of a user's mailbox wait, in seconds: only the inbox tells its own.
pub const SYNC_WAIT_SECONDS: u64 = 60;
/// How long a folder that says it is unchanged is believed, in seconds: what was put off in it is due by then.
pub const SYNC_BELIEVED_SECONDS: u64 = 900;
/// Messages of watched mailboxes that are in memory at a time, being fetched or taken in: a part of what a small house has.
pub const POLL_ROOM_BYTES: u64 = 64 * 1024 * 1024;
/// The part of it that the mailboxes of one host may have: four that stall leave nothing, until their time is up.
pub const POLL_HOST_ROOM_BYTES: u64 = 16 * 1024 * 1024;
/// What headers of one turn are counted as: 256 usual ones.
pub const POLL_HEADERS_BYTES: u64 = 1024 * 1024;
/// From so many attempts on, a header that never came is not asked for any more.
pub const POLL_UNREADABLE_FROM: u32 = 8;
/// One line of a POP3 server: RFC 2449 §4 has 512 bytes, a challenge of SASL may be longer.
pub const POP3_LINE_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a list of a POP3 server: a line of a hundred for each message.
pub const POP3_LIST_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Messages of a POP3 mailbox that one session knows of: each costs a hundred bytes. The others come in the next one.
pub const POP3_MESSAGES_MAX: usize = 200_000;
/// Commands that go to a POP3 server before its first reply is heard: few enough to lie in the buffers of a connection.
pub const POP3_COMMANDS_AT_ONCE: usize = 32;
/// Messages that one POP3 session removes at most: they go with its end, and a connection that breaks before keeps them.
pub const POP3_SESSION_MESSAGES: usize = 2_000;
/// Seconds between two sessions with a POP3 mailbox, where its administrator says nothing else: a server counts each as
/// somebody who signs in.
pub const POP3_PAUSE_SECONDS: u32 = 120;
/// Messages of a Maildir that are known at a time, by their names: twenty megabytes. The rest is seen when some have left.
pub const MAILDIR_MESSAGES_MAX: usize = 100_000;
/// Seconds between two looks at whether something came to a Maildir: two system calls.
pub const MAILDIR_LOOK_SECONDS: u64 = 1;
/// Seconds until a Maildir is listed in any case: what comes within one tick of its clock may change no time of it.
pub const MAILDIR_WAIT_SECONDS: u64 = 60;
/// Seconds between two questions for news at an IMAP server that cannot tell them by itself.
pub const IMAP_NOOP_SECONDS: u64 = 30;
/// Trouble with a mailbox for so long is worth an alarm: a server that is started anew is back sooner.
pub const MAILBOX_TROUBLE_SECONDS_MAX: i64 = 3_600;
/// Bytes of what a provider of tokens answers: a token or two of [`SECRET_BYTES_MAX`].
pub const OAUTH_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Seconds before its end in which a token is not begun with any more: signing in takes a moment.
pub const TOKEN_SPARE_SECONDS: i64 = 60;
/// Bytes of one part of a template: more than a newsletter has, for each is compiled whenever a mail is made of it.
pub const TEMPLATE_BYTES_MAX: usize = 256 * 1024;
/// What rendering one part of a template may cost, in steps of 64 bytes or one instruction: three megabytes of anything, some
/// tens of milliseconds.
pub const TEMPLATE_FUEL: u64 = 50_000;
/// Bytes of one part of a mail that was made of a template: what is longer belongs into an attachment.
pub const RENDERED_BYTES_MAX: usize = 1024 * 1024;
/// How deep the blocks of a template may lie in each other while it is rendered.
pub const TEMPLATE_DEPTH_MAX: usize = 32;
/// Templates of one organization, each language counted: lists of them are read whole.
pub const TEMPLATES_MAX: usize = 10_000;
/// Days for which a queue does not answer one sender again, at most: a year.
pub const ANSWER_PERIOD_DAYS_MAX: i32 = 366;
/// Automatic answers of a queue to one domain in an hour, at most: what answers more is a loop, or nobody's mailbox.
pub const ANSWERS_HOURLY_MAX: i32 = 10_000;
/// Seconds until an SMTP server has greeted (RFC 5321 §4.5.3.2.1).
pub const SMTP_GREETING_SECONDS_MAX: u64 = 300;
/// Seconds until it has answered a command, MAIL and each RCPT too (RFC 5321 §4.5.3.2.2 and 3).
pub const SMTP_COMMAND_SECONDS_MAX: u64 = 300;
/// Seconds until it has answered DATA (RFC 5321 §4.5.3.2.4).
pub const SMTP_DATA_SECONDS_MAX: u64 = 120;
/// Seconds for which nothing of a mail may go out (RFC 5321 §4.5.3.2.5); what goes earns time by
/// [`ANSWER_BYTES_PER_SECOND_MIN`].
pub const SMTP_BLOCK_SECONDS_MAX: u64 = 180;
/// Seconds until it has said what became of a mail: it may keep it in many places first, and whoever gives up sooner sends it
/// twice (RFC 5321 §4.5.3.2.6).
pub const SMTP_END_SECONDS_MAX: u64 = 600;
/// Commands that go to an SMTP server before its first reply is heard (RFC 2920): few enough that neither they nor their
/// replies fill the buffers of a connection.
pub const SMTP_COMMANDS_AT_ONCE: usize = 50;
/// How long a node has a mail of the outbox that it took: the longest time that its data and the answer to them may take
/// (RFC 5321 §4.5.3.2), and a few mails before it.
pub const OUTBOX_LEASE_SECONDS: i64 = 1_200;
/// What has to be left of that when the end of the data goes out: servers may think for ten minutes (RFC 5321 §4.5.3.2.6).
pub const OUTBOX_ANSWER_SECONDS: i64 = 630;
/// Mails of the outbox that one connection takes at a time: they go one after the other, and each has to end within the
/// time for which they were taken.
pub const OUTBOX_CLAIM_MAX: usize = 64;
/// Recipients of mails that come back later who are looked at, so that one more comes back behind them: some milliseconds, and more than
/// most limits let out within the hour after which such a mail comes back at the latest.
pub const OUTBOX_AWAY_MAX: usize = 5_000;
/// Connections to relays that one node keeps for one organization.
pub const OUTBOX_CONNECTIONS_MAX: usize = 10;
/// Connections to a relay of which an administrator says how many there may be: no more of them than this are at one node.
pub const OUTBOX_PLACES_MAX: usize = 100;
/// Recipients of one outgoing mail: RFC 5321 §4.5.3.1.8 lets servers refuse more than a hundred, and most take a thousand.
pub const OUTBOX_RECIPIENTS_MAX: usize = 1_000;
/// Days until a mail is given up that nobody takes (RFC 5321 §4.5.4.1: four to five).
pub const OUTBOX_DAYS_MAX: i64 = 4;
/// Ids that an answer names in `References`: the first and the last of a long conversation say enough.
pub const COMPOSED_REFERENCES_MAX: usize = 32;
/// Bytes of `Thread-Index` that an answer carries on: a hundred answers behind the first mail.
pub const COMPOSED_THREAD_INDEX_BYTES_MAX: usize = 22 + 100 * 5;
/// Signatures of one mail that are verified (RFC 6376 §6.1 lets a verifier stop): each costs a question and its answer's time.
/// A mail that came through several hands has three or four.
pub const SIGNATURES_MAX: usize = 8;
/// Hands that a chain of seals may have gone through, to be verified: RFC 8617 allows fifty, each with two keys to ask for.
pub const SEALS_MAX: usize = 10;
/// Names of fields in one signature: each is looked for in the whole header.
pub const SIGNED_FIELDS_MAX: usize = 200;
/// Fields of a header that is verified: with [`SIGNED_FIELDS_MAX`] a bound of the work.
pub const VERIFIED_FIELDS_MAX: usize = 1_000;
/// Originals of one copy that are verified beside it.
pub const VERIFIED_ORIGINALS_MAX: usize = 8;
/// Answers of name servers that are remembered: a kilobyte each.
pub const DNS_ANSWERS_KEPT: u64 = 8_192;
/// Seconds for which an answer is remembered, whatever its owner says: a key that was taken back is believed for so long.
pub const DNS_ANSWER_SECONDS_MAX: u64 = 3_600;
/// Seconds until a name server is asked again that does not answer.
pub const DNS_ANSWER_WAIT_SECONDS: u64 = 2;
/// Characters of what is kept of a verdict: twenty results of a line each.
pub const VERDICT_CHARS_MAX: usize = 4_000;
/// Seconds that the settings may give to name servers for one mail: whoever brings it waits for so long, and gives up after
/// ten minutes (RFC 5321 §4.5.3.2.6).
pub const VERIFYING_SECONDS_MAX: usize = 60;
/// Recipients that a forward names of the mail that it carries on: of a newsletter's thousand nobody reads all.
pub const QUOTED_ADDRESSES_MAX: usize = 100;
/// Within so many days mails that came back for passing reasons are counted for one address: a full mailbox may be emptied after
/// the holidays.
pub const SOFT_BOUNCE_DAYS: i64 = 30;
/// When so many came back within that time, nothing more is sent there.
pub const SOFT_BOUNCES_MAX: i64 = 5;
/// Bytes of its own words that are looked at where a mail may be a report: servers need a few lines for each recipient.
pub const NOTICE_BYTES_MAX: usize = 64 * 1024;
/// Keys of one domain, each of which signs every mail: RSA, Ed25519, and their successors.
pub const DOMAIN_KEYS_MAX: usize = 4;
/// Outgoing mails that one page of the outbox looks through for those that are asked for: some milliseconds, and on the next
/// page it goes on.
pub const OUTBOX_LOOKED_MAX: usize = 2_000;
/// Days for which a mail that failed is counted as something to look into.
pub const OUTBOX_TROUBLE_DAYS: i64 = 7;
/// The form of a letter without its files: a long text twice, plain and as HTML with a long quotation, and a thousand
/// recipients.
pub const WRITTEN_TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The pictures within its text, encoded; what is more is attached.
pub const WRITTEN_PICTURES_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The files that are attached on a page, together: encoded they are a third larger, and most servers take no mail above 50 MB.
pub const WRITTEN_FILES_BYTES_MAX: usize = 30 * 1024 * 1024;
/// Fields of such a form: each of ours stands there once; whoever is chosen, and whatever is attached, makes one more.
pub const WRITTEN_FIELDS_MAX: usize = 300;
/// Templates that a page offers: more are no choice.
pub const TEMPLATES_SHOWN_MAX: usize = 500;
/// The signature of a user, as text and as HTML: it goes along with each of his mails.
pub const SIGNATURE_BYTES_MAX: usize = 16 * 1024;
/// What is read of such a form by somebody who is not signed in, and proves by nothing that he was when he began it.
pub const WRITTEN_BY_STRANGERS_BYTES_MAX: usize = 64 * 1024;
/// What is passed over behind a form that is too large, so that the browser comes to hear so: one that was begun by mistake, a film.
pub const WRITTEN_PASSED_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Forms with large files that are read at a time, each in memory: others wait before theirs are.
pub const WRITTEN_LARGE_MAX: usize = 4;
/// Seconds until a form with files was sent: five for each megabyte over a slow line, and more.
pub const WRITTEN_SECONDS_MAX: u64 = 300;
/// People that a search for recipients offers, of each kind.
pub const RECIPIENTS_FOUND_MAX: usize = 8;
/// Fields that a hook adds to one mail: those of lists are seven.
pub const HOOK_FIELDS_MAX: usize = 20;
/// The value of one of them: a line holds it even where it cannot be folded (RFC 5322 §2.1.1).
pub const HOOK_FIELD_BYTES_MAX: usize = 900;
/// What a hook answers, but for another mail: some texts.
pub const HOOK_ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// What a hook says to standard error that is logged.
pub const HOOK_LOG_BYTES_MAX: usize = 2 * 1024;
/// Seconds that the settings may give a hook for one answer: far less than the time for which a mail is claimed.
pub const HOOK_SECONDS_MAX: usize = 300;
/// Calls of one hook at a time, at most.
pub const HOOK_CALLS_MAX: usize = 100;
/// So often a hook that is told of mail has to refuse an event, and for so many seconds, until it is passed over: what is behind it
/// waits for half a working day at most, and a service that is mended within it loses nothing.
pub const HOOK_REFUSALS_MAX: i32 = 10;
/// See [`HOOK_REFUSALS_MAX`].
pub const HOOK_REFUSED_SECONDS: i64 = 4 * 3_600;
/// Events that a hook was told in vain which one list shows.
pub const UNTOLD_LISTED_MAX: usize = 1_000;
/// Events that are looked through at a time for those that somebody outside is told of.
pub const FOLLOWED_EVENTS_MAX: usize = 500;
/// Seconds that a mail server may take to put one sent mail into a folder: it is found there, or sent and stored.
pub const SENT_COPY_SECONDS_MAX: u64 = 240;
/// How long a node has that to do before another one does it.
pub const SENT_COPY_LEASE_SECONDS: i64 = 300;
/// Times that it is tried: with the pauses of mail that goes out, some four days.
pub const SENT_COPY_TRIES_MAX: i32 = 27;
/// Mailboxes of one node into which mail is put at a time.
pub const SENT_COPIES_AT_ONCE: usize = 8;
/// Of those that wait, so many are looked at for a list.
pub const SENT_COPIES_LISTED_MAX: usize = 1_000;
