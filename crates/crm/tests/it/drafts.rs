//! Drafts: on their timelines, changed, sent once whoever sends, taken back, discarded; and who may write as whom.

use crm::outbox::{self, Automatic, Draft, Earlier, File, SendEmail};
use model::decision::{Entity, RecordRef};
use model::schema::emails::{STATUS_DRAFT, STATUS_PENDING_SEND, STATUS_SENDING, STATUS_SENT};
use model::{Id, MessageId, Moment};

use crate::house::{House, address};
use crate::outbox::{NODE, claim, draft, house, now, said, send, settle, to, wait};

fn moment(house: &House) -> Moment {
    let seed = u64::from_be_bytes(house.moment().id().0[8..].try_into().unwrap());
    Moment::new(now(house), seed)
}

async fn save(house: &House, draft: Draft) -> Id {
    outbox::save_draft(&house.organization, draft, moment(house)).await.unwrap()
}

async fn send_draft(house: &House, id: Id) -> Result<Id, crm::CrmError> {
    let sent = (house.moment().id(), moment(house));
    outbox::send_email(&house.organization, SendEmail::now(id, None), sent).await.map(|_| id)
}

fn with_files() -> Draft {
    let mut rich = draft();
    rich.what.html = Some("<p>Fifty <b>pallets</b> <img src=\"cid:logo\"></p>".to_owned());
    let file = |name: &str, id: Option<&str>, bytes: &[u8]| File {
        name: name.to_owned(),
        mimetype: message::compose::media_type(name).to_owned(),
        content_id: id.map(str::to_owned),
        bytes: bytes.to_vec(),
    };
    rich.what.files = vec![file("logo.png", Some("logo"), b"\x89PNG"), file("plan.pdf", None, b"%PDF\r")];
    rich
}

fn parties(house: &House, id: Id) -> Vec<(i32, Option<String>, bool)> {
    let parties = house.organization.read(|read| read.parties(id)).unwrap();
    parties
        .into_iter()
        .map(|party| (party.participationtypemask, party.addressused, party.partyid.is_some()))
        .collect()
}

#[tokio::test]
async fn a_draft_stands_on_the_timeline_is_changed_and_goes_out_under_its_own_id() {
    let house = house().await;
    let id = save(&house, with_files()).await;
    let row = house.email(id);
    assert_eq!((row.statuscode, row.statecode, row.directioncode), (STATUS_DRAFT, 0, true));
    assert_eq!((row.ownerid, row.messageid, row.attachmentcount), (Some(house.jane), None, 2));
    let zoe = house.organization.read(|read| read.records_by_address("zoe@fabrikam.test")).unwrap()[0].id;
    let lines = house.organization.read(|read| read.timeline(zoe, 10)).unwrap();
    assert_eq!(lines.iter().map(|line| line.id).collect::<Vec<_>>(), [id]);
    assert_eq!(parties(&house, id).len(), 4);
    house.books_are_right();

    // What was kept is what is gone on with, and to keep that again changes nothing that a reader sees.
    let again = outbox::draft(&house.organization, (id, None)).unwrap();
    assert_eq!(again.what.files.len(), 2);
    assert_eq!(again.what.text, "Fifty pallets?\r\n");
    assert!(again.what.html.as_ref().unwrap().contains("<b>pallets</b>"), "{:?}", again.what.html);
    let before = house.email(id).blobid;
    outbox::change_draft(&house.organization, (id, again), moment(&house)).await.unwrap();
    assert_eq!(house.organization.read(|read| read.attachments(id)).unwrap().len(), 2);
    let mut changed = outbox::draft(&house.organization, (id, None)).unwrap();
    changed.who.to = vec![to("tom@northwind.test")];
    changed.who.cc = Vec::new();
    changed.what.subject = "A better offer".to_owned();
    outbox::change_draft(&house.organization, (id, changed), moment(&house)).await.unwrap();
    assert_ne!(house.email(id).blobid, before);
    assert_eq!(parties(&house, id).len(), 3);

    assert_eq!(send_draft(&house, id).await.unwrap(), id);
    let row = house.email(id);
    assert_eq!((row.statuscode, row.subject.as_str()), (STATUS_PENDING_SEND, "A better offer"));
    assert!(row.messageid.unwrap().contains(&id.to_string()));
    assert_eq!((house.email_count(), parties(&house, id).len()), (1, 3));
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(outbox::shown_status(&house.email(id), Some(&mail.mail)), STATUS_SENDING);
    let loaded = outbox::load(&house.organization, &mail).unwrap();
    let text = String::from_utf8_lossy(&loaded.travelling()).into_owned();
    assert!(text.contains("A better offer") && text.contains("plan.pdf") && !text.contains("boss"), "{text}");
    let taken = outbox::Tried::Answered(vec![said(250), said(250)]);
    settle(&house, &mail, taken, now(&house)).await;
    assert_eq!(house.email(id).statuscode, STATUS_SENT);
    assert_eq!(send_draft(&house, id).await.unwrap(), id, "it went out");
    assert!(outbox::change_draft(&house.organization, (id, draft()), moment(&house)).await.is_err());
    assert!(outbox::discard_draft(&house.organization, (id, None), None, moment(&house)).await.is_err());
    house.books_are_right();
}

#[tokio::test]
async fn a_draft_that_is_sent_twice_at_one_moment_goes_out_once() {
    let house = house().await;
    let id = save(&house, draft()).await;
    let (other, _kept) = house.at_other_node();
    let now = || (house.moment().id(), moment(&house));
    let one = outbox::send_email(&house.organization, SendEmail::now(id, None), now());
    let two = outbox::send_email(&other, SendEmail::now(id, None), now());
    let (one, two) = tokio::join!(one, two);
    assert_eq!((one.unwrap().as_str(), two.unwrap().as_str()), ("Our offer", "Our offer"));
    assert_eq!((house.email_count(), claim(&house, NODE).await.len()), (1, 1));
    house.books_are_right();
}

#[tokio::test]
async fn what_went_out_by_other_means_is_noted_as_sent_with_its_token() {
    let house = house().await;
    let mut kept = draft();
    kept.who.cc = vec![to("tom@northwind.test")];
    let id = save(&house, kept).await;
    let token = outbox::tracking_token(&house.organization, "Our offer", &moment(&house)).unwrap();
    let noted = SendEmail { token: Some(token.clone()), is_issued: false, ..SendEmail::now(id, None) };
    for _ in 0..2 {
        let now = (house.moment().id(), moment(&house));
        let subject = outbox::send_email(&house.organization, noted.clone(), now).await.unwrap();
        assert_eq!(subject, format!("Our offer {token}"));
    }
    let email = house.email(id);
    assert_eq!((email.statuscode, email.trackingtoken.as_ref()), (STATUS_SENT, Some(&token)));
    assert!(claim(&house, NODE).await.is_empty(), "nothing goes out");
    let answer = format!(
        "From: zoe@fabrikam.test\nTo: jane@contoso.test\nSubject: Re: Our offer {token}\n\nYes, fifty.\n"
    );
    let answer = house.store(house.out_of_mailbox(house.jane, &answer)).await;
    assert_eq!(house.email(answer).correlatedactivityid, Some(id));
    house.books_are_right();
}

#[tokio::test]
async fn what_waits_is_taken_back_changed_and_sent_again() {
    let house = house().await;
    let id = save(&house, draft()).await;
    let later = SendEmail { due: Some(now(&house).plus_seconds(600)), ..SendEmail::now(id, None) };
    let sent = outbox::send_email(&house.organization, later, (house.moment().id(), moment(&house))).await;
    assert_eq!(sent.unwrap(), "Our offer");
    assert!(claim(&house, NODE).await.is_empty(), "not due");
    let own = MessageId::parse(&house.email(id).messageid.unwrap()).unwrap();
    assert!(outbox::take_back(&house.organization, id, moment(&house)).await.unwrap());
    let row = house.email(id);
    assert_eq!((row.statuscode, row.messageid), (STATUS_DRAFT, None));
    let claims = house.organization.read(|read| read.claims(&message::identity::message_key(&own))).unwrap();
    assert!(claims.by.is_empty() && claims.is_named, "what names it is looked for: {claims:?}");
    house.books_are_right();
    wait(&house);
    assert!(claim(&house, NODE).await.is_empty(), "it does not go out");
    assert!(!outbox::take_back(&house.organization, id, moment(&house)).await.unwrap());
    let mut changed = outbox::draft(&house.organization, (id, None)).unwrap();
    changed.what.text = "Sixty pallets?\n".to_owned();
    // It stands there for the time that it was to go out at, until another one is said.
    changed.due = None;
    outbox::change_draft(&house.organization, (id, changed), moment(&house)).await.unwrap();
    assert_eq!(send_draft(&house, id).await.unwrap(), id);
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let raw = outbox::load(&house.organization, &mail).unwrap().travelling();
    assert!(String::from_utf8_lossy(&raw).contains("Sixty pallets?"));
    assert!(!outbox::take_back(&house.organization, id, moment(&house)).await.unwrap(), "a node has it");
    // Its copy out of the folder of sent mail is this mail and no other.
    let back = String::from_utf8(raw.to_vec()).unwrap().replace("\r\n", "\n");
    let (outcome, _, email) = house.take(house.out_of_mailbox(house.jane, &back)).await;
    assert_eq!((outcome.name(), email), ("duplicate", Some(id)));
    house.books_are_right();
}

#[tokio::test]
async fn what_is_taken_back_and_thrown_away_is_no_loss_and_another_mail_that_is_gone_is_one() {
    let house = house().await;
    let later = Draft { due: Some(now(&house).plus_seconds(600)), ..draft() };
    let [back, other] = [send(&house, later.clone()).await.unwrap(), send(&house, later).await.unwrap()];
    assert!(outbox::take_back(&house.organization, back, moment(&house)).await.unwrap());
    outbox::discard_draft(&house.organization, (back, None), None, moment(&house)).await.unwrap();
    house.organization.wait_for_events().unwrap();
    house.books_are_right();
    house.organization.tamper("delete from email").unwrap();
    assert!(house.organization.read(|read| read.email(other)).unwrap().is_none());
    let faults = crm::accounting::verify(&house.organization).unwrap().faults;
    assert!(faults.contains(&"1 outcomes name an e-mail that is not there".to_owned()), "{faults:?}");
}

#[tokio::test]
async fn a_draft_is_nobodys_duplicate_and_leaves_nothing_behind() {
    let house = house().await;
    let asked = "Message-ID: <q1@fabrikam.test>\nFrom: zoe@fabrikam.test\nTo: jane@contoso.test\nSubject: Pallets\n\
                 Date: Fri, 6 Mar 2026 10:00:00 +0100\n\nHow many?\n";
    let asked = house.store(house.out_of_mailbox(house.jane, asked)).await;
    let mut answer = Draft::by(address("jane@contoso.test"));
    answer.about.earlier = Some(Earlier::Answered(asked));
    answer.what.subject = "Re: Pallets".to_owned();
    let id = save(&house, answer).await;
    assert_eq!(house.email(id).conversationtrackingid, house.email(asked).conversationtrackingid);
    assert!(send_draft(&house, id).await.unwrap_err().to_string().contains("no recipient"));
    let source = house.organization.blob(&house.email(id).blobid).unwrap();
    let text = String::from_utf8(source.to_vec())
        .unwrap()
        .replace("\r\n", "\n")
        .replace("Subject:", "To: zoe@fabrikam.test\nSubject:");
    let (outcome, _, email) = house.take(house.out_of_mailbox(house.jane, &text)).await;
    assert_eq!(outcome.name(), "stored", "the words of a draft that somebody sent himself");
    assert_ne!(email, Some(id));
    let kept = outbox::draft(&house.organization, (id, None)).unwrap();
    assert_eq!(kept.about.earlier, Some(Earlier::Answered(asked)));
    outbox::discard_draft(&house.organization, (id, None), None, moment(&house)).await.unwrap();
    assert!(house.organization.read(|read| read.email(id)).unwrap().is_none());
    assert!(parties(&house, id).is_empty());
    assert!(outbox::discard_draft(&house.organization, (id, None), None, moment(&house)).await.is_err());
    assert!(send_draft(&house, id).await.unwrap_err().to_string().contains("the draft is not here"));
    house.books_are_right();
}

#[tokio::test]
async fn a_user_writes_as_himself_and_as_queues_that_he_is_let() {
    let house = house().await;
    let (jane, support) = (address("jane@contoso.test"), address("support@contoso.test"));
    let as_queue = || {
        let mut draft = draft();
        (draft.who.author, draft.who.from) = (Some(house.jane), support.clone());
        draft
    };
    let refused = send(&house, as_queue()).await.unwrap_err().to_string();
    assert!(refused.contains("you may not write as Support"), "{refused}");
    let mut as_ben = draft();
    (as_ben.who.author, as_ben.who.from) = (Some(house.jane), address("ben@contoso.test"));
    assert!(send(&house, as_ben).await.is_err());
    let grant = async |is_granted| {
        outbox::set_send_as(&house.organization, (&jane, &support), (is_granted, house.moment())).await
    };
    grant(true).await.unwrap();
    let senders = outbox::senders(&house.organization).unwrap();
    assert_eq!((senders.len(), senders[0].1.name.as_str()), (1, "Support"));
    let id = send(&house, as_queue()).await.unwrap();
    assert_eq!(house.email(id).ownerid, Some(house.jane), "who wrote it");
    let kept = save(&house, as_queue()).await;
    let by_ben = (kept, Some(house.ben));
    assert!(outbox::draft(&house.organization, by_ben).unwrap_err().to_string().contains("another user's"));
    grant(false).await.unwrap();
    assert!(grant(false).await.is_err());
    assert!(send(&house, as_queue()).await.is_err());
    let sent = outbox::send_email(
        &house.organization,
        SendEmail::now(kept, Some(house.jane)),
        (house.moment().id(), moment(&house)),
    );
    assert!(sent.await.unwrap_err().to_string().contains("may not write as"));
}

#[tokio::test]
async fn what_goes_to_many_goes_behind_the_others_and_to_nobody_who_wants_no_such_mail() {
    let house = house().await;
    let mut many = Draft { key: None, ..draft() };
    (many.who.cc, many.who.bcc, many.how.automatic) = (Vec::new(), Vec::new(), Automatic::Generated);
    house
        .import(&["fullname", "emailaddress1", "donotbulkemail"], &[&["Tom", "tom@northwind.test", "yes"]])
        .await;
    let mut to_tom = many.clone();
    to_tom.who.to = vec![to("tom@northwind.test")];
    let words = "Tom <tom@northwind.test> wants no e-mail that goes to many (donotbulkemail)";
    assert_eq!(send(&house, to_tom.clone()).await.unwrap_err().to_string(), words);
    let shown = outbox::preview(&house.organization, &to_tom, &moment(&house)).unwrap();
    assert_eq!(shown.obstacles, [words]);
    to_tom.how.automatic = Automatic::No;
    send(&house, to_tom).await.unwrap();

    let id = save(&house, many).await;
    let kept = outbox::draft(&house.organization, (id, None)).unwrap();
    assert_eq!(kept.how.automatic, Automatic::Generated, "a program wrote it");
    outbox::change_draft(&house.organization, (id, kept), moment(&house)).await.unwrap();
    send_draft(&house, id).await.unwrap();
    let [personal] = claim(&house, NODE).await.try_into().unwrap();
    assert!(!personal.is_bulk());
    let [bulk] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!((bulk.mail.activityid, bulk.is_bulk()), (id, true));
    let loaded = outbox::load(&house.organization, &bulk).unwrap();
    assert_eq!(loaded.mail_from, "jane@contoso.test", "what cannot be delivered comes back");
    let header = message::read_header(&loaded.raw).unwrap();
    assert!(header.marks.automatic && header.marks.bulk, "{:?}", header.marks);
}

#[tokio::test]
async fn an_answer_that_a_program_wrote_stays_one_in_a_draft() {
    let house = house().await;
    let asked = "Message-ID: <q2@fabrikam.test>\nFrom: zoe@fabrikam.test\nTo: jane@contoso.test\nSubject: Pallets\n\
                 Date: Fri, 6 Mar 2026 10:00:00 +0100\n\nHow many?\n";
    let asked = house.store(house.out_of_mailbox(house.jane, asked)).await;
    let mut answer = draft();
    (answer.about.earlier, answer.how.automatic) = (Some(Earlier::Answered(asked)), Automatic::Replied);
    let id = save(&house, answer).await;
    let kept = outbox::draft(&house.organization, (id, None)).unwrap();
    assert_eq!(kept.how.automatic, Automatic::Replied);
    outbox::change_draft(&house.organization, (id, kept), moment(&house)).await.unwrap();
    send_draft(&house, id).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let loaded = outbox::load(&house.organization, &mail).unwrap();
    assert_eq!(loaded.mail_from, "", "nobody answers it");
    assert!(message::read_header(&loaded.raw).unwrap().marks.automatic);
}

#[tokio::test]
async fn who_is_suppressed_is_named_before_anything_is_sent() {
    let house = house().await;
    for at in ["tom@northwind.test", "boss@contoso.test"] {
        let why = (address(at), format!("{at} asked by phone"));
        outbox::suppression::suppress(&house.organization, why, house.moment()).await.unwrap();
    }
    let shown = outbox::preview(&house.organization, &draft(), &moment(&house)).unwrap();
    let named =
        |at: &str| shown.obstacles.iter().any(|words| words.contains(&format!("{at} asked by phone")));
    assert!(named("tom@northwind.test") && named("boss@contoso.test"), "{:?}", shown.obstacles);
    assert_eq!(shown.obstacles.len(), 2);
    assert_eq!(house.email_count(), 0);
}

#[tokio::test]
async fn the_final_form_is_shown_with_what_stands_against_it() {
    let house = house().await;
    let show = |draft: &Draft| outbox::preview(&house.organization, draft, &moment(&house)).unwrap();
    let shown = show(&with_files());
    assert_eq!((shown.subject.as_str(), shown.text.as_str()), ("Our offer", "Fifty pallets?\r\n"));
    assert!(shown.html.contains("<b>pallets</b>") && shown.html.contains("cid:1."), "{}", shown.html);
    assert_eq!(shown.files, [("logo.png".to_owned(), 4), ("plan.pdf".to_owned(), 5)]);
    assert!(shown.obstacles.is_empty() && shown.cautions.is_empty(), "{shown:?}");

    house
        .import(&["fullname", "emailaddress1", "donotemail"], &[&["Tom", "tom@northwind.test", "yes"]])
        .await;
    assert_eq!(show(&draft()).obstacles, ["Tom <tom@northwind.test> wants no e-mail (donotemail)"]);
    let empty = show(&Draft::by(address("jane@contoso.test")));
    assert_eq!(empty.obstacles, ["the mail has no recipient"]);
    assert_eq!(empty.cautions, ["it has no subject", "it says nothing"]);
    let mut odd = draft();
    odd.who.from = address("zoe@fabrikam.test");
    odd.who.to[0].record = Some(RecordRef { entity: Entity::Contact, id: Id([7; 16]) });
    assert_eq!(show(&odd).obstacles.len(), 3, "{:?}", show(&odd).obstacles);
    assert_eq!(house.email_count(), 0);
}

#[tokio::test]
async fn a_draft_that_is_kept_twice_under_an_id_is_one_and_is_sent_under_a_key_in_its_place() {
    let house = house().await;
    let id = house.moment().id();
    let keep = |draft: Draft| outbox::keep_draft(&house.organization, (id, draft, None), moment(&house));
    let (one, two) = tokio::join!(keep(draft()), keep(draft()));
    assert!(one.unwrap() && two.unwrap(), "the same, twice");
    let list = || outbox::drafts_of(&house.organization, house.jane, (None, 9)).unwrap();
    assert_eq!(list().iter().map(|line| line.id).collect::<Vec<_>>(), [id]);
    let seen = house.organization.read(|read| read.email(id)).unwrap().unwrap().blobid;
    let mut other = draft();
    other.what.subject.push('!');
    assert!(!keep(other.clone()).await.unwrap(), "another one, of what nobody has seen");
    other.due = Some(now(&house).plus_seconds(3600));
    let keep_seen = |draft, seen: &[u8]| {
        outbox::keep_draft(&house.organization, (id, draft, Some(seen.to_vec())), moment(&house))
    };
    assert!(keep_seen(other.clone(), &seen).await.unwrap() && list()[0].subject.ends_with('!'));
    assert!(!keep_seen(draft(), &seen).await.unwrap(), "that is over");
    other.due = None;
    assert!(!keep(other).await.unwrap(), "the time at which it goes out is a part of it");
    outbox::change_draft(&house.organization, (id, draft()), moment(&house)).await.unwrap();
    let keyed = |key: &str| Draft { key: Some(key.to_owned()), kept_as: Some(id), ..draft() };
    assert_eq!(send(&house, keyed("a")).await.unwrap(), id);
    assert_eq!(send(&house, keyed("a")).await.unwrap(), id, "and once");
    assert!(list().is_empty() && keep(draft()).await.is_err(), "it went out");
    assert_eq!(outbox::open_key(&house.organization, "a").unwrap(), "a");

    // Made a draft again: under the key it was, it goes out no more, and the draft is left alone.
    assert!(outbox::take_back(&house.organization, id, moment(&house)).await.unwrap());
    let refused = send(&house, keyed("a")).await.unwrap_err().to_string();
    assert!(refused.contains("take another key"), "{refused}");
    assert_eq!(list().len(), 1);
    let key = outbox::open_key(&house.organization, "a").unwrap();
    assert_ne!(key, "a");
    assert_eq!(send(&house, keyed(&key)).await.unwrap(), id);
    assert_eq!((claim(&house, NODE).await.len(), list().len()), (1, 0));
    house.books_are_right();
}

#[tokio::test]
async fn what_is_taken_back_claims_no_key_of_the_former_form_either() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let former = house.claims_in_former_form(id).await;
    let claims = |key| house.organization.read(|read| read.identities(key)).unwrap();
    assert_eq!(claims(&former).len(), 1);
    assert!(outbox::take_back(&house.organization, id, moment(&house)).await.unwrap());
    assert_eq!(claims(&former), []);
}

#[tokio::test]
async fn what_was_a_draft_is_known_whatever_the_clocks_say() {
    let house = house().await;
    let early = || Moment::new(now(&house).plus_seconds(-600), 71);
    let was_draft = |id: Id| house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap().wasdraft;
    let id = save(&house, draft()).await;
    let letter = Draft { key: Some("early".to_owned()), kept_as: Some(id), ..draft() };
    let sent = outbox::send(&house.organization, letter, (house.moment().id(), early())).await.unwrap();
    assert_eq!((sent, was_draft(id)), (id, true), "sent by a node that is behind");
    let another = send(&house, draft()).await.unwrap();
    assert!(!was_draft(another));
    let drafted = save(&house, draft()).await;
    send_draft(&house, drafted).await.unwrap();
    assert!(was_draft(drafted));
}

#[tokio::test]
async fn what_was_taken_back_is_not_said_to_be_sent_by_what_was_sent_in_its_place() {
    let house = house().await;
    let id = save(&house, draft()).await;
    let keyed = |key: &str, text: &str| {
        let mut letter = Draft { key: Some(key.to_owned()), kept_as: Some(id), ..draft() };
        letter.what.text = text.to_owned();
        letter
    };
    let send_after = async |seconds: i64, letter: Draft| {
        let moment = Moment::new(now(&house).plus_seconds(seconds), 70 + u64::try_from(seconds).unwrap());
        outbox::send(&house.organization, letter, (house.moment().id(), moment)).await
    };
    assert_eq!(send_after(1, keyed("w1", "Fifty?\n")).await.unwrap(), id);
    assert!(outbox::take_back(&house.organization, id, moment(&house)).await.unwrap());
    assert_eq!(send_after(2, keyed("w2", "Sixty?\n")).await.unwrap(), id);
    // The first words once more, from a form that is still open.
    let open = |key: &str| outbox::open_key(&house.organization, key).unwrap();
    assert_eq!(open("w2"), "w2");
    assert_ne!(open("w1"), "w1");
    let refused = send_after(3, keyed("w1", "Fifty?\n")).await.unwrap_err().to_string();
    assert!(refused.contains("take another key"), "{refused}");
    let again = send_after(4, keyed(&open("w1"), "Fifty?\n")).await.unwrap();
    assert_ne!(again, id);
    assert_eq!(send_after(5, keyed(&open("w1"), "Fifty?\n")).await.unwrap(), again, "and once");
    assert_eq!(house.email_count(), 2);
    house.books_are_right();
}

#[tokio::test]
async fn a_signature_is_kept_safe_and_stands_below_what_is_said() {
    let house = house().await;
    let kept = || outbox::signature(&house.organization, house.jane).unwrap();
    let set = async |text: &str, html: Option<&str>| {
        let signature = outbox::Signature { text: text.to_owned(), html: html.map(str::to_owned) };
        outbox::set_signature(&house.organization, house.jane, (signature, moment(&house))).await
    };
    assert_eq!(kept(), None);
    set("-- \nJane  \nContoso\n", None).await.unwrap();
    let signature = kept().unwrap();
    assert_eq!((signature.text.as_str(), signature.html.as_deref()), ("Jane\nContoso", None));
    assert_eq!(signature.below("Fifty?\n"), "Fifty?\n\n-- \nJane\nContoso");
    assert_eq!(message::reply::own_text(&signature.below("Fifty?")).trim(), "Fifty?", "readers tell it");
    assert!(signature.below_html("<p>Fifty?</p>").ends_with("<div>Jane<br>Contoso</div>"));
    set("", Some("<b onclick=x>Jane</b><script>1</script>")).await.unwrap();
    let signature = kept().unwrap();
    assert_eq!((signature.text.as_str(), signature.html.as_deref()), ("Jane", Some("<b>Jane</b>")));
    assert!(set(&"x".repeat(20_000), None).await.is_err() && kept() == Some(signature));
    set(" ", Some("<p> </p>")).await.unwrap();
    assert_eq!(kept(), None);
}

#[tokio::test]
async fn what_was_canceled_or_failed_is_not_said_to_be_sent() {
    let house = house().await;
    let canceled = save(&house, draft()).await;
    let later = SendEmail { due: Some(now(&house).plus_seconds(600)), ..SendEmail::now(canceled, None) };
    outbox::send_email(&house.organization, later, (house.moment().id(), moment(&house))).await.unwrap();
    assert!(send_draft(&house, canceled).await.is_ok(), "it waits, and goes once");
    assert!(outbox::cancel(&house.organization, canceled, moment(&house)).await.unwrap());
    let words = send_draft(&house, canceled).await.unwrap_err().to_string();
    assert!(words.contains("canceled"), "{words}");

    let failed = save(&house, draft()).await;
    send_draft(&house, failed).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let stopped = outbox::Tried::Stopped { words: "not on a Friday".to_owned(), is_failure: true };
    settle(&house, &mail, stopped, now(&house)).await;
    let words = send_draft(&house, failed).await.unwrap_err().to_string();
    assert!(words.contains("failed"), "{words}");
    assert!(outbox::retry(&house.organization, failed, moment(&house)).await.unwrap());
    assert!(send_draft(&house, failed).await.is_ok(), "it waits again");
}

#[tokio::test]
async fn of_what_was_sent_nobody_hears_by_sending_it_whose_it_is_not() {
    let house = house().await;
    let id = save(&house, draft()).await;
    send_draft(&house, id).await.unwrap();
    let by_ben = async || {
        let now = (house.moment().id(), moment(&house));
        outbox::send_email(&house.organization, SendEmail::now(id, Some(house.ben)), now).await
    };
    let words = by_ben().await.unwrap_err().to_string();
    assert!(words.contains("another user's"), "{words}");
}

#[tokio::test]
async fn a_draft_that_was_kept_for_a_day_goes_out_then_unless_another_is_said() {
    let house = house().await;
    let monday = now(&house).plus_seconds(3 * 86_400);
    let kept = || Draft { due: Some(monday), ..draft() };
    let [waits, goes] = [save(&house, kept()).await, save(&house, kept()).await];
    send_draft(&house, waits).await.unwrap();
    let due = house.organization.read(|read| read.outbox_mail(waits)).unwrap().unwrap().dueon;
    assert_eq!((due, house.email(waits).delayedemailsendtime), (monday, Some(monday)));
    let at_once = SendEmail { due: Some(now(&house)), ..SendEmail::now(goes, None) };
    outbox::send_email(&house.organization, at_once, (house.moment().id(), moment(&house))).await.unwrap();
    let claimed = claim(&house, NODE).await;
    assert_eq!(claimed.iter().map(|one| one.mail.activityid).collect::<Vec<_>>(), [goes]);
}
