//! Servers that speak IMAP4rev2 (RFC 9051): scripted ones alone, for no server of Debian 12 has it.

use anyhow::{Context, Result};
use connect::imap::{Disposal, FolderName, Imap, Look, NONCE_BYTES, Session, Uid, UidSet, Window, Woken};
use connect::{Login, Patience, Secret, Target, TlsMode};
use testkit::peers::Script;
use testkit::wait;

/// A sink with two messages: one is removed, and one goes to the folder for undeliverable mail, which is made. No COPYUID,
/// no RECENT, what UIDPLUS, MOVE, IDLE and NAMESPACE bring without being named, and names as they are.
const SINK: &str = r#"
C: NAMESPACE
S: * NAMESPACE (("" "/")) NIL NIL
S: $tag OK done
C: SELECT "INBOX"
S: * 2 EXISTS
S: * OK [UIDVALIDITY 9] valid
S: * OK [UIDNEXT 40] next
S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
S: * LIST () "/" INBOX
S: $tag OK [READ-WRITE] open
C: FETCH 1:2 (UID
S: * 1 FETCH (UID 5 FLAGS () INTERNALDATE "23-Nov-2026 09:15:00 +0100" RFC822.SIZE 49)
S: * 2 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE "23-Nov-2026 09:15:00 +0100" RFC822.SIZE 49)
S: $tag OK done
C: UID STORE 5 +FLAGS.SILENT
S: $tag OK done
C: UID EXPUNGE 5
S: * 1 EXPUNGE
S: $tag OK done
C: UID FETCH 5 (UID FLAGS)
S: $tag OK done
C: UID MOVE 7 "Unzustellbar für uns"
S: $tag NO [TRYCREATE] none
C: CREATE "Unzustellbar für uns"
S: $tag OK done
C: SUBSCRIBE "Unzustellbar für uns"
S: $tag OK done
C: UID MOVE 7 "Unzustellbar für uns"
S: * OK moved
S: * 1 EXPUNGE
S: $tag OK done
C: UID FETCH 7 (UID FLAGS)
S: $tag OK done
C: LIST "" "*"
S: * LIST (\\NonExistent) "/" Projekte
S: * LIST (\\Drafts) "/" "Entwürfe"
S: * LIST () "/" {10}
R: R&D & 1970\r\n
S: $tag OK done
C: IDLE
S: + idling
S: * 1 EXISTS
C: DONE
S: $tag OK done
C: LOGOUT
S: * BYE
S: $tag OK done
"#;

fn run(script: &Script) -> Result<()> {
    let target = Target {
        host: "localhost".to_owned(),
        port: script.address().port(),
        tls: TlsMode::None,
        authority: None,
        is_trusted_line: false,
    };
    let secret = Secret::new("geheim".to_owned());
    let login = Login::Password { user: "anna@contoso.test".to_owned(), secret };
    let story = async {
        let mut session = Session::open(&target, &login, &[7; NONCE_BYTES], Patience::default()).await?;
        assert!(session.can().speaks_rev2());
        let aside = session.own_folder("Unzustellbar für uns").await?;
        assert_eq!(session.select(&FolderName::inbox()).await?.exists, 2);
        let listed = session.list(Window { first: 1, count: 256 }).await?;
        let [first, second] = listed.as_slice() else { anyhow::bail!("{listed:?}") };
        let one = |uid: Uid| [uid].into_iter().collect::<UidSet>();
        let removed = session.dispose(&one(first.uid), &Disposal::Delete).await?;
        assert_eq!(removed.gone, one(first.uid));
        let moved = session.dispose(&one(second.uid), &Disposal::Move(aside)).await?;
        assert_eq!(moved.gone, one(second.uid));
        let folders = session.folders().await?;
        let names: Vec<(&str, bool)> =
            folders.iter().map(|folder| (folder.name.as_str(), folder.can_be_opened)).collect();
        assert_eq!(names, [("Projekte", false), ("Entwürfe", true), ("R&D & 1970", true)]);
        assert_eq!(session.wait(std::future::pending()).await?, Woken::News);
        Ok(session.bye().await?)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(async { tokio::time::timeout(wait::PATIENCE, story).await.context("it hangs")? })
        .with_context(|| format!("{:#?}", script.heard()))
}

/// Both are there: IMAP4rev2 is asked for, after the sign-in.
#[test]
fn a_server_that_has_both_is_switched() -> Result<()> {
    let begin = "S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR AUTH=PLAIN] hi\nC: AUTHENTICATE PLAIN AG\n\
                 S: $tag OK [CAPABILITY IMAP4rev1 IMAP4rev2] in\nC: ENABLE IMAP4rev2\nS: * ENABLED IMAP4rev2\n\
                 S: $tag OK done\n";
    run(&Script::start(&format!("{begin}{SINK}"))?)
}

/// IMAP4rev2 alone: SASL-IR comes with it.
#[test]
fn a_server_that_has_nothing_else_is_understood() -> Result<()> {
    let begin = "S: * OK hi\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev2 AUTH=PLAIN\nS: $tag OK done\n\
                 C: AUTHENTICATE PLAIN AG\nS: $tag OK in\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev2\n\
                 S: $tag OK done\nC: ENABLE IMAP4rev2\nS: $tag OK done\n";
    run(&Script::start(&format!("{begin}{SINK}"))?)
}
