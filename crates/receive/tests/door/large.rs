//! Large messages stand on disk while they arrive.

use model::limits::LARGE_MESSAGE_BYTES;
use receive::InFlight;
use receive::body::Large;

use super::{DoorSettings, House};

fn on_disk(settings: &mut DoorSettings, folder: &std::path::Path, bytes: usize) {
    settings.large = Some(Large { folder: folder.to_owned(), room: InFlight::new(bytes) });
    // Far too little for a large message in memory.
    settings.in_flight = InFlight::new(2 * LARGE_MESSAGE_BYTES);
}

/// Different in every line, so that a piece in the wrong place is seen.
fn text(from: usize) -> String {
    (from..from + 100_000).map(|number| format!("{number:08} of a large mail\r\n")).collect()
}

#[tokio::test]
async fn a_message_larger_than_the_room_in_memory_comes_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = House::open(|settings| on_disk(settings, folder.path(), 64 << 20)).await;
    let mut client = house.greeted().await;
    for (round, form) in ["DATA", "BDAT"].into_iter().enumerate() {
        let text = text(round);
        client.ask("MAIL FROM:<a@b>\r\n", "250 ").await;
        client.ask("RCPT TO:<a@x>\r\n", "250 ").await;
        if form == "DATA" {
            client.ask("DATA\r\n", "354 ").await;
            client.ask(&format!("{text}.\r\n"), "250 2.0.0 kept\r\n").await;
        } else {
            // Begun, forgotten, and begun anew: nothing of the first stays.
            client.ask(&format!("BDAT {}\r\n{text}", text.len()), "250 ").await;
            client.ask("RSET\r\n", "250 ").await;
            client.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\n").await;
            client.expect("250 ").await;
            client.expect("250 ").await;
            let (one, two) = text.split_at(1_000_001);
            client.ask(&format!("BDAT {}\r\n{one}", one.len()), "250 ").await;
            client.ask(&format!("BDAT {} LAST\r\n{two}", two.len()), "250 2.0.0 kept\r\n").await;
        }
        let raw = house.kept.recv().await.unwrap().raw;
        assert!(raw.rest().len() < 2 * LARGE_MESSAGE_BYTES && raw.len() == text.len(), "{form}");
        assert!(&*raw.read().unwrap() == text.as_bytes(), "{form}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    drop(client);
    house.close().await;
}

#[tokio::test]
async fn without_room_on_disk_it_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    for (room, is_there) in [(1 << 20, true), (64 << 20, false)] {
        let place = if is_there { folder.path().to_owned() } else { folder.path().join("missing") };
        let mut house = House::open(|settings| on_disk(settings, &place, room)).await;
        let mut client = house.greeted().await;
        client.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n").await;
        for reply in ["250 ", "250 ", "354 "] {
            client.expect(reply).await;
        }
        client.ask(&format!("{}.\r\n", text(0)), "452 4.3.1 ").await;
        client.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\nsmall\r\n.\r\n").await;
        for reply in ["250 ", "250 ", "354 ", "250 2.0.0 kept"] {
            client.expect(reply).await;
        }
        assert_eq!(house.kept.recv().await.unwrap().raw.rest(), b"small\r\n");
        drop(client);
        house.close().await;
    }
}
