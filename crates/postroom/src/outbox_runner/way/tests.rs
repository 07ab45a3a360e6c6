mod lines;

use std::fs;

use send::Carrier;

use super::*;

const RAW: &[u8] = b"From: jane@contoso.test\r\nSubject: Offer\r\n\r\nFifty?\r\n";
/// A comma would make two of one.
const ODD: &str = "eve@evil.test,tom@fabrikam.test";

fn parcel(recipients: &[&str]) -> Parcel {
    Parcel {
        name: "mail".to_owned(),
        mail_from: "jane@contoso.test".to_owned(),
        recipients: recipients.iter().map(|&address| address.to_owned()).collect(),
        raw: RAW.into(),
        wants_report: false,
    }
}

fn codes(replies: &[Reply]) -> Vec<u16> {
    replies.iter().map(|reply| reply.code).collect()
}

#[tokio::test]
async fn an_odd_recipient_keeps_none_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut way = Way::Pickup(Pickup::at(folder.path().to_owned(), &[1; 8]).unwrap());
    let mixed = parcel(&[ODD, "zoe@fabrikam.test", "tom@fabrikam.test"]);
    let Tried::NotSent { replies, .. } = way.send(&mixed, async { false }).await else { panic!() };
    assert_eq!(replies.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
    let Tried::Answered(replies) = way.send(&mixed, async { true }).await else { panic!() };
    assert_eq!(codes(&replies), [554, 250, 250]);
    assert!(replies[0].text.contains("no address"), "{replies:?}");
    let file = folder.path().join("mail.eml");
    let lies = fs::read_to_string(&file).unwrap();
    assert!(lies.contains("X-Receiver: zoe@fabrikam.test\r\nX-Receiver: tom@fabrikam.test\r\n"), "{lies}");
    assert!(!lies.contains("evil"), "{lies}");
    fs::remove_file(file).unwrap();

    let asked = async { panic!("nothing is about to go out") };
    let Tried::Answered(replies) = way.send(&parcel(&[ODD]), asked).await else { panic!() };
    assert_eq!(codes(&replies), [554]);
    for (raw, mail_from) in [(b"a\rb".as_slice(), "jane@contoso.test"), (RAW, ODD)] {
        let mail_from = mail_from.to_owned();
        let faulty = Parcel { raw: raw.into(), mail_from, ..parcel(&["zoe@fabrikam.test"]) };
        let Tried::Answered(replies) = way.send(&faulty, async { true }).await else { panic!() };
        assert_eq!(codes(&replies), [554]);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
