//! What happens to peers that are too many, too slow, or bring the house to a panic.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Client, House};

/// Long enough for a slow machine where it must not pass, short where it must.
const SHORT: Duration = Duration::from_millis(60);

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let house = House::open(|settings| settings.connections_max = 1).await;
    let mut first = house.greeted().await;
    let mut second = house.connect().await;
    second.expect("421 4.3.2 Too many").await;
    second.expect("").await;
    first.ask("QUIT\r\n", "221 ").await;
    first.expect("").await;
    house.close().await;
}

#[tokio::test]
async fn a_silent_peer_is_sent_away() {
    let house = House::open(|settings| settings.patience.command = SHORT).await;
    let mut client = house.connect().await;
    client.expect("220 ").await;
    client.expect("421 4.4.2 ").await;
    client.expect("").await;
    house.close().await;
}

#[tokio::test]
async fn a_message_that_never_ends_is_not_waited_for() {
    let mut house = House::open(|settings| settings.patience.data_block = SHORT).await;
    let mut client = house.greeted().await;
    client.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n").await;
    for reply in ["250 ", "250 ", "354 "] {
        client.expect(reply).await;
    }
    client.ask("half a mess", "421 4.4.2 ").await;
    client.expect("").await;
    assert!(house.kept.try_recv().is_err());
    house.close().await;
}

#[tokio::test]
async fn neither_a_trickle_nor_a_flood_holds_a_place_for_ever() {
    let house = House::open(|settings| settings.patience.data = SHORT).await;
    for (pause, bytes) in [(Duration::from_millis(5), 1), (Duration::from_micros(1), 64 * 1024)] {
        let mut client = house.greeted().await;
        client.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n").await;
        for reply in ["250 ", "250 ", "354 "] {
            client.expect(reply).await;
        }
        send_until_closed(client, pause, bytes).await;
    }
    house.close().await;

    let house = House::open(|settings| settings.patience.command = SHORT).await;
    send_until_closed(house.connect().await, Duration::from_millis(5), 1).await;
    house.close().await;
}

async fn send_until_closed(mut client: Client<TcpStream>, pause: Duration, bytes: usize) {
    let sending = async {
        let mut tick = tokio::time::interval(pause);
        let block = vec![b'x'; bytes];
        loop {
            tick.tick().await;
            if client.stream.get_mut().write_all(&block).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), sending).await.expect("the door closes the connection");
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let config = receive::tls::self_signed(folder.path(), "sink.example").unwrap();
    let house = House::open(|settings| {
        settings.tls = Some(config);
        settings.patience.handshake = SHORT;
    })
    .await;
    let mut client = house.greeted().await;
    client.ask("STARTTLS\r\n", "220 ").await;
    client.expect("").await;
    house.close().await;
}

#[tokio::test]
async fn a_panic_ends_one_connection_only() {
    let mut house = House::open(|_| {}).await;
    let mut other = house.greeted().await;
    let mut client = house.greeted().await;
    client.say("MAIL FROM:<a@b>\r\nRCPT TO:<panic@x>\r\nDATA\r\n").await;
    for reply in ["250 ", "250 ", "354 "] {
        client.expect(reply).await;
    }
    client.ask("x\r\n.\r\n", "").await;
    other.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\nx\r\n.\r\n").await;
    for reply in ["250 ", "250 ", "354 ", "250 2.0.0 kept"] {
        other.expect(reply).await;
    }
    assert!(house.kept.recv().await.is_some());
    house.close().await;
}
