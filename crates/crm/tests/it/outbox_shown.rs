//! The outbox as people look at it: each sees his own mail, how it stands, and what can be done.

use crm::CrmError;
use crm::outbox::{self, Shown, Standing, Tried, Whose};
use model::{Id, Timestamp};
use store::Behind;

use crate::house::{House, address};
use crate::outbox::{NODE, claim, draft, house, now, said, send, settle};

/// What a page shows.
fn page(house: &House, asked: (Whose, Option<Standing>), behind: Behind) -> (Vec<Shown>, Behind) {
    outbox::shown(&house.organization, asked, (behind, 2), now(house)).unwrap()
}

fn ids(house: &House, asked: (Whose, Option<Standing>)) -> Vec<Id> {
    page(house, asked, None).0.iter().map(|shown| shown.line.id).collect()
}

#[tokio::test]
async fn each_sees_his_own_mail_and_an_administrator_all() {
    let house = house().await;
    let offer = send(&house, draft()).await.unwrap();
    let later = outbox::Draft { due: Some(now(&house).plus_seconds(3_600)), ..draft() };
    let later = send(&house, later).await.unwrap();
    let mut bens = draft();
    bens.who.from = address("ben@contoso.test");
    let bens = send(&house, bens).await.unwrap();
    let (all, jane, ben) = (Whose::All, Whose::Of(house.jane), Whose::Of(house.ben));
    assert_eq!(ids(&house, (ben, None)), [bens]);
    assert_eq!(ids(&house, (jane, Some(Standing::Scheduled))), [later]);
    assert_eq!(ids(&house, (jane, Some(Standing::Waiting))), [offer]);
    assert!(ids(&house, (jane, Some(Standing::Failed))).is_empty());
    assert!(matches!(
        outbox::shown_one(&house.organization, (ben, offer), now(&house)),
        Err(CrmError::NotFound { .. })
    ));

    // Page by page, to the end.
    let (first, next) = page(&house, (all, None), None);
    let (second, end) = page(&house, (all, None), next);
    let mut seen: Vec<Id> = first.iter().chain(&second).map(|shown| shown.line.id).collect();
    seen.sort_unstable();
    let mut wanted = vec![offer, later, bens];
    wanted.sort_unstable();
    assert_eq!((seen, end), (wanted, None));
}

#[tokio::test]
async fn what_failed_or_is_uncertain_is_counted_and_taken_back_where_it_waits() {
    let house = house().await;
    let id = send(&house, draft()).await.unwrap();
    let stands = || {
        let shown = outbox::shown_one(&house.organization, (Whose::All, id), now(&house)).unwrap();
        (shown.standing, shown.may_be_retried(), shown.may_be_canceled())
    };
    assert_eq!(stands(), (Standing::Waiting, true, true));
    let mails = claim(&house, NODE).await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!(stands(), (Standing::Sending, false, false));
    settle(&house, mail, Tried::Answered(vec![said(250), said(550), said(250)]), now(&house)).await;
    assert_eq!(stands(), (Standing::Failed, true, false));
    let troubles = |whose, at: Timestamp| outbox::troubles(&house.organization, whose, at).unwrap();
    assert_eq!(troubles(Whose::Of(house.jane), now(&house)), (1, 0));
    assert_eq!(troubles(Whose::Of(house.ben), now(&house)), (0, 0));
    assert_eq!(troubles(Whose::All, now(&house).plus_seconds(8 * 86_400)), (0, 0), "long ago");
    house.organization.tamper("update outboxrecipient set statecode = 3 where statecode = 2").unwrap();
    assert_eq!(troubles(Whose::All, now(&house)), (0, 1));
}
