//! Our IMAP session with a real server, seen from both sides: what it says and what lies on disk afterwards.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, BufRead as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use connect::imap::{
    BodySink, Disposal, FolderName, Imap, Listed, Look, NONCE_BYTES, Session, Uid, UidSet, Window, Woken,
};
use connect::{ConnectError, Kind, Login, Patience, Secret, Target, TlsMode};
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Script};
use testkit::proxy::{Proxy, Way};
use testkit::wait;

const USER: &str = "anna@contoso.test";
const PASSWORD: &str = "tr\u{fc}b, klar=42";
const ALL: Window = Window { first: 1, count: 256 };

fn dovecot() -> Result<Dovecot> {
    Dovecot::start(DovecotSettings {
        doors: Doors::Both,
        password: Some("geheim"),
        ..DovecotSettings::default()
    })
}

fn run<T>(story: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(wait::PATIENCE, story).await.context("it hangs")? })
}

fn target(address: SocketAddr, tls: TlsMode, authority: Option<&[u8]>) -> Target {
    let authority = authority.map(<[u8]>::to_vec);
    Target { host: "localhost".to_owned(), port: address.port(), tls, authority, is_trusted_line: false }
}

fn password(secret: &str) -> Login {
    Login::Password { user: USER.to_owned(), secret: Secret::new(secret.to_owned()) }
}

async fn open(target: &Target, login: &Login) -> Result<Session, ConnectError> {
    Session::open(target, login, &[7; NONCE_BYTES], Patience::default()).await
}

async fn sign_in(dovecot: &Dovecot) -> Result<Session> {
    let target = target(dovecot.imap()?, TlsMode::Starttls, Some(dovecot.certificate()));
    Ok(open(&target, &password("geheim")).await?)
}

/// Delivers mails with these subjects, and a body of so many bytes.
fn deliver(lmtp: SocketAddr, subjects: &[&str], bytes: usize) -> Result<()> {
    let mut client = Client::connect(lmtp, Protocol::Lmtp)?;
    let body = "0123456789 abcdefghijklmnopqrstuvwxyz\r\n".repeat(bytes / 39 + 1);
    for subject in subjects {
        let raw = format!("From: zoe@customer.test\r\nSubject: {subject}\r\n\r\n{body}");
        let replies = client.send(&Envelope::new("zoe@customer.test", USER), raw.as_bytes())?;
        ensure!(replies.codes() == [250], "{replies:?}");
    }
    client.quit()
}

#[derive(Default)]
struct Kept {
    coming: Vec<u8>,
    largest_piece: usize,
    bodies: BTreeMap<Uid, Vec<u8>>,
}

impl BodySink for Kept {
    async fn begin(&mut self, _: u64) -> io::Result<()> {
        self.coming.clear();
        Ok(())
    }

    async fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.largest_piece = self.largest_piece.max(bytes.len());
        self.coming.extend_from_slice(bytes);
        Ok(())
    }

    async fn end(&mut self, uid: Uid) -> io::Result<()> {
        self.bodies.insert(uid, std::mem::take(&mut self.coming));
        Ok(())
    }
}

fn uids(listed: &[Listed]) -> UidSet {
    listed.iter().map(|message| message.uid).collect()
}

#[test]
fn a_sink_is_read_and_emptied() {
    or_skip(|| {
        let dovecot = dovecot()?;
        deliver(dovecot.lmtp(), &["one", "two", "three", "four", "five"], 100)?;
        let mailbox = dovecot.mailbox(USER);
        run(async {
            let mut session = sign_in(&dovecot).await?;
            let opened = session.select(&FolderName::inbox()).await?;
            assert_eq!((opened.exists, opened.is_read_only), (5, false));
            let listed = session.list(ALL).await?;
            assert_eq!(listed.len(), 5);
            assert!(listed.iter().all(|message| message.arrived.is_some() && !message.flags.is_seen));

            let headers = session.headers(&uids(&listed)).await?;
            let mut kept = Kept::default();
            session.bodies(&uids(&listed), &mut kept).await?;
            for (message, (uid, header)) in listed.iter().zip(&headers) {
                let body = kept.bodies.get(uid).context("a body is missing")?;
                assert_eq!(u64::try_from(body.len())?, message.size);
                assert!(body.starts_with(header) && header.ends_with(b"\r\n\r\n"));
            }
            assert!(mailbox.inbox()?.iter().all(|name| !name.contains(":2,S")), "nothing is marked as seen");

            let [first, second, third, ..] = listed.as_slice() else { anyhow::bail!("too few") };
            let gone = session.dispose(&uids(&[*first, *second]), &Disposal::Delete).await?;
            assert_eq!(gone.gone, uids(&[*first, *second]));
            let undeliverable = session.own_folder("Undeliverable").await?;
            let moved = session.dispose(&uids(&[*third]), &Disposal::Move(undeliverable.clone())).await?;
            assert_eq!(moved.gone, uids(&[*third]));
            assert_eq!(mailbox.inbox()?.len(), 2);
            assert_eq!(mailbox.folder("Undeliverable")?.map(|names| names.len()), Some(1));
            assert_eq!(session.exists(&uids(&listed)).await?, uids(&listed[3..]));
            assert_eq!(session.list(ALL).await?.len(), 2, "the next are in the first window");

            session.create(&undeliverable).await?;
            let folders = session.folders().await?;
            assert!(folders.iter().any(|folder| folder.name == undeliverable && folder.can_be_opened));
            Ok(session.bye().await?)
        })
    });
}

#[test]
fn looking_changes_nothing_on_disk() {
    or_skip(|| {
        let dovecot = dovecot()?;
        deliver(dovecot.lmtp(), &["one", "two"], 100)?;
        let mailbox = dovecot.mailbox(USER);
        let before = mailbox.inbox()?;
        run(async {
            let mut session = sign_in(&dovecot).await?;
            let opened = session.examine(&FolderName::inbox()).await?;
            assert!(opened.is_read_only && opened.exists == 2);
            let listed = session.list(ALL).await?;
            session.headers(&uids(&listed)).await?;
            session.bodies(&uids(&listed), &mut Kept::default()).await?;
            session.wait(std::future::ready(())).await?;
            let error =
                session.dispose(&uids(&listed), &Disposal::Delete).await.err().context("it was done")?;
            assert_eq!(error.kind, Kind::NotOffered);
            Ok(session.bye().await?)
        })?;
        // EXAMINE may move files from new to cur; names and flags stay.
        let names = |names: Vec<String>| -> Vec<String> {
            names.into_iter().map(|name| name.trim_end_matches(":2,").to_owned()).collect()
        };
        assert_eq!(names(mailbox.inbox()?), names(before));
        Ok(())
    });
}

#[test]
fn news_come_by_idle() {
    or_skip(|| {
        let dovecot = dovecot()?;
        run(async {
            let mut session = sign_in(&dovecot).await?;
            session.select(&FolderName::inbox()).await?;
            assert!(session.can().has("IDLE"));
            assert_eq!(session.wait(std::future::ready(())).await?, Woken::Time);
            for round in 1..=3 {
                let lmtp = dovecot.lmtp();
                let delivering =
                    tokio::task::spawn_blocking(move || deliver(lmtp, &[&format!("mail {round}")], 10));
                let (woken, delivered) = tokio::join!(session.wait(std::future::pending()), delivering);
                delivered??;
                assert_eq!(woken?, Woken::News);
                assert_eq!(session.list(ALL).await?.len(), round);
            }
            Ok(session.bye().await?)
        })
    });
}

#[test]
fn a_poor_server_loses_no_mail_of_others() {
    or_skip(|| {
        let settings = DovecotSettings {
            doors: Doors::Both,
            password: Some("geheim"),
            capabilities: Some("IMAP4rev1 LITERAL+"),
            ..DovecotSettings::default()
        };
        let dovecot = Dovecot::start(settings)?;
        deliver(dovecot.lmtp(), &["another's", "one", "two"], 100)?;
        run(async {
            let mut session = sign_in(&dovecot).await?;
            assert!(!session.can().has("UIDPLUS") && !session.can().has("IDLE"), "{:?}", session.can());
            session.select(&FolderName::inbox()).await?;
            let listed = session.list(ALL).await?;
            let [others, one, two] = listed.as_slice() else { anyhow::bail!("not three") };
            session.dispose(&uids(&[*others]), &Disposal::Flag).await?;
            let deleted = session.dispose(&uids(&[*one]), &Disposal::Delete).await?;
            assert_eq!((deleted.gone.len(), deleted.flagged), (0, uids(&[*one])));
            let to = FolderName::new("Undeliverable").context("a name")?;
            let moved = session.dispose(&uids(&[*two]), &Disposal::Move(to)).await?;
            assert_eq!((moved.gone.len(), moved.flagged), (0, uids(&[*two])));
            assert_eq!(session.wait(std::future::ready(())).await?, Woken::Time);
            Ok(session.bye().await?)
        })?;
        assert_eq!(dovecot.mailbox(USER).inbox()?.len(), 3, "nothing left");
        assert_eq!(dovecot.mailbox(USER).folder("Undeliverable")?.map(|names| names.len()), Some(1));
        Ok(())
    });
}

#[test]
fn a_large_mail_comes_in_small_pieces() {
    or_skip(|| {
        let dovecot = dovecot()?;
        deliver(dovecot.lmtp(), &["large"], 8 * 1024 * 1024)?;
        run(async {
            let mut session = sign_in(&dovecot).await?;
            session.select(&FolderName::inbox()).await?;
            let listed = session.list(ALL).await?;
            let mut kept = Kept::default();
            session.bodies(&uids(&listed), &mut kept).await?;
            let size = listed.first().context("one")?.size;
            assert_eq!(kept.bodies.values().map(Vec::len).sum::<usize>(), usize::try_from(size)?);
            assert!(kept.largest_piece <= 64 * 1024, "{}", kept.largest_piece);
            Ok(session.bye().await?)
        })
    });
}

#[test]
fn who_may_sign_in_and_how() {
    or_skip(|| {
        let dovecot = dovecot()?;
        run(async {
            let address = dovecot.imap()?;
            let starttls = target(address, TlsMode::Starttls, Some(dovecot.certificate()));
            let kind = |opened: Result<Session, ConnectError>| opened.err().map(|error| error.kind);
            assert_eq!(kind(open(&starttls, &password("geheim")).await), None);
            assert_eq!(kind(open(&starttls, &password("falsch")).await), Some(Kind::Refused));
            assert!(dovecot.log().contains("SCRAM-SHA-256"), "{}", dovecot.log());
            let token = Login::Bearer { user: USER.to_owned(), token: Secret::new("x".to_owned()) };
            assert_eq!(kind(open(&starttls, &token).await), Some(Kind::NotOffered));
            let stranger = target(address, TlsMode::Starttls, None);
            assert_eq!(kind(open(&stranger, &password("geheim")).await), Some(Kind::Tls));
            let plain = target(address, TlsMode::None, None);
            assert_eq!(kind(open(&plain, &password("geheim")).await), None, "within this machine");
            let nobody = target(wait::free_port()?, TlsMode::None, None);
            assert_eq!(kind(open(&nobody, &password("geheim")).await), Some(Kind::Unreachable));
            Ok(())
        })
    });
}

#[test]
fn odd_passwords_go_the_ways_that_servers_have() {
    or_skip(|| {
        // Without SCRAM, or where it is refused: PLAIN; as literals where there is LOGIN alone.
        for (capability, hears) in [
            (
                "AUTH=PLAIN AUTH=SCRAM-SHA-256",
                "C: AUTHENTICATE SCRAM-SHA-256\nS: +\nC: biwsbj1hbm5h\nS: p1 NO [AUTHENTICATIONFAILED] no\n\
                 C: AUTHENTICATE PLAIN\nS: +\nC: AGFubmFAY29udG9zby50ZXN0AHRyw7xiLCBrbGFyPTQy\n",
            ),
            ("AUTH=PLAIN SASL-IR", "C: AUTHENTICATE PLAIN AGFubmFAY29udG9zby50ZXN0AHRyw7xiLCBrbGFyPTQy\n"),
            ("AUTH=PLAIN", "C: AUTHENTICATE PLAIN\nS: +\nC: AGFubmFAY29udG9zby50ZXN0AHRyw7xiLCBrbGFyPTQy\n"),
            (
                "",
                "C: LOGIN {17}\nS: * 3 EXISTS\nS: + go on\nC: anna@contoso.test {14}\nS: + go on\nC: tr\u{fc}b, klar=42\n",
            ),
        ] {
            // The tag is that of the first line; what goes on has none.
            let tag = if hears.contains("p1") { "p2" } else { "p1" };
            let end = format!("S: {tag} OK [CAPABILITY IMAP4rev1 IDLE] in\nhang");
            let script =
                Script::start(&format!("S: * OK [CAPABILITY IMAP4rev1 {capability}] hi\n{hears}{end}"))?;
            let session = run(async {
                Ok(open(&target(script.address(), TlsMode::None, None), &password(PASSWORD)).await?)
            });
            let session = session.with_context(|| format!("{:?}", script.heard()))?;
            assert!(session.can().has("IDLE"));
        }
        Ok(())
    });
}

#[test]
fn servers_that_lie_before_tls_are_left() {
    or_skip(|| {
        let cases = [
            // Commands of somebody in between, which would count as said under TLS.
            (
                "S: * OK hi\nC: STARTTLS\nR: $tag OK go\\r\\n* OK [CAPABILITY IMAP4rev1] x\\r\\n\nhang",
                Kind::Tls,
            ),
            ("S: * PREAUTH you are in\nhang", Kind::Tls),
            ("S: * OK hi\nC: STARTTLS\nS: $tag BAD what\nhang", Kind::NotOffered),
            ("S: * OK hi\nC: STARTTLS\nS: x OK go\nhang", Kind::Protocol),
            ("S: * BYE too many\nhang", Kind::Closed),
            ("S: 220 mail.test ESMTP\nhang", Kind::Protocol),
            ("S: * OK hi\nC: STARTTLS\nS: $tag OK go\nS: no handshake\nhang", Kind::Tls),
        ];
        for (table, kind) in cases {
            let script = Script::start(table)?;
            let opened = run(async {
                Ok(open(&target(script.address(), TlsMode::Starttls, None), &password("geheim")).await)
            })?;
            assert_eq!(opened.err().map(|error| error.kind), Some(kind), "{table}");
            assert!(!script.heard().iter().any(|line| line.contains("LOGIN")), "{table}");
        }
        Ok(())
    });
}

#[test]
fn a_server_that_drips_or_floods_is_left() {
    or_skip(|| {
        let cases = [
            ("drip 20: * OK a greeting that takes its time, letter by letter by letter", Kind::TimedOut),
            ("hang", Kind::TimedOut),
            ("flood 2000000: * 1 EXISTS", Kind::Protocol),
            ("S: * OK hi\nC: CAPABILITY\nflood 4000000: * OK still busy with what you wanted", Kind::Limit),
            ("S: * OK hi\nC: CAPABILITY\nR: * CAPABILITY x\nflood 400000: y\\0 z", Kind::Protocol),
        ];
        for (table, kind) in cases {
            let script = Script::start(table)?;
            let patience = Patience {
                answer: Duration::from_millis(400),
                bytes_per_second: 1_000,
                ..Patience::default()
            };
            let target = target(script.address(), TlsMode::None, None);
            let login = password("geheim");
            let opened =
                run(async { Ok(Session::open(&target, &login, &[7; NONCE_BYTES], patience).await) })?;
            assert_eq!(opened.err().map(|error| error.kind), Some(kind), "{table}");
        }
        Ok(())
    });
}

#[test]
fn a_dovecot_gives_mail_out_by_pop3_and_keeps_to_a_quota() {
    or_skip(|| {
        let settings = DovecotSettings {
            doors: Doors::Both,
            password: Some("geheim"),
            quota: Some("100K"),
            ..DovecotSettings::default()
        };
        let dovecot = Dovecot::start(settings)?;
        deliver(dovecot.lmtp(), &["one"], 60_000)?;
        let refused = deliver(dovecot.lmtp(), &["two"], 60_000);
        assert!(refused.is_err_and(|error| error.to_string().contains("Quota")), "{}", dovecot.log());
        let mut stream = std::net::TcpStream::connect(dovecot.pop3()?)?;
        let mut lines = io::BufReader::new(stream.try_clone()?).lines();
        for (said, heard) in [
            ("", "+OK"),
            (&format!("USER {USER}\r\n"), "+OK"),
            ("PASS geheim\r\n", "+OK"),
            ("STAT\r\n", "+OK 1 "),
        ] {
            stream.write_all(said.as_bytes())?;
            let line = lines.next().context("it went")??;
            assert!(line.starts_with(heard), "{said}{line}");
        }
        Ok(())
    });
}

#[test]
fn a_network_or_server_that_goes_is_noticed() {
    or_skip(|| {
        let dovecot = dovecot()?;
        deliver(dovecot.lmtp(), &["one"], 100)?;
        let proxy = Proxy::start(dovecot.imap()?)?;
        run(async {
            let target = target(proxy.address(), TlsMode::Starttls, Some(dovecot.certificate()));
            let patience = Patience { answer: Duration::from_millis(500), ..Patience::default() };
            let login = password("geheim");
            for way in [None, Some(Way::Swallow)] {
                let mut session =
                    Session::open(&target, &login, &[7; NONCE_BYTES], Patience::default()).await?;
                session.select(&FolderName::inbox()).await?;
                proxy.cut();
                assert_eq!(session.list(ALL).await.err().map(|error| error.kind), Some(Kind::Closed));
                let mut session = Session::open(&target, &login, &[7; NONCE_BYTES], patience).await?;
                session.select(&FolderName::inbox()).await?;
                if let Some(way) = way {
                    proxy.set(way)?;
                    assert_eq!(session.list(ALL).await.err().map(|error| error.kind), Some(Kind::TimedOut));
                    proxy.set(Way::Carry)?;
                } else {
                    dovecot.restart()?;
                    assert_eq!(session.list(ALL).await.err().map(|error| error.kind), Some(Kind::Closed));
                }
            }
            Ok(())
        })
    });
}
