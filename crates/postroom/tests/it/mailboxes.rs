//! Commands about mailboxes and their servers: what they take, what they print, how they end.

use crate::program::Place;

const ADD: [&str; 17] = [
    "mailbox",
    "add",
    "--org",
    "contoso",
    "--sink",
    "crm@sink.test",
    "--server",
    "127.0.0.1",
    "--tls",
    "none",
    "--user",
    "crm",
    "--refusing",
    "no",
    "--password-file",
    "first",
    "crm",
];

#[test]
fn a_mailbox_is_added_and_changed_and_its_server_listed() {
    let place = Place::with_contoso();
    place.file("first", "geheim\n");
    place.file("second", "geheimer\n");
    assert_eq!(place.well(&["server", "list"]), "");
    place.well(&ADD);
    assert_eq!(place.run(&ADD).code, 1, "the name is taken");
    let listed = place.well(&["mailbox", "list", "--org", "contoso"]);
    let told =
        "contoso  crm  crm at 127.0.0.1:143  never well yet  nothing waits  no node has watched it yet\n";
    assert_eq!(listed, told);
    let servers = place.well(&["server", "list"]);
    assert!(
        servers.starts_with("contoso  crm  IMAP  127.0.0.1:143  ") && servers.ends_with("  crm\n"),
        "{servers}"
    );

    let set = |words: &[&str]| place.run(&[&["mailbox", "set", "--org", "contoso"], words].concat());
    for (words, expected) in [
        (&["--refusing", "yes", "crm"][..], ":143, refusing  "),
        (&["--exclusive", "yes", "crm"], ":143, refusing, exclusive  "),
        (&["--refusing", "no", "crm"], ":143, exclusive  "),
    ] {
        let said = set(words);
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""), "{words:?}");
        let listed = place.well(&["mailbox", "list"]);
        assert!(listed.contains(expected), "{words:?}: {listed}");
    }
    assert!(set(&["crm"]).err.contains("--refusing"), "nothing to change");
    assert!(set(&["--refusing", "yes", "none"]).err.contains("the mailbox"));

    place.well(&["mailbox", "password", "--org", "contoso", "--password-file", "second", "crm"]);
    let nobody = ["mailbox", "password", "--org", "contoso", "--password-file", "second", "none"];
    assert_eq!(place.run(&nobody).code, 1);
    let secrets = place.well(&["secrets", "list"]);
    assert!(!secrets.contains("geheim"), "{secrets}");
}
