//! What a peer that nobody knows can do to the others: little. Here 127.0.0.1 is trusted, as the network of
//! a mail server is; the rest of 127.0.0.0/8 plays strangers.

use std::net::SocketAddr;
use std::time::Duration;

use receive::DoorSettings;
use tokio::net::{TcpSocket, TcpStream};

use super::{Client, House};

/// Must not pass on a slow machine where the test waits for something else.
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(60);

async fn house(change: impl FnOnce(&mut DoorSettings)) -> House {
    House::open(|settings| {
        settings.trusts_loopback = false;
        settings.trusted = vec!["127.0.0.1".parse().unwrap()];
        change(settings);
    })
    .await
}

/// A connection from 127.0.0.`last`.
async fn stranger(house: &House, last: u8) -> Client<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    Client::new(socket.connect(house.address).await.unwrap())
}

async fn greeted_stranger(house: &House) -> Client<TcpStream> {
    let mut client = stranger(house, 2).await;
    client.expect("220 ").await;
    client.ask("EHLO stranger.example\r\n", "250").await;
    client
}

#[tokio::test]
async fn a_stranger_cannot_hold_the_door() {
    let house = house(|_| {}).await;
    let mut held = Vec::new();
    for _ in 0..model::limits::STRANGER_CONNECTIONS_MAX {
        let mut client = stranger(&house, 2).await;
        client.expect("220 ").await;
        held.push(client);
    }
    let mut more = stranger(&house, 2).await;
    more.expect("421 4.7.0 Too many connections from your address").await;
    more.expect("").await;
    stranger(&house, 3).await.expect("220 ").await;
    house.greeted().await.ask("QUIT\r\n", "221 ").await;

    let mut leaving = held.pop().unwrap();
    leaving.ask("QUIT\r\n", "221 ").await;
    leaving.expect("").await;
    // The place is free a moment after the peer sees the end.
    let again = async { while !stranger(&house, 2).await.hear().await.starts_with("220 ") {} };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("the place is free again");
    drop(held);
    house.close().await;
}

#[tokio::test]
async fn strangers_together_leave_places_to_trusted_peers() {
    let house = house(|settings| settings.connections_max = 10).await;
    let mut held = Vec::new();
    for last in 2..11 {
        let mut client = stranger(&house, last).await;
        client.expect("220 ").await;
        held.push(client);
    }
    stranger(&house, 11).await.expect("421 4.3.2 ").await;
    let mut trusted = house.greeted().await;
    trusted.ask("QUIT\r\n", "221 ").await;
    drop(held);
    house.close().await;
}

#[tokio::test]
async fn trusted_peers_are_not_counted_by_address() {
    let house = house(|settings| settings.connections_per_stranger_max = 1).await;
    let (mut first, mut second) = (house.greeted().await, house.greeted().await);
    first.ask("NOOP\r\n", "250 ").await;
    second.ask("NOOP\r\n", "250 ").await;
    drop((first, second));
    house.close().await;
}

#[tokio::test]
async fn a_silent_stranger_is_sent_away_sooner() {
    let house = house(|settings| {
        settings.patience.command = LONG;
        settings.patience.stranger_command = SHORT;
    })
    .await;
    let mut trusted = house.greeted().await;
    let mut client = stranger(&house, 2).await;
    client.expect("220 ").await;
    client.expect("421 4.4.2 ").await;
    client.expect("").await;
    trusted.ask("NOOP\r\n", "250 ").await;
    drop(trusted);
    house.close().await;
}

#[tokio::test]
async fn a_stranger_that_only_chats_is_sent_away() {
    let house = house(|settings| settings.patience.stranger_session = Duration::from_millis(300)).await;
    let mut trusted = house.greeted().await;
    let mut silent = stranger(&house, 2).await;
    let mut chatting = greeted_stranger(&house).await;
    let chat = async {
        // So slow that the number of commands does not end it.
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            chatting.say("NOOP\r\n").await;
            let heard = chatting.hear().await;
            if !heard.starts_with("250 ") {
                return heard;
            }
        }
    };
    let last = tokio::time::timeout(Duration::from_secs(20), chat).await.expect("the chat is ended");
    assert!(last.starts_with("421 4.7.0 Too long"), "{last:?}");
    silent.expect("220 ").await;
    silent.expect("421 4.7.0 Too long").await;
    trusted.ask("NOOP\r\n", "250 ").await;
    drop(trusted);
    house.close().await;
}

#[tokio::test]
async fn a_stranger_cannot_try_out_addresses() {
    let house = house(|_| {}).await;
    let mut client = greeted_stranger(&house).await;
    client.ask("MAIL FROM:<a@b>\r\n", "250 ").await;
    client.say("RCPT TO:<unknown@x>\r\nRCPT TO:<forbidden@x>\r\n").await;
    let (unknown, forbidden) = (client.hear().await, client.hear().await);
    assert!(unknown.starts_with("550 5.7.1 "), "{unknown}");
    assert_eq!(unknown, forbidden);
    for _ in 2..model::limits::STRANGER_REFUSED_MAX {
        client.ask("RCPT TO:<unknown@x>\r\n", "550 5.7.1 ").await;
    }
    client.expect("421 4.7.0 Too many recipients refused").await;
    client.expect("").await;

    let mut trusted = house.greeted().await;
    trusted.ask("MAIL FROM:<a@b>\r\n", "250 ").await;
    for _ in 0..=model::limits::STRANGER_REFUSED_MAX {
        trusted.ask("RCPT TO:<unknown@x>\r\n", "550 5.1.1 ").await;
    }
    trusted.ask("RCPT TO:<forbidden@x>\r\n", "550 5.7.1 Not allowed").await;
    trusted.ask("RCPT TO:<a@x>\r\n", "250 ").await;
    drop(trusted);
    house.close().await;
}

#[tokio::test]
async fn a_stranger_that_has_found_its_recipient_may_stay() {
    let mut house = house(|settings| settings.patience.stranger_session = Duration::from_secs(1)).await;
    let mut sender = greeted_stranger(&house).await;
    sender.ask("MAIL FROM:<a@b>\r\n", "250 ").await;
    sender.ask("RCPT TO:<a@x>\r\n", "250 ").await;
    // Another stranger, come later, tells when the time is over.
    let mut silent = stranger(&house, 3).await;
    silent.expect("220 ").await;
    silent.expect("421 4.7.0 ").await;
    sender.ask("DATA\r\n", "354 ").await;
    sender.ask("x\r\n.\r\n", "250 2.0.0 kept").await;
    assert!(house.kept.recv().await.is_some());
    drop(sender);
    house.close().await;
}
