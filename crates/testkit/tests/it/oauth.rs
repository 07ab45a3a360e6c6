//! Mailboxes that are opened with tokens of OAuth 2, at a Dovecot that asks whether they are good.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use postroom::commands::{
    AddMailbox, ConsentProof, ConsentState, ConsentStep, GrantKind, GrantRequest, Hidden, MailServer,
    Protocol, Reply, Request, SetMailboxGrant,
};
use testkit::client::{self, Client, Envelope};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, TokenProvider};
use testkit::world::World;
use testkit::{House, wait};

use super::house::{SINK, WORLD, ZOE, books_are_whole, email_count, house, mail};

struct Stage {
    provider: TokenProvider,
    dovecot: Dovecot,
    house: House,
}

impl Stage {
    /// Tokens that are said to be good for so many seconds.
    fn set(seconds: u64) -> Result<Self> {
        Stage::set_at(seconds, DovecotSettings::default())
    }

    /// The same at a server that is poorer.
    fn set_at(seconds: u64, settings: DovecotSettings<'_>) -> Result<Self> {
        let provider = TokenProvider::start(SINK, seconds)?;
        let introspection = provider.url("introspect?token=");
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some("geheim"),
            introspection: Some(&introspection),
            ..settings
        })?;
        Ok(Stage { provider, dovecot, house: house().0 })
    }

    /// A mailbox without a password.
    fn add(&self, name: &str, protocol: Protocol, kind: GrantKind) -> Result<()> {
        self.add_mailbox(name, protocol)?;
        self.set_grant(name, (kind, self.provider.url("token")), None)
    }

    fn add_mailbox(&self, name: &str, protocol: Protocol) -> Result<()> {
        let port = match protocol {
            Protocol::Imap => self.dovecot.imaps()?,
            Protocol::Pop3 => self.dovecot.pop3s()?,
        };
        self.house.command(Request::AddMailbox(AddMailbox {
            organization: "example".to_owned(),
            name: name.to_owned(),
            server: MailServer {
                protocol,
                host: "localhost".to_owned(),
                port: port.port(),
                tls: 2,
                authority: Some(String::from_utf8(self.dovecot.certificate().to_vec())?),
                polling_interval: Some(1),
            },
            user: SINK.to_owned(),
            password: String::new(),
            sink: SINK.to_owned(),
            is_refusing: true,
        }))?;
        Ok(())
    }

    fn set_grant(
        &self,
        name: &str,
        (kind, token_url): (GrantKind, String),
        authority: Option<String>,
    ) -> Result<()> {
        self.house.command(Request::Grant(GrantRequest::Set(SetMailboxGrant {
            organization: "example".to_owned(),
            mailbox: name.to_owned(),
            kind,
            client: "postroom".to_owned(),
            secret: Some(Hidden("registered & known".to_owned())),
            token_url,
            authorize_url: Some(self.provider.url("authorize")),
            device_url: Some(self.provider.url("device")),
            authority,
            scope: "mail offline_access".to_owned(),
        })))?;
        Ok(())
    }

    fn begin(&self, name: &str) -> Result<ConsentStep> {
        let begin = Request::Grant(GrantRequest::Begin {
            organization: "example".to_owned(),
            mailbox: name.to_owned(),
            redirect: "http://localhost".to_owned(),
        });
        match self.house.command(begin)? {
            Reply::ConsentStep(step) => Ok(step),
            reply => bail!("{reply:?}"),
        }
    }

    fn end(&self, name: &str, proof: ConsentProof) -> Result<ConsentState> {
        let (organization, mailbox) = ("example".to_owned(), name.to_owned());
        let end = || GrantRequest::End {
            organization: organization.clone(),
            mailbox: mailbox.clone(),
            proof: proof.clone(),
        };
        match self.patiently(|| Request::Grant(end()))? {
            Reply::Consent(state) => Ok(state),
            reply => bail!("{reply:?}"),
        }
    }

    /// Whoever watches the mailbox may be asking for a token at this moment, and one at a time does: then it is asked again.
    fn patiently(&self, request: impl Fn() -> Request) -> Result<Reply> {
        let is_taken = |error: &anyhow::Error| error.to_string().contains("somebody else is asking");
        wait::until("a token that nobody else asks for", || {
            Some(self.house.command(request())).filter(|done| !done.as_ref().is_err_and(is_taken))
        })?
    }

    fn test(&self, name: &str) -> Result<(bool, Vec<String>)> {
        let (organization, mailbox) = ("example".to_owned(), name.to_owned());
        match self.patiently(|| Request::TestMailbox {
            organization: organization.clone(),
            mailbox: mailbox.clone(),
        })? {
            Reply::TestedMailbox(tested) => Ok((tested.is_well, tested.lines)),
            reply => bail!("{reply:?}"),
        }
    }

    fn pause(&self, name: &str) -> Result<()> {
        let (organization, mailbox) = ("example".to_owned(), name.to_owned());
        self.house.command(Request::SetMailboxState { organization, mailbox, is_active: false })?;
        Ok(())
    }

    fn deliver(&self, id: &str) -> Result<()> {
        let mut client = Client::connect(self.dovecot.lmtp(), client::Protocol::Lmtp)?;
        let replies = client.send(&Envelope::new(ZOE, SINK), &mail(id, "At three?"))?;
        ensure!(replies.codes() == [250], "{replies:?}");
        client.quit()
    }

    fn becomes_empty(&self) -> Result<()> {
        let mailbox = self.dovecot.mailbox(SINK);
        wait::until("an empty mailbox", || mailbox.inbox().is_ok_and(|names| names.is_empty()).then_some(()))
            .with_context(|| {
                format!("{:?}\n{}", self.house.command(Request::Mailboxes(None)), self.dovecot.log())
            })
    }
}

/// Each session needs another token, and each refresh token is good for one: none may come a second time.
#[test]
fn a_mailbox_is_emptied_with_tokens_that_are_renewed() {
    or_skip(|| {
        let stage = Stage::set(1)?;
        stage.add("browser", Protocol::Pop3, GrantKind::Browser)?;
        let (is_well, lines) = stage.test("browser")?;
        assert!(!is_well && lines.concat().contains("postroom mailbox consent"), "{lines:?}");
        let ConsentStep::Browser { page, verifier, .. } = stage.begin("browser")? else { bail!("no page") };
        assert!(page.contains("code_challenge=") && !page.contains(&verifier.0), "{page}");
        let proof = |code: &str| ConsentProof::Browser {
            code: Hidden(code.to_owned()),
            verifier: verifier.clone(),
            redirect: "http://localhost".to_owned(),
        };
        assert!(stage.end("browser", proof("another")).is_err());
        assert_eq!(stage.end("browser", proof(stage.provider.code()))?, ConsentState::Given);
        stage.deliver("first")?;
        stage.becomes_empty()?;
        // Whoever asks at the same moment waits, and takes what the other one got.
        let stage = Arc::new(stage);
        let testers: Vec<_> = (0..3)
            .map(|_| {
                let stage = Arc::clone(&stage);
                std::thread::spawn(move || stage.test("browser"))
            })
            .collect();
        for tester in testers {
            let (is_well, lines) = tester.join().map_err(|_| anyhow::anyhow!("a panic"))??;
            assert!(is_well, "{lines:?}");
        }
        stage.deliver("second")?;
        stage.becomes_empty()?;
        assert!(stage.provider.asked("refresh_token") >= 3, "{}", stage.provider.asked("refresh_token"));
        assert_eq!(stage.provider.reused(), 0);
        assert_eq!(email_count(&stage.house.organization("example")?), 2);
        books_are_whole(&stage.house);
        Ok(())
    });
}

#[test]
fn other_grants_and_tokens_that_are_taken_back() {
    or_skip(|| {
        let stage = Stage::set(3_600)?;
        stage.add("device", Protocol::Imap, GrantKind::Device)?;
        let ConsentStep::Device { code, device, .. } = stage.begin("device")? else { bail!("no code") };
        assert_eq!(code, "ABCD");
        assert_eq!(stage.end("device", ConsentProof::Device(device.clone()))?, ConsentState::Awaited);
        assert_eq!(stage.end("device", ConsentProof::Device(device))?, ConsentState::Given);
        stage.deliver("first")?;
        stage.becomes_empty()?;
        stage.pause("device")?;
        assert_eq!(stage.provider.asked("refresh_token"), 0, "the first token is good for an hour");
        // One that the mail server refuses is forgotten, and the next is asked for.
        stage.provider.revoke();
        stage.dovecot.restart()?;
        assert!(!stage.test("device")?.0);
        let (is_well, lines) = stage.test("device")?;
        assert!(is_well, "{lines:?}");
        assert_eq!(stage.provider.asked("refresh_token"), 1);

        // Under another key all goes on.
        let Reply::Rotated(rotated) = stage.house.command(Request::RotateKeys)? else { bail!("nothing") };
        assert_eq!(
            (rotated.sealed, rotated.left.len()),
            (3, 0),
            "client secret, refresh token, access token"
        );
        let Reply::Keys(keys) = stage.house.command(Request::Keys)? else { bail!("no keys") };
        let opens: Vec<usize> = keys.iter().map(|key| key.secrets).collect();
        assert_eq!((opens, keys.iter().all(|key| key.is_here)), (vec![3, 0], true), "{keys:?}");
        assert!(stage.test("device")?.0);

        stage.add("client", Protocol::Imap, GrantKind::Client)?;
        assert_eq!(stage.begin("client")?, ConsentStep::Nothing);
        let (is_well, lines) = stage.test("client")?;
        assert!(is_well, "{lines:?}");
        assert_eq!(stage.provider.reused(), 0);
        let log = stage.dovecot.log();
        assert!(log.contains("OAUTHBEARER") || log.contains("oauthbearer"), "{log}");
        Ok(())
    });
}

/// Tokens come once: a house that stops while a provider thinks about them keeps them.
#[test]
fn a_house_that_stops_waits_for_tokens_that_were_asked_for() {
    or_skip(|| {
        let provider = TokenProvider::start(SINK, 3_600)?;
        let introspection = provider.url("introspect?token=");
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some("geheim"),
            introspection: Some(&introspection),
            ..DovecotSettings::default()
        })?;
        let folder = tempfile::tempdir()?;
        let house = House::start_in(folder.path(), testkit::house::free_ports(folder.path())?)?;
        World::parse(WORLD)?.make(|request| house.command(request), |_| None)?;
        let smtp = house.smtp()?;
        let mut stage = Stage { provider, dovecot, house };
        stage.add("device", Protocol::Imap, GrantKind::Device)?;
        stage.pause("device")?;
        let ConsentStep::Device { device, .. } = stage.begin("device")? else { bail!("no code") };
        assert_eq!(stage.end("device", ConsentProof::Device(device.clone()))?, ConsentState::Awaited);
        assert_eq!(stage.end("device", ConsentProof::Device(device))?, ConsentState::Given);
        // The mail server refuses the first one, so the next is asked for, with what is good for one time.
        stage.provider.revoke();
        assert!(!stage.test("device")?.0);
        stage.provider.hold(true);
        let resume = ("example".to_owned(), "device".to_owned());
        stage.house.command(Request::SetMailboxState {
            organization: resume.0,
            mailbox: resume.1,
            is_active: true,
        })?;
        wait::until("a question", || (stage.provider.asked("refresh_token") == 1).then_some(()))?;
        let Stage { provider, dovecot, house } = stage;
        let stopping = std::thread::spawn(move || drop(house));
        wait::until("the end of the doors", || std::net::TcpStream::connect(smtp).is_err().then_some(()))?;
        provider.hold(false);
        stopping.join().map_err(|_| anyhow::anyhow!("a panic"))?;

        let house = House::start_in(folder.path(), testkit::house::free_ports(folder.path())?)?;
        stage = Stage { provider, dovecot, house };
        let (is_well, lines) = stage.test("device")?;
        assert!(is_well, "{lines:?}");
        assert_eq!((stage.provider.asked("refresh_token"), stage.provider.reused()), (1, 0));
        Ok(())
    });
}

/// Whoever vouches for the mail server need not know the provider.
#[test]
fn the_certificate_of_the_provider_is_checked_by_itself() {
    or_skip(|| {
        let stage = Stage::set(3_600)?;
        stage.add_mailbox("client", Protocol::Imap)?;
        // Nobody speaks HTTP there; that TLS comes about is all that is looked at.
        let url = format!("https://localhost:{}/token", stage.dovecot.imaps()?.port());
        let certificate = String::from_utf8(stage.dovecot.certificate().to_vec())?;
        for (authority, is_believed) in [(None, false), (Some(certificate), true)] {
            stage.set_grant("client", (GrantKind::Client, url.clone()), authority)?;
            let (is_well, lines) = stage.test("client")?;
            let said = lines.concat();
            assert!(!is_well && said.contains("TLS does not come about") != is_believed, "{lines:?}");
        }
        Ok(())
    });
}

/// As at Google and Microsoft.
#[test]
fn a_server_that_has_xoauth2_alone_takes_tokens_too() {
    or_skip(|| {
        let settings = DovecotSettings { has_xoauth2_alone: true, ..DovecotSettings::default() };
        let stage = Stage::set_at(3_600, settings)?;
        for (name, protocol) in [("mailbox", Protocol::Imap), ("by pop3", Protocol::Pop3)] {
            stage.add(name, protocol, GrantKind::Client)?;
            assert_eq!(stage.begin(name)?, ConsentStep::Nothing);
            stage.deliver(name)?;
            stage.becomes_empty()?;
            stage.pause(name)?;
        }
        // One that the server refuses is forgotten: what XOAUTH2 answers then is no mail session's end.
        stage.provider.revoke();
        stage.dovecot.restart()?;
        assert!(!stage.test("mailbox")?.0);
        let (is_well, lines) = stage.test("mailbox")?;
        assert!(is_well, "{lines:?}");
        let log = stage.dovecot.log();
        assert!(log.contains("method=XOAUTH2") && !log.contains("method=OAUTHBEARER"), "{log}");
        assert_eq!(email_count(&stage.house.organization("example")?), 2);
        Ok(())
    });
}
