//! A real peer: swaks, the Swiss army knife of SMTP (Debian package `swaks`).

use std::path::Path;
use std::process::Output;

use receive::{DoorProtocol, Protocol, tls};
use tokio::process::Command;

use super::House;

const SWAKS: &str = "/usr/bin/swaks";

#[tokio::test]
async fn swaks_speaks_smtp() {
    if is_missing() {
        return;
    }
    let mut house = House::open(|_| {}).await;
    let said = swaks(&house, &["--pipeline"]).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    let message = house.kept.recv().await.unwrap();
    assert_eq!(message.mail_from.as_deref(), Some("anna@customer.example"));
    let raw = String::from_utf8(message.raw.rest().to_vec()).unwrap();
    assert!(raw.contains("\r\n.a dot\r\n") && raw.ends_with("\r\n"), "{raw}");
    assert!(!message.bare_line_ends);
    let said = swaks(&house, &["--to", "unknown@sink.example"]).await;
    assert_eq!(said.status.code(), Some(24), "swaks: no recipient was accepted");
    house.close().await;
}

#[tokio::test]
async fn swaks_speaks_tls() {
    if is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = tls::self_signed(folder.path(), "sink.example").unwrap();
    let mut house = House::open(|settings| settings.tls = Some(config)).await;
    let said = swaks(&house, &["--tls"]).await;
    let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    if text.contains("TLS not available") {
        println!("skipped: swaks has no TLS (Debian package libnet-ssleay-perl)");
        return;
    }
    assert!(said.status.success(), "{text}");
    assert!(house.kept.recv().await.unwrap().trace_header.contains("with ESMTPS;"));
    house.close().await;
}

#[tokio::test]
async fn swaks_speaks_lmtp() {
    if is_missing() {
        return;
    }
    let mut house = House::open(|settings| settings.protocol = DoorProtocol::Lmtp).await;
    let said = swaks(&house, &["--protocol", "LMTP", "--to", "one@sink.example,two@sink.example"]).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    let message = house.kept.recv().await.unwrap();
    assert_eq!((message.peer.protocol, message.recipients.len()), (Protocol::Lmtp, 2));
    house.close().await;
}

pub(crate) fn is_missing() -> bool {
    let missing = !Path::new(SWAKS).exists();
    if missing {
        println!("skipped: swaks is not installed");
    }
    missing
}

pub(crate) async fn swaks(house: &House, more: &[&str]) -> Output {
    let port = house.address.port().to_string();
    let mut command = Command::new(SWAKS);
    command.args(["--server", "127.0.0.1", "--port", &port, "--helo", "client.example"]);
    command.args(["--from", "anna@customer.example", "--to", "sink@sink.example"]);
    command.args(["--body", "one\n.a dot\n"]).args(more);
    command.output().await.unwrap()
}
