//! Credentials of sinks: made, listed and taken away while the house serves, and what a stranger may with one.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::program::Place;

/// Comes as 198.51.100.9 by the PROXY protocol, proves a credential under TLS where one is given, and sends a mail
/// to the sink; prints the code of each answer. A credential is taken away between two mails where a command is given.
const STRANGER: &str = r#"
import base64, socket, ssl, subprocess, sys
port, name, secret, remove = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
door = socket.create_connection(("127.0.0.1", port))
door.sendall(b"PROXY TCP4 198.51.100.9 192.0.2.1 1234 25\r\n")
lines = door.makefile("rb")
def hear():
    line = lines.readline()
    while line[3:4] == b"-": line = lines.readline()
    return line[:9].decode()
def ask(text):
    door.sendall(text.encode() + b"\r\n")
    return hear()
hear(); ask("EHLO far.test"); ask("STARTTLS")
context = ssl._create_unverified_context()
door = context.wrap_socket(door)
lines = door.makefile("rb")
ask("EHLO far.test")
if secret:
    print("auth", ask("AUTH PLAIN " + base64.b64encode(f"\0{name}\0{secret}".encode()).decode()))
ask("MAIL FROM:<zoe@fabrikam.test>")
print("rcpt", ask("RCPT TO:<crm@sink.test>"))
said = ask("DATA")
if said.startswith("354"):
    said = ask("From: zoe@fabrikam.test\r\nTo: jane@contoso.test\r\nSubject: Far\r\n\r\nHi.\r\n.")
print("data", said)
if remove:
    subprocess.run(remove, check=True)
    ask("MAIL FROM:<zoe@fabrikam.test>")
    print("rcpt", ask("RCPT TO:<crm@sink.test>"))
"#;

fn stranger(door: SocketAddr, (name, secret): (&str, &str), remove: &[&str]) -> Option<String> {
    let mut python = Command::new("python3");
    python.args(["-c", STRANGER, &door.port().to_string(), name, secret]).args(remove);
    let Ok(said) = python.output() else {
        println!("skipped: python3 is not installed");
        return None;
    };
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Some(String::from_utf8(said.stdout).unwrap())
}

#[test]
fn a_stranger_writes_with_a_credential_as_long_as_it_lasts() {
    let place = Place::with_contoso();
    let proxy = [("POSTROOM_RECEIVE_PROXY_NETWORKS", "127.0.0.1")];
    let house = place.serve_with(&proxy, Stdio::inherit());
    let at_sink = ["--org", "contoso", "--sink", "crm@sink.test"];
    let credential = |word: &str, more: &[&str]| {
        place.run(&[["sink", "credential", word].as_slice(), &at_sink, more].concat())
    };
    let made = credential("add", &["relay"]).out;
    let words: Vec<&str> = made.split_whitespace().collect();
    let &["name", name @ "crm+relay@sink.test", "secret", secret] = words.as_slice() else {
        panic!("{made}");
    };
    assert_eq!(secret.len(), 26);
    assert!(credential("add", &["relay"]).err.contains("crm+relay@sink.test is taken already"));
    assert!(credential("add", &["Re lay"]).err.contains("small letters"));
    assert!(credential("add", &["other", "--user", "nobody@contoso.test"]).err.contains("is not here"));
    credential("add", &["own", "--user", "jane@contoso.test"]);
    let list = credential("list", &[]).out;
    assert!(list.contains("crm+relay@sink.test") && list.contains("believed: jane@contoso.test"), "{list}");
    assert!(!list.contains(secret));

    let Some(said) = stranger(house.smtp, (name, ""), &[]) else { return };
    assert_eq!(said, "rcpt 550 5.7.1\ndata 503 5.5.1\n");
    let wrong = stranger(house.smtp, (name, "wrong"), &[]).unwrap();
    assert_eq!(wrong, "auth 535 5.7.8\nrcpt 550 5.7.1\ndata 503 5.5.1\n");
    let folder = place.path("");
    let there = format!("cd {} && exec \"$0\" \"$@\"", folder.display());
    let remove = ["sh", "-c", &there, env!("CARGO_BIN_EXE_postroom"), "sink", "credential", "remove"];
    let said = stranger(house.smtp, (name, secret), &[&remove, at_sink.as_slice(), &["relay"]].concat());
    assert_eq!(said.unwrap(), "auth 235 2.7.0\nrcpt 250 2.1.5\ndata 250 2.0.0\nrcpt 550 5.7.1\n");
    assert!(!credential("list", &[]).out.contains("relay"));
    assert!(place.well(&["verify"]).starts_with("contoso: 1 copies seen"));
}

#[test]
fn tls_may_begin_with_the_connection() {
    let place = Place::with_contoso();
    let house = place.serve_with(&[("POSTROOM_SMTP_TLS_LISTEN", "127.0.0.1:0")], Stdio::inherit());
    let ports: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("ports.json")).unwrap()).unwrap();
    let door = ports["smtps"][0].as_str().unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-quiet", "-crlf", "-connect", door]).stdin(Stdio::piped());
    let child = openssl.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return println!("skipped: openssl is not installed") };
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"EHLO x\nQUIT\n").unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(said.starts_with("220 house.test ") && said.contains("250-AUTH "), "{said}");
    assert!(!said.contains("STARTTLS") && said.contains("221 2.0.0"), "{said}");
    assert!(house.terminate().success());
}
