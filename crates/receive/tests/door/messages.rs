//! Messages over plain and encrypted connections.

use std::sync::Arc;

use receive::{DoorProtocol, Protocol, tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::{Client, House, counted};

#[tokio::test]
async fn a_pipelined_message_arrives_as_it_was_sent() {
    let mut house = House::open(|_| {}).await;
    let mut client = house.greeted().await;
    client
        .say("MAIL FROM:<anna@customer.example>\r\nRCPT TO:<unknown@x>\r\nRCPT TO:<sink@x>\r\nDATA\r\n")
        .await;
    for reply in ["250 2.1.0 ", "550 5.1.1 ", "250 2.1.5 ", "354 "] {
        client.expect(reply).await;
    }
    let body =
        "Subject: long\r\n\r\n".to_owned() + &"0123456789 ".repeat(60).repeat(100) + "\r\n.leading dot\r\n";
    client.ask(&format!("{}.\r\nQUIT\r\n", body.replace("\r\n.", "\r\n..")), "250 2.0.0 kept").await;
    client.expect("221 ").await;
    client.expect("").await;
    let message = house.kept.recv().await.unwrap();
    assert_eq!(message.raw.rest(), body.as_bytes());
    assert!(message.peer.address.is_loopback() && !message.peer.tls);
    house.close().await;
}

#[tokio::test]
async fn mail_of_a_sender_that_is_no_address_arrives() {
    let mut house = House::open(|_| {}).await;
    let mut client = house.greeted().await;
    for sender in ["root", "foo@bar@x.test", "o\"brien@x.test"] {
        client.say(&format!("MAIL FROM:<{sender}>\r\nRCPT TO:<sink@x>\r\nDATA\r\nx\r\n.\r\n")).await;
        for reply in ["250 2.1.0 ", "250 2.1.5 ", "354 ", "250 2.0.0 kept"] {
            client.expect(reply).await;
        }
        assert_eq!(house.kept.recv().await.unwrap().mail_from.as_deref(), Some(sender));
    }
    client.ask("MAIL FROM:<a b@x.test>\r\n", "501 5.1.7 ").await;
    client.ask("MAIL FROM:<ok@x.test>\r\n", "250 ").await;
    client.ask("RCPT TO:<foo@bar@x.test>\r\n", "501 5.1.3 ").await;
    drop(client);
    house.close().await;
}

#[tokio::test]
async fn lmtp_answers_for_each_recipient() {
    let mut house = House::open(|settings| settings.protocol = DoorProtocol::Lmtp).await;
    let mut client = house.connect().await;
    client.expect("220 ").await;
    client.ask("EHLO x\r\n", "500 5.5.1 ").await;
    client.ask("LHLO x\r\n", "250-sink.example\r\n").await;
    client.ask("MAIL FROM:<>\r\n", "250 ").await;
    client.ask("RCPT TO:<a@x>\r\n", "250 ").await;
    client.ask("RCPT TO:<b@x>\r\n", "250 ").await;
    client.ask("DATA\r\n", "354 ").await;
    client.ask("x\r\n.\r\n", "250 2.0.0 kept\r\n").await;
    client.expect("250 2.0.0 kept\r\n").await;
    assert_eq!(house.kept.recv().await.unwrap().peer.protocol, Protocol::Lmtp);
    drop(client);
    house.close().await;
}

#[tokio::test]
async fn tls_forgets_what_was_injected_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = tls::self_signed(folder.path(), "sink.example").unwrap();
    let mut house = House::open(|settings| settings.tls = Some(config)).await;
    let mut client = house.greeted().await;
    client.ask("STARTTLS\r\nEHLO injected\r\nMAIL FROM:<evil@x>\r\n", "220 2.0.0 ").await;

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.path().join("door.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trusting =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let trusting = trusting.with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(trusting));
    let name = ServerName::try_from("sink.example").unwrap();
    let mut client = Client::new(connector.connect(name, client.stream.into_inner()).await.unwrap());

    client.ask("MAIL FROM:<a@b>\r\n", "503 5.5.1 Greet first").await;
    client.say("EHLO client.example\r\n").await;
    assert!(!client.hear().await.contains("STARTTLS"));
    client.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n").await;
    for reply in ["250 ", "250 ", "354 "] {
        client.expect(reply).await;
    }
    client.ask("x\r\n.\r\n", "250 ").await;
    client.ask("QUIT\r\n", "221 ").await;
    client.expect("").await;
    let message = house.kept.recv().await.unwrap();
    assert!(message.peer.tls && message.trace_header.contains("with ESMTPS;"));
    assert_eq!(message.mail_from.as_deref(), Some("a@b"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_lose_nothing_and_double_nothing() {
    const CONNECTIONS: usize = 20;
    const MESSAGES: usize = 50;
    let mut house = House::open(|_| {}).await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CONNECTIONS {
        let mut client = house.greeted().await;
        clients.spawn(async move {
            for message in 0..MESSAGES {
                client.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n").await;
                for reply in ["250 ", "250 ", "354 "] {
                    client.expect(reply).await;
                }
                client.ask(&format!("{number} {message}\r\n.\r\n"), "250 ").await;
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let mut messages = Vec::new();
    house.kept.recv_many(&mut messages, CONNECTIONS * MESSAGES + 1).await;
    let counts = counted(messages);
    assert_eq!(counts.len(), CONNECTIONS * MESSAGES);
    assert!(counts.values().all(|count| *count == 1));
    house.close().await;
}
