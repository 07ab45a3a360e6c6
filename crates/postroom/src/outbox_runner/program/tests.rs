use std::fs;
use std::path::Path;

use super::*;

fn parcel() -> Parcel {
    Parcel {
        name: "mail".to_owned(),
        mail_from: "jane@contoso.test".to_owned(),
        recipients: vec!["zoe@fabrikam.test".to_owned(), "-tom@fabrikam.test".to_owned()],
        raw: (*b"Subject: Offer\r\n\r\n.\r\nHello\r\n").into(),
        wants_report: false,
    }
}

/// A shell script that finds its own folder as `$0`'s.
fn program(folder: &Path, script: &str) -> Program {
    let path = folder.join("sendmail");
    fs::write(&path, format!("#!/bin/sh\ncd \"$(dirname \"$0\")\"\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Program::at(path).unwrap()
}

#[tokio::test]
async fn it_gets_the_envelope_the_mail_with_lf_and_nothing_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let script = "printf '%s\\n' \"$@\" > arguments; cat > mail; env > environment";
    let program = program(folder.path(), script);
    let has_begun = || folder.path().join("mail").exists();
    assert_eq!(program.send(&parcel(), async { false }).await, not_sent(TAKEN_BACK));
    assert!(!has_begun());
    let tried = program.send(&parcel(), async { !has_begun() }).await;
    assert_eq!(tried, all(&parcel(), 250, "2.0.0 the program ended with 0"));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("mail"), "Subject: Offer\n\n.\nHello\n");
    assert_eq!(read("arguments"), "-i\n-f\njane@contoso.test\n--\nzoe@fabrikam.test\n-tom@fabrikam.test\n");
    let environment = read("environment");
    let names = environment.lines().map(|line| line.split('=').next().unwrap());
    // What the shell itself sets beside.
    let ours: Vec<&str> = names.filter(|name| !["PWD", "OLDPWD", "_", "SHLVL"].contains(name)).collect();
    assert_eq!(ours, ["PATH"], "{environment}");
    let nobody = Parcel { mail_from: String::new(), ..parcel() };
    program.send(&nobody, async { true }).await;
    assert!(read("arguments").contains("-f\n<>\n--"));
}

#[tokio::test]
async fn an_address_that_it_would_take_for_two_is_not_given_to_it() {
    use send::Carrier as _;

    use crate::outbox_runner::way::Way;

    let folder = tempfile::tempdir().unwrap();
    let mut way = Way::Program(program(folder.path(), "cat > mail"));
    let two = "victim@other.test,x@evil.test";
    let to_two = Parcel { recipients: vec![two.to_owned()], ..parcel() };
    let from_two = Parcel { mail_from: two.to_owned(), ..parcel() };
    for odd in [to_two, from_two] {
        let Tried::Answered(replies) = way.send(&odd, async { true }).await else { panic!() };
        assert!(replies.iter().all(|reply| reply.code == 554), "{replies:?}");
    }
    assert!(!folder.path().join("mail").exists());
    let mut way = Way::Program(program(folder.path(), "printf '%s\\n' \"$@\" > arguments"));
    let abroad = Parcel {
        mail_from: "Jane@Zürich.test".to_owned(),
        recipients: vec!["ida@münchen.test".to_owned(), "zoë@münchen.test".to_owned()],
        ..parcel()
    };
    assert_eq!(way.send(&abroad, async { true }).await, all(&abroad, 250, "2.0.0 the program ended with 0"));
    let arguments = fs::read_to_string(folder.path().join("arguments")).unwrap();
    assert_eq!(arguments, "-i\n-f\nJane@xn--zrich-kva.test\n--\nida@xn--mnchen-3ya.test\nzoë@münchen.test\n");
    let mut way = Way::Program(program(folder.path(), "cat > mail"));
    let nobody = Parcel { mail_from: String::new(), ..parcel() };
    assert_eq!(
        way.send(&nobody, async { true }).await,
        all(&parcel(), 250, "2.0.0 the program ended with 0")
    );
}

#[tokio::test]
async fn each_way_to_end_means_what_it_means_to_mail() {
    let folder = tempfile::tempdir().unwrap();
    // Of the mail or a recipient; all else is the machine's.
    let never = [65, 67, 68, 76];
    for exit in (64..=78).chain([1, 2, 63, 79, 126, 127, 255]) {
        let program = program(folder.path(), &format!("echo no   such; echo thing >&2; exit {exit}"));
        let Tried::Answered(replies) = program.send(&parcel(), async { true }).await else {
            panic!("{exit}")
        };
        assert_eq!(replies.len(), 2);
        for reply in replies {
            assert_eq!(reply.code / 100, if never.contains(&exit) { 5 } else { 4 }, "{exit}");
            assert!(reply.text.ends_with(&format!("ended with {exit}: thing")), "{}", reply.text);
        }
    }
    let killed = program(folder.path(), "kill -9 $$");
    assert!(matches!(killed.send(&parcel(), async { true }).await, Tried::Uncertain { .. }));
    fs::write(folder.path().join("sendmail"), "#!/no/such/shell\n").unwrap();
    assert!(matches!(killed.send(&parcel(), async { true }).await, Tried::NotSent { .. }));
    fs::set_permissions(folder.path().join("sendmail"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        Program::at(folder.path().join("sendmail")).is_err()
            && Program::at(folder.path().to_owned()).is_err()
    );
}

/// The script waits for a pipe that nobody opens but its child, so nothing here takes any time by a clock.
#[tokio::test]
async fn who_takes_too_long_is_ended_with_all_that_it_began_and_who_ends_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mkfifo never; sh -c 'echo $$ > child; read it < never' & while [ ! -s child ]; do :; done; read it < never";
    let endless = Program { limit: Duration::from_secs(1), ..program(folder.path(), script) };
    let Tried::Uncertain { words, .. } = endless.send(&parcel(), async { true }).await else { panic!() };
    assert!(words.contains("was ended"), "{words}");
    let alive = |name: &str| {
        let pid = fs::read_to_string(folder.path().join(name)).unwrap();
        let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        status.is_ok_and(|status| !status.contains(") Z "))
    };
    // Only its own end is waited for; that of what it began comes in a moment.
    while alive("child") {
        std::thread::yield_now();
    }
    // One that goes on behind it, as some deliver, and holds the line of its words open.
    let script = "rm never; mkfifo never; sh -c 'echo $$ > behind; read it < never' & while [ ! -s behind ]; do :; done";
    let tried = program(folder.path(), script).send(&parcel(), async { true }).await;
    assert_eq!(tried, all(&parcel(), 250, "2.0.0 the program ended with 0"));
    assert!(alive("behind"));
    fs::write(folder.path().join("never"), "go\n").unwrap();
}
