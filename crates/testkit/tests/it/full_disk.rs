//! A mail to two organizations of which one has no room: the sender keeps it, and a retry gives each one.

use testkit::client::{Client, Envelope, Protocol};

use super::house::{ZOE, books_are_whole, email_count, house, mail};

#[test]
fn a_mail_for_a_full_disk_stays_with_its_sender() {
    let (house, _) = house();
    let (example, other) = (house.organization("example").unwrap(), house.organization("other").unwrap());
    let rcpt_to = vec!["jane@example.test".to_owned(), "tara@other.test".to_owned()];
    let envelope = Envelope { mail_from: ZOE.to_owned(), rcpt_to };
    let raw = to_both(&noise(60_000));
    let send = || {
        let mut client = Client::connect(house.smtp().unwrap(), Protocol::Smtp).unwrap();
        client.send(&envelope, &raw).unwrap()
    };
    if other.is_at_server() {
        return testkit::missing::skip(
            "a disk that is full for one organization alone: a server has one disk",
        );
    }
    other.limit_pages(1);
    for _ in 0..2 {
        let replies = send();
        assert_eq!(replies.codes(), [451], "{replies:?}");
        assert_eq!((email_count(&example), email_count(&other)), (1, 0));
    }
    other.limit_pages(0);
    assert_eq!(send().codes(), [250]);
    assert_eq!((email_count(&example), email_count(&other)), (1, 1));
    assert_eq!(send().codes(), [250]);
    assert_eq!((email_count(&example), email_count(&other)), (1, 1));
    books_are_whole(&house);
}

#[test]
fn over_lmtp_only_the_recipient_without_room_tries_again() {
    let (house, _) = house();
    let (example, other) = (house.organization("example").unwrap(), house.organization("other").unwrap());
    let rcpt_to = vec!["tara@other.test".to_owned(), "jane@example.test".to_owned()];
    let envelope = Envelope { mail_from: ZOE.to_owned(), rcpt_to };
    if other.is_at_server() {
        return testkit::missing::skip(
            "a disk that is full for one organization alone: a server has one disk",
        );
    }
    other.limit_pages(1);
    let mut client = Client::connect(house.lmtp().unwrap(), Protocol::Lmtp).unwrap();
    assert_eq!(client.send(&envelope, &to_both(&noise(60_000))).unwrap().codes(), [451, 250]);
    assert_eq!((email_count(&example), email_count(&other)), (1, 0));
    books_are_whole(&house);
}

fn to_both(text: &str) -> Vec<u8> {
    let raw = String::from_utf8(mail("both", text)).unwrap();
    raw.replace("To: jane@example.test", "To: jane@example.test, tara@other.test").into_bytes()
}

/// Letters that do not compress to nothing, so that the mail needs pages that are not there.
fn noise(length: usize) -> String {
    let mut state = 7u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
    };
    let line = |_| (0..70).map(|_| letter()).collect::<String>();
    (0..length / 72).map(line).collect::<Vec<_>>().join("\r\n ")
}
