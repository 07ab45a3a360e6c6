//! What the hook before sending says holds: a mail is asked about, and changed, once, whoever tries it.

use crm::outbox::{self, Fields, PreSendAnswer, Settled, Tried};
use model::Id;
use model::schema::emails::{STATUS_FAILED, STATUS_SENT};

use crate::house::House;
use crate::outbox::{NODE, claim, house, may_end, now, relay, said, send, settle, to, wait, written_to};

const OTHER: Id = Id([8; 16]);

fn states(house: &House, email: Id) -> Vec<i32> {
    let rows = house.organization.read(|read| read.outbox_recipients(email)).unwrap();
    rows.into_iter().map(|row| row.statecode).collect()
}

#[tokio::test]
async fn a_change_is_made_once_and_what_was_written_stays() {
    let house = house().await;
    let id = send(&house, written_to(vec![to("zoe@fabrikam.test")])).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(mail.pre_send(), None);
    let loaded = outbox::load(&house.organization, &mail).unwrap();
    let fields = Fields { text: Some("Sixty pallets?\n".to_owned()), ..Fields::default() };
    let changed = outbox::rewritten(&loaded.raw, fields).unwrap();
    let blob = house.organization.put_blob(&changed).unwrap();
    let note = |mail, blob| {
        outbox::note_pre_send(&house.organization, mail, (PreSendAnswer::Change, blob), house.moment())
    };
    assert!(note(&mail, Some(blob)).await.unwrap());
    let put_off = Tried::NotSent { words: "the relay is away".to_owned(), replies: Vec::new() };
    assert!(matches!(settle(&house, &mail, put_off, now(&house)).await, Settled::Waits(_)));
    wait(&house);
    let [again] = claim(&house, OTHER).await.try_into().unwrap();
    assert!(!note(&mail, None).await.unwrap(), "it is another node's by now");
    assert_eq!(again.pre_send(), Some(PreSendAnswer::Change));
    let raw = outbox::load(&house.organization, &again).unwrap().travelling();
    assert!(String::from_utf8_lossy(&raw).contains("Sixty pallets?"));
    let written = house.organization.blob(&house.email(id).blobid).unwrap();
    assert!(!String::from_utf8_lossy(&written).contains("Sixty"), "kept as it was written");
    house.books_are_right();

    // A person has it tried again: nobody has it yet, so the hook may say something else.
    assert_eq!(settle(&house, &again, Tried::Answered(vec![said(550)]), now(&house)).await, Settled::Ended);
    assert!(outbox::retry(&house.organization, id, house.moment()).await.unwrap());
    wait(&house);
    let [anew] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(anew.pre_send(), None);
    house.books_are_right();
}

#[tokio::test]
async fn what_is_stopped_ends_for_all_who_wait_and_for_nobody_else() {
    let house = House::new().await;
    let each_alone = relay(Some("returns.contoso.test".to_owned()));
    outbox::add_relay(&house.organization, each_alone, house.moment()).await.unwrap();
    let three = || vec![to("zoe@fabrikam.test"), to("tom@northwind.test"), to("ben@northwind.test")];
    let stopped = |is_failure| Tried::Stopped { words: "not on a Friday".to_owned(), is_failure };
    let ended = async |is_failure: bool, is_one_sent: bool| {
        let id = send(&house, written_to(three())).await.unwrap();
        wait(&house);
        let [mail] = claim(&house, NODE).await.try_into().unwrap();
        let mail = if is_one_sent {
            settle(&house, &mail, Tried::Answered(vec![said(250)]), now(&house)).await;
            wait(&house);
            let [mail] = claim(&house, NODE).await.try_into().unwrap();
            mail
        } else {
            mail
        };
        assert_eq!(settle(&house, &mail, stopped(is_failure), now(&house)).await, Settled::Ended);
        wait(&house);
        assert!(claim(&house, NODE).await.is_empty());
        let row = house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap();
        assert_eq!(row.lasterror.as_deref(), Some("not on a Friday"));
        (states(&house, id), house.email(id).statuscode)
    };
    assert_eq!(ended(false, false).await, (vec![4, 4, 4], 5));
    assert_eq!(ended(true, false).await, (vec![2, 2, 2], STATUS_FAILED));
    assert_eq!(ended(false, true).await, (vec![1, 4, 4], STATUS_SENT));
    house.books_are_right();
}

#[tokio::test]
async fn whoever_takes_delivery_over_says_so_for_each() {
    let house = house().await;
    let id = send(&house, written_to(vec![to("zoe@fabrikam.test"), to("tom@northwind.test")])).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let told = Tried::TakenOver(vec![said(250), said(450)]);
    assert!(matches!(settle(&house, &mail, told, now(&house)).await, Settled::Waits(_)));
    assert_eq!(states(&house, id), [1, 0]);
    let row = house.organization.read(|read| read.outbox_mail(id)).unwrap().unwrap();
    assert!(row.lasterror.unwrap().starts_with("the hook says: 450"));
}

#[tokio::test]
async fn the_hook_is_not_asked_anew_about_what_somebody_may_have() {
    let house = house().await;
    let id = send(&house, written_to(vec![to("zoe@fabrikam.test")])).await.unwrap();
    let [mail] = claim(&house, NODE).await.try_into().unwrap();
    let said = (PreSendAnswer::Deliver, None);
    assert!(outbox::note_pre_send(&house.organization, &mail, said, house.moment()).await.unwrap());
    assert!(may_end(&house, &mail).await);
    // The call left, and no answer came: the whole mail is marked, and nobody of its recipients.
    let uncertain = Tried::Uncertain { words: "no answer".to_owned(), replies: vec![None] };
    assert!(matches!(settle(&house, &mail, uncertain, now(&house)).await, Settled::Waits(_)));
    assert!(outbox::retry(&house.organization, id, house.moment()).await.unwrap());
    wait(&house);
    let [again] = claim(&house, NODE).await.try_into().unwrap();
    assert_eq!(again.pre_send(), Some(PreSendAnswer::Deliver), "by the same way");
}
