//! Peers that say or prove who they are: credentials, proxies and relays, with real clients.

use receive::tls;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;

use super::swaks::{is_missing, swaks};
use super::{Client, DoorSettings, House, NAME, SECRET, println_skipped};

/// A door with TLS and AUTH.
async fn secure(change: impl FnOnce(&mut DoorSettings)) -> House {
    let folder = tempfile::tempdir().unwrap();
    let config = tls::self_signed(folder.path(), "sink.example").unwrap();
    House::open(|settings| {
        settings.tls = Some(config);
        settings.nonces = Some(std::sync::Arc::new(|| Some([5; 18])));
        change(settings);
    })
    .await
}

/// Where 127.0.0.1 is a proxy, and whoever else comes is a stranger.
async fn behind_a_proxy() -> House {
    House::open(|settings| {
        settings.trusts_loopback = false;
        settings.proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await
}

#[tokio::test]
async fn swaks_proves_a_credential_under_tls_from_the_start() {
    if is_missing() {
        return;
    }
    let mut house = secure(|settings| settings.tls_from_start = true).await;
    for mechanism in ["PLAIN", "LOGIN"] {
        let proof = ["--auth", mechanism, "--auth-user", NAME, "--auth-password", SECRET];
        let said = swaks(&house, &[&["--tls-on-connect"], proof.as_slice()].concat()).await;
        let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        if text.contains("TLS not available") {
            println_skipped("swaks has no TLS (Debian package libnet-ssleay-perl)");
            return;
        }
        assert!(said.status.success(), "{text}");
        let message = house.kept.recv().await.unwrap();
        assert!(message.peer.credential.is_some() && message.trace_header.contains("with ESMTPSA;"));
    }
    let wrong = ["--tls-on-connect", "--auth", "PLAIN", "--auth-user", NAME, "--auth-password", "wrong"];
    assert_eq!(swaks(&house, &wrong).await.status.code(), Some(28), "swaks: authentication failed");
    house.close().await;
}

#[tokio::test]
async fn python_proves_a_credential() {
    let program = "import smtplib, ssl, sys\n\
        port, name, secret = int(sys.argv[1]), sys.argv[2], sys.argv[3]\n\
        context = ssl._create_unverified_context()\n\
        with smtplib.SMTP('127.0.0.1', port) as door:\n    \
            door.starttls(context=context)\n    \
            door.login(name, secret)\n    \
            door.sendmail('anna@customer.example', ['sink@sink.example'], 'Subject: x\\r\\n\\r\\nhi\\r\\n')\n";
    let mut house = secure(|_| {}).await;
    let port = house.address.port().to_string();
    let said = Command::new("python3").args(["-c", program, &port, NAME, SECRET]).output().await;
    let Ok(said) = said else { return println_skipped("python3 is not installed") };
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(house.kept.recv().await.unwrap().peer.credential.is_some());
    house.close().await;
}

#[tokio::test]
async fn a_proxy_says_for_whom_it_comes() {
    if is_missing() {
        return;
    }
    let mut house = behind_a_proxy().await;
    for version in ["1", "2"] {
        let source = ["--proxy-source", "198.51.100.9", "--proxy-source-port", "1234"];
        let destination = ["--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25", "--proxy-family"];
        let family = if version == "1" { "TCP4" } else { "AF_INET" };
        let proxy = [["--proxy-version", version].as_slice(), &source, &destination, &[family]].concat();
        let said = swaks(&house, &proxy).await;
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
        let message = house.kept.recv().await.unwrap();
        assert_eq!(message.peer.address.to_string(), "198.51.100.9", "version {version}");
        let unknown = swaks(&house, &[proxy.as_slice(), &["--to", "unknown@sink.example"]].concat()).await;
        let text = String::from_utf8_lossy(&unknown.stdout).into_owned();
        assert!(text.contains("550 5.7.1"), "the client is a stranger: {text}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_proxy_must_say_for_whom_it_comes() {
    let house = behind_a_proxy().await;
    let mut client = house.connect().await;
    client.say("EHLO client.example\r\n").await;
    client.expect("421 4.7.0 Expected a header of the PROXY protocol").await;
    // A look whether the door lives, in pieces, is answered, and brings no mail.
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00" {
        stream.write_all(&[*byte]).await.unwrap();
    }
    let mut client = Client::new(stream);
    client.expect("220 ").await;
    client.ask("EHLO haproxy.example\r\n", "250").await;
    client.ask("MAIL FROM:<a@b>\r\n", "450 4.7.1 ").await;
    client.ask("QUIT\r\n", "221 ").await;
    house.close().await;
}

#[tokio::test]
async fn a_silent_proxy_is_sent_away() {
    let house = House::open(|settings| {
        settings.proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.patience.proxy_header = std::time::Duration::from_millis(60);
    })
    .await;
    let mut client = house.connect().await;
    client.say("PROXY TCP4 192.0").await;
    client.expect("421 4.7.0 ").await;
    client.expect("").await;
    house.close().await;
}

#[tokio::test]
async fn the_places_behind_a_proxy_are_those_of_its_clients() {
    let house = House::open(|settings| {
        settings.trusts_loopback = false;
        settings.proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.connections_per_stranger_max = 1;
    })
    .await;
    let comes = async |address: &str, reply: &str| {
        let mut client = house.connect().await;
        client.say(&format!("PROXY TCP4 {address} 192.0.2.1 1 25\r\n")).await;
        client.expect(reply).await;
        client
    };
    let _first = comes("198.51.100.9", "220 ").await;
    comes("198.51.100.9", "421 4.7.0 ").await;
    let _other = comes("198.51.100.10", "220 ").await;
    drop((_first, _other));
    house.close().await;
}

#[tokio::test]
async fn a_relay_says_for_whom_it_speaks() {
    if is_missing() {
        return;
    }
    let mut house = House::open(|settings| settings.announcers = vec!["127.0.0.1".parse().unwrap()]).await;
    let said = ["--xclient-addr", "198.51.100.9", "--xclient-helo", "far.example"];
    let said = swaks(&house, &said).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    let peer = house.kept.recv().await.unwrap().peer;
    assert_eq!((peer.address.to_string().as_str(), peer.helo.as_str()), ("198.51.100.9", "far.example"));
    house.close().await;
}
