//! The door stops without losing what is under way.

use std::time::Duration;

use tokio::net::TcpStream;

use super::House;

#[tokio::test]
async fn idle_sessions_are_told_and_open_transactions_end() {
    let mut house = House::open(|_| {}).await;
    let mut idle = house.greeted().await;
    let mut busy = house.greeted().await;
    busy.ask("MAIL FROM:<a@b>\r\n", "250 ").await;
    house.stop.cancel();
    idle.expect("421 4.3.2 ").await;
    idle.expect("").await;
    busy.ask("RCPT TO:<a@x>\r\n", "250 ").await;
    busy.ask("DATA\r\n", "354 ").await;
    assert!(TcpStream::connect(house.address).await.is_err(), "nobody new is let in");
    busy.ask("x\r\n.\r\n", "250 2.0.0 kept").await;
    busy.expect("421 4.3.2 ").await;
    busy.expect("").await;
    house.served.await.unwrap();
    assert!(house.kept.recv().await.is_some());
}

#[tokio::test]
async fn a_message_with_the_intake_is_waited_for() {
    let mut house = House::open(|_| {}).await;
    let mut client = house.greeted().await;
    client.say("MAIL FROM:<a@b>\r\nRCPT TO:<slow@x>\r\nDATA\r\nx\r\n.\r\n").await;
    for reply in ["250 ", "250 ", "354 "] {
        client.expect(reply).await;
    }
    house.stop.cancel();
    assert!(!house.served.is_finished());
    house.permits.add_permits(1);
    client.expect("250 2.0.0 kept").await;
    client.expect("421 4.3.2 ").await;
    house.served.await.unwrap();
    assert!(house.kept.recv().await.is_some());
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off() {
    let house = House::open(|settings| settings.patience.stop = Duration::from_millis(60)).await;
    let mut client = house.greeted().await;
    client.ask("MAIL FROM:<a@b>\r\n", "250 ").await;
    house.close().await;
    client.expect("").await;
}
