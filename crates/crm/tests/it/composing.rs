//! What a person writes here: HTML and files, answers and forwards, and the records that are meant.

use crm::outbox::{self, AnswerKind, Draft, Earlier, File, Importance, Recipient};
use model::decision::{Entity, RecordRef};
use model::schema::emails::ActivityMimeAttachment;
use model::{Id, Mailbox};

use crate::house::{House, address};
use crate::outbox::{NODE, claim, draft, house, send, to};

fn file(name: &str, bytes: &[u8]) -> File {
    File {
        name: name.to_owned(),
        mimetype: message::compose::media_type(name).to_owned(),
        content_id: Some(name.to_owned()),
        bytes: bytes.to_vec(),
    }
}

fn files(house: &House, email: Id) -> Vec<ActivityMimeAttachment> {
    house.organization.read(|read| read.attachments(email)).unwrap()
}

fn source(house: &House, email: Id) -> String {
    let source = house.organization.blob(&house.email(email).blobid).unwrap();
    String::from_utf8(source.to_vec()).unwrap()
}

fn addresses(all: &[Recipient]) -> Vec<&str> {
    all.iter().map(|one| one.mailbox.address.as_str()).collect()
}

fn record_of(house: &House, at: &str) -> Id {
    let rows = house.organization.read(|read| read.addresses(at)).unwrap();
    rows[0].objectid
}

const QUESTION: &str = "Message-ID: <q1@fabrikam.test>\nFrom: =?utf-8?q?Zo=C3=AB?= <zoe@fabrikam.test>\n\
    To: jane@contoso.test, Tom <tom@northwind.test>, crm@sink.contoso.test\nCc: ben@contoso.test, ZOE@fabrikam.test\n\
    Reply-To: zoe+work@fabrikam.test\nSubject: AW: Pallets\nDate: Fri, 6 Mar 2026 10:00:00 +0100\n\
    Thread-Index: AQHTtI9ZcvBOfEbLTUOBFMIZEw8dRg==\nMIME-Version: 1.0\n\
    Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>How <b>many</b>? \
    <img src=\"cid:logo\"></p>\n--b\nContent-Type: image/png; name=logo.png\nContent-ID: <logo>\n\
    Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b\nContent-Type: application/pdf; name=plan.pdf\n\
    Content-Disposition: attachment; filename=plan.pdf\n\n%PDF\n--b--\n";

#[tokio::test]
async fn html_files_and_pictures_stand_on_the_record_and_travel() {
    let house = house().await;
    let mut rich = draft();
    rich.what.text = String::new();
    rich.what.html = Some("<p>Fifty <b>pallets</b><script>x()</script><img src=cid:a.png></p>".to_owned());
    rich.what.files = vec![file("a.png", b"\x89PNG"), file("Preise für Zoë.pdf", b"%PDF\r")];
    rich.how.importance = Importance::High;
    (rich.how.wants_read_receipt, rich.how.wants_delivery_receipt) = (true, true);
    let id = send(&house, rich).await.unwrap();
    let email = house.email(id);
    assert_eq!((email.prioritycode, email.attachmentcount, email.preview.as_str()), (2, 2, "Fifty pallets"));
    assert!(email.readreceiptrequested && email.deliveryreceiptrequested);
    let rows = files(&house, id);
    let names: Vec<(&str, bool)> = rows.iter().map(|row| (row.filename.as_str(), row.isinline)).collect();
    assert_eq!(names, [("a.png", true), ("Preise für Zoë.pdf", false)]);
    let source = source(&house, id);
    assert!(
        !source.contains("script") && source.contains("Disposition-Notification-To: \"Jane Doe\""),
        "{source}"
    );
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    assert!(outbox::load(&house.organization, &mail).unwrap().wants_report);
    house.books_are_right();
}

#[tokio::test]
async fn an_answer_goes_to_whom_it_belongs_and_quotes() {
    let house = house().await;
    let asked = house.store(house.out_of_mailbox(house.jane, QUESTION)).await;
    let jane = address("jane@contoso.test");
    let begin = |kind| outbox::answer(&house.organization, (asked, kind), &jane).unwrap();
    let reply = begin(AnswerKind::Reply);
    assert_eq!(addresses(&reply.draft.who.to), ["zoe+work@fabrikam.test"]);
    assert!(reply.draft.who.cc.is_empty());
    let all = begin(AnswerKind::ReplyAll);
    assert_eq!(addresses(&all.draft.who.to), ["zoe+work@fabrikam.test", "tom@northwind.test"]);
    assert_eq!(addresses(&all.draft.who.cc), ["ben@contoso.test", "ZOE@fabrikam.test"]);

    let plain = reply.clone().with("Fifty.\n", None);
    assert_eq!(plain.what.subject, "Re: Pallets");
    let words = "Fifty.\n\nOn Fri, 6 Mar 2026 10:00:00 +0100, Zoë <zoe@fabrikam.test> wrote:\n> How many?";
    assert!(plain.what.text.starts_with(words), "{}", plain.what.text);
    assert!(plain.what.files.is_empty());
    let answer = send(&house, plain).await.unwrap();
    let (row, text) = (house.email(answer), source(&house, answer));
    assert_eq!((row.parentactivityid, row.preview.as_str()), (Some(asked), "Fifty."));
    assert!(
        text.contains("In-Reply-To: <q1@fabrikam.test>") && text.contains("Thread-Topic: Pallets"),
        "{text}"
    );
    assert_eq!(row.conversationindex, house.email(asked).conversationindex);

    let rich = reply.with("", Some("<p>Fifty.</p>"));
    assert_eq!(rich.what.files.len(), 1, "the picture that is quoted");
    let answer = send(&house, rich).await.unwrap();
    assert_eq!(files(&house, answer).iter().map(|row| row.isinline).collect::<Vec<_>>(), [true]);
    let again = outbox::answer(&house.organization, (answer, AnswerKind::Reply), &jane).unwrap();
    assert_eq!(addresses(&again.draft.who.to), ["zoe+work@fabrikam.test"], "after one's own mail");
    assert_eq!(again.draft.what.subject, "Re: Pallets");
}

#[tokio::test]
async fn a_forward_takes_files_along_and_is_no_answer() {
    let house = house().await;
    let asked = house.store(house.out_of_mailbox(house.jane, QUESTION)).await;
    let from = address("jane@contoso.test");
    let forward = outbox::answer(&house.organization, (asked, AnswerKind::Forward), &from).unwrap();
    assert_eq!(forward.draft.about.earlier, Some(Earlier::Forwarded(asked)));
    let mut forward = forward.with("Please help.", Some("<p>Please help.</p>"));
    assert!(forward.who.to.is_empty());
    forward.who.to = vec![to("tom@northwind.test")];
    let id = send(&house, forward).await.unwrap();
    let (row, text) = (house.email(id), source(&house, id));
    assert_eq!((row.subject.as_str(), row.parentactivityid), ("Fw: AW: Pallets", None));
    assert_eq!(row.conversationtrackingid, house.email(asked).conversationtrackingid);
    assert!(!text.contains("In-Reply-To") && text.contains("References: <q1@fabrikam.test>"), "{text}");
    let rows = files(&house, id);
    let names: Vec<(&str, bool)> = rows.iter().map(|row| (row.filename.as_str(), row.isinline)).collect();
    assert_eq!(names, [("logo.png", true), ("plan.pdf", false)]);
    let nothing = outbox::answer(&house.organization, (Id([7; 16]), AnswerKind::Forward), &from);
    assert!(nothing.unwrap_err().to_string().contains("not here"));
}

#[tokio::test]
async fn the_record_that_is_meant_is_chosen_and_what_it_is_about_stands_from_the_first() {
    let house = house().await;
    house.contact("Zoë the Second", "zoe@fabrikam.test").await;
    house.contact("Tom", "tom@northwind.test").await;
    let rows = house.organization.read(|read| read.addresses("zoe@fabrikam.test")).unwrap();
    let [first, second] = [rows[0].objectid, rows[1].objectid];
    let contact = |id| RecordRef { entity: Entity::Contact, id };
    let tom = record_of(&house, "tom@northwind.test");
    let party = |id| {
        let parties = house.organization.read(|read| read.parties(id)).unwrap();
        let zoe = parties.into_iter().find(|party| party.participationtypemask == 2).unwrap();
        (zoe.partyid, zoe.isambiguous)
    };
    assert_eq!(party(send(&house, draft()).await.unwrap()), (None, Some(true)));
    for meant in [first, second] {
        let mut chosen = draft();
        let mailbox = Mailbox { name: None, address: address("zoe@fabrikam.test") };
        chosen.who.to = vec![Recipient { mailbox, record: Some(contact(meant)) }];
        chosen.about.regarding = Some(outbox::record_named(&house.organization, tom).unwrap());
        let id = send(&house, chosen).await.unwrap();
        assert_eq!(party(id), (Some(meant), None));
        let row = house.email(id);
        assert_eq!((row.regardingobjectid, row.regardingobjecttypecode), (Some(tom), Some(2)));
        assert!(row.decision.contains("was chosen by whoever wrote it"), "{}", row.decision);
    }
    let mut other = draft();
    other.who.to[0].record = Some(contact(tom));
    assert!(send(&house, other).await.unwrap_err().to_string().contains("has not the address"));
    assert!(outbox::record_named(&house.organization, Id([7; 16])).is_err());
}

#[tokio::test]
async fn what_is_too_much_for_a_mail_is_refused_before_it_is_written() {
    let house = house().await;
    let refused = async |draft: Draft| send(&house, draft).await.unwrap_err().to_string();
    let with = |change: &dyn Fn(&mut Draft)| {
        let mut draft = draft();
        change(&mut draft);
        draft
    };
    let large = with(&|draft| draft.what.files = vec![file("a.bin", &vec![0; 40 * 1024 * 1024])]);
    assert_eq!(refused(large).await, "the mail is too large: 55 MiB with its files, and 50 MiB is the most");
    let many = with(&|draft| draft.what.files = vec![file("a.bin", b""); 1_001]);
    assert!(refused(many).await.contains("at most 1000 files"));
    let html = with(&|draft| draft.what.html = Some("x".repeat(2 * 1024 * 1024 + 1)));
    assert!(refused(html).await.contains("HTML of the mail is too large"));
    let subject = with(&|draft| draft.what.subject = "x".repeat(801));
    assert!(refused(subject).await.contains("at most 800 characters"));
    assert_eq!(house.email_count(), 0);
}

#[tokio::test]
async fn nobody_gets_mail_who_does_not_want_it() {
    let house = house().await;
    let heading = ["fullname", "emailaddress1", "Do not allow E-mails", "donotbulkemail"];
    let table: [&[&str]; 2] =
        [&["Tom Tall", "tom@northwind.test", "yes", ""], &["Zoë Müller", "zoe@fabrikam.test", "", "Yes"]];
    assert_eq!(house.import(&heading, &table).await, (1, 1));
    let words = send(&house, draft()).await.unwrap_err().to_string();
    assert_eq!(words, "Tom Tall <tom@northwind.test> wants no e-mail (donotemail)");
    assert_eq!(house.email_count(), 0);

    // Another one with that address does: whoever is meant counts, and all while nobody is chosen.
    house.contact("Tom Small", "tom@northwind.test").await;
    assert!(send(&house, draft()).await.is_err());
    let toms = house.organization.read(|read| read.records_by_address("tom@northwind.test")).unwrap();
    let named = |name: &str| toms.iter().find(|tom| tom.name == name).unwrap().id;
    let chosen = |id| {
        let mut draft = draft();
        draft.who.cc[0].record = Some(RecordRef { entity: Entity::Contact, id });
        draft
    };
    assert!(send(&house, chosen(named("Tom Tall"))).await.is_err());
    assert!(send(&house, chosen(named("Tom Small"))).await.is_ok());

    assert_eq!(house.import(&heading[..3], &[&["Tom Tall", "tom@northwind.test", "no"]]).await, (0, 1));
    assert_eq!(house.import(&heading[..3], &[&["Tom Tall", "tom@northwind.test", "0"]]).await, (0, 0));
    assert!(send(&house, draft()).await.is_ok());
    let zoe = house.organization.read(|read| read.records_by_address("zoe@fabrikam.test")).unwrap();
    assert_eq!((zoe[0].wants_no_mail, zoe[0].wants_no_bulk_mail), (false, true));
}
