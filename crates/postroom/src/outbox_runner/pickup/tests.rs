use super::*;
use send::Reply;

const RAW: &[u8] = b"From: jane@contoso.test\r\nSubject: Offer\r\n\r\nX-Receiver: of no header\r\n";

fn parcel(raw: &[u8]) -> Parcel {
    Parcel {
        name: "mail-2".to_owned(),
        mail_from: "jane@contoso.test".to_owned(),
        recipients: vec!["zoe@fabrikam.test".to_owned(), "tom@fabrikam.test".to_owned()],
        raw: raw.into(),
        wants_report: false,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_whole_mail_lies_there_once_however_often_it_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let pickup = |nonce: &[u8]| Pickup::at(folder.path().to_owned(), nonce).unwrap();
    let mut seen = Vec::new();
    for nonce in [[1; 8], [2; 8]] {
        let may_end = async {
            seen = names(folder.path());
            true
        };
        let Tried::Answered(replies) = pickup(&nonce).send(&parcel(RAW), may_end).await else { panic!() };
        assert_eq!(replies.iter().map(|reply: &Reply| reply.code).collect::<Vec<_>>(), [250, 250]);
        assert!(seen.iter().any(|name| name.starts_with(".mail-2.") && name.ends_with(".tmp")), "{seen:?}");
    }
    assert_eq!(names(folder.path()), ["mail-2.eml"]);
    let lies = fs::read(folder.path().join("mail-2.eml")).unwrap();
    let top =
        "X-Sender: jane@contoso.test\r\nX-Receiver: zoe@fabrikam.test\r\nX-Receiver: tom@fabrikam.test\r\n";
    assert_eq!(lies, [top.as_bytes(), RAW].concat());
}

#[tokio::test]
async fn what_may_not_end_or_would_name_others_leaves_nothing_there() {
    let folder = tempfile::tempdir().unwrap();
    let pickup = Pickup::at(folder.path().to_owned(), &[1; 8]).unwrap();
    assert_eq!(pickup.send(&parcel(RAW), async { false }).await, not_sent(TAKEN_BACK));
    for named in ["x-receiver: eve@evil.test", "X-SENDER : eve@evil.test"] {
        let raw = format!("From: jane@contoso.test\r\n{named}\r\n\r\nHello\r\n");
        let Tried::Answered(replies) = pickup.send(&parcel(raw.as_bytes()), async { true }).await else {
            panic!()
        };
        assert!(replies.iter().all(|reply| reply.code == 554), "{replies:?}");
    }
    assert_eq!(names(folder.path()), [""; 0]);
    let nobody = Parcel { mail_from: String::new(), ..parcel(RAW) };
    pickup.send(&nobody, async { true }).await;
    assert!(fs::read_to_string(folder.path().join("mail-2.eml")).unwrap().starts_with("X-Sender: <>\r\n"));
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(matches!(pickup.send(&parcel(RAW), async { true }).await, Tried::NotSent { .. }));
    assert!(Pickup::at(folder.path().to_owned(), &[1; 8]).is_err());
}

#[tokio::test]
async fn a_name_that_was_not_given_is_told_apart_from_one_that_may_have_been() {
    let folder = tempfile::tempdir().unwrap();
    let pickup = Pickup::at(folder.path().to_owned(), &[1; 8]).unwrap();
    // As where a file server did it and its answer was lost.
    let picked_up = async {
        for name in names(folder.path()) {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        true
    };
    assert!(matches!(pickup.send(&parcel(RAW), picked_up).await, Tried::Uncertain { .. }));
    fs::create_dir(folder.path().join("mail-2.eml")).unwrap();
    assert!(matches!(pickup.send(&parcel(RAW), async { true }).await, Tried::NotSent { .. }));
    assert_eq!(names(folder.path()), ["mail-2.eml"], "what was begun is gone");
}
