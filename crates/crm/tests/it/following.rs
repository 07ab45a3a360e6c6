//! Whoever is told of mail that came: what he refuses holds up the rest for hours, and not for ever.

use crm::following::{self, Came, Noted, Progress, Unheard};
use model::{Id, Timestamp, limits};
use store::HeldLease;

use crate::house::{House, NOW};

const FOLLOWER: &str = "post_deliver";
const NODE: Id = Id([9; 16]);

/// A house whose mail somebody is told of.
struct Told {
    house: House,
    lease: HeldLease,
}

impl Told {
    async fn of(subjects: &[&str]) -> Told {
        let house = House::new().await;
        for subject in subjects {
            let mail = format!(
                "From: zoe@fabrikam.test\nTo: support@contoso.test\nSubject: {subject}\n\
                 Message-ID: <{subject}@fabrikam.test>\n\n{subject}?\n"
            );
            house.store(house.to_support(&mail)).await;
        }
        house.organization.wait_for_events().unwrap();
        let lease = following::lease(&house.organization, (FOLLOWER, NODE), NOW).await.unwrap().unwrap();
        Told { house, lease }
    }

    fn next(&self) -> Option<Came> {
        let stretch = following::next(&self.house.organization, (FOLLOWER, Timestamp(0)), 1).unwrap();
        stretch.came.into_iter().next()
    }

    fn subject(&self) -> Option<String> {
        self.next().map(|came| came.email.subject)
    }

    /// The next one is told in vain.
    async fn in_vain(&self, is_refused: bool, now: Timestamp) -> Noted {
        let stretch = following::next(&self.house.organization, (FOLLOWER, Timestamp(0)), 1).unwrap();
        let came = &stretch.came[0];
        self.note(came, stretch.end, (is_refused, now)).await
    }

    async fn note(&self, came: &Came, end: store::Cursor, (is_refused, now): (bool, Timestamp)) -> Noted {
        let words = "the hook says 500".to_owned();
        let (eventid, email) = (came.eventid, came.email.activityid);
        let progress = Progress {
            heard: store::Cursor { eventid: eventid - 1, ..end },
            unheard: Some(Unheard { eventid, email, is_refused, words }),
        };
        let place = (FOLLOWER, self.lease.clone());
        following::note(&self.house.organization, place, progress, now).await.unwrap()
    }

    async fn hears(&self) {
        let stretch = following::next(&self.house.organization, (FOLLOWER, Timestamp(0)), 1).unwrap();
        let progress = Progress { heard: stretch.end, unheard: None };
        let place = (FOLLOWER, self.lease.clone());
        let noted = following::note(&self.house.organization, place, progress, NOW).await.unwrap();
        assert_eq!(noted, Noted::On);
    }

    /// Subjects of what was told in vain, and whether each waits.
    fn list(&self) -> Vec<(String, bool)> {
        let rows = following::untold(&self.house.organization, FOLLOWER).unwrap();
        rows.iter()
            .map(|row| (self.house.email(row.activityid).subject, following::is_waiting(row)))
            .collect()
    }
}

fn after(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1_000)
}

#[tokio::test]
async fn what_is_refused_for_hours_is_passed_over_and_kept_in_a_list_until_it_is_told() {
    let told = Told::of(&["poison", "sand"]).await;
    let poison = told.next().unwrap();
    // Nobody is there for a week: that says nothing about the mail.
    for day in 0..8 {
        assert_eq!(told.in_vain(false, after(day * 86_400)).await, Noted::Waits);
    }
    let since = 8 * 86_400;
    for second in 0..i64::from(limits::HOOK_REFUSALS_MAX) + 2 {
        assert_eq!(told.in_vain(true, after(since + second)).await, Noted::Waits, "a service is mended");
    }
    assert_eq!(told.subject().unwrap(), "poison", "the order is kept");
    assert_eq!(told.list(), [("poison".to_owned(), true)]);
    let end = since + limits::HOOK_REFUSED_SECONDS;
    assert_eq!(told.in_vain(true, after(end)).await, Noted::PassedOver);
    assert_eq!(told.subject().unwrap(), "sand");
    assert_eq!(told.list(), [("poison".to_owned(), false)]);
    told.hears().await;
    assert_eq!(told.list(), [("poison".to_owned(), false)], "it stays");

    let organization = &told.house.organization;
    let row = following::untold(organization, FOLLOWER).unwrap().remove(0);
    let again = following::again(organization, &row).unwrap().unwrap();
    assert_eq!((again.eventid, again.email.activityid), (poison.eventid, poison.email.activityid));
    following::was_told(organization, row).await.unwrap();
    assert!(told.list().is_empty());
}

#[tokio::test]
async fn a_few_refusals_over_a_long_time_are_not_many() {
    let told = Told::of(&["sand"]).await;
    for hour in 0..i64::from(limits::HOOK_REFUSALS_MAX) - 1 {
        assert_eq!(told.in_vain(true, after(hour * 3_600)).await, Noted::Waits);
    }
    told.hears().await;
    assert!(told.list().is_empty(), "it was heard");
}

#[tokio::test]
async fn a_person_passes_over_what_waits_while_it_is_told() {
    let told = Told::of(&["poison", "sand"]).await;
    let organization = &told.house.organization;
    let stretch = following::next(organization, (FOLLOWER, Timestamp(0)), 1).unwrap();
    let email = stretch.came[0].email.activityid;
    let pass_over = async || following::pass_over(organization, (FOLLOWER, email), NOW).await.unwrap();
    assert!(!pass_over().await, "nothing waits yet");
    assert_eq!(told.in_vain(false, NOW).await, Noted::Waits);
    assert!(pass_over().await);
    // Whoever told it meanwhile notes that it was in vain.
    assert_eq!(told.note(&stretch.came[0], stretch.end, (true, NOW)).await, Noted::On);
    assert_eq!(told.subject().unwrap(), "sand");
    assert_eq!(told.list(), [("poison".to_owned(), false)]);
    assert!(!pass_over().await, "once");
}

#[tokio::test]
async fn what_waited_when_the_events_were_numbered_anew_stays_in_the_list() {
    let told = Told::of(&["poison", "sand"]).await;
    let organization = &told.house.organization;
    let email = told.next().unwrap().email.activityid;
    let passed_over = || following::passed_over(organization, (FOLLOWER, email)).unwrap();
    let pass_over = async || following::pass_over(organization, (FOLLOWER, email), NOW).await.unwrap();
    assert_eq!(told.in_vain(true, NOW).await, Noted::Waits);
    assert!(passed_over().is_none(), "it waits");
    // As after a move.
    let epoch = Id([9; 16]);
    let sql = format!("update setting set value = '{epoch}' where name = 'epoch'");
    assert_eq!(told.house.break_database(&sql), 1);
    assert!(!pass_over().await, "what waits for a turn that never comes is not the one to pass over");
    // The same e-mail is told by its new event.
    assert_eq!(told.in_vain(true, after(1)).await, Noted::Waits);
    assert_eq!(told.list(), [("poison".to_owned(), true), ("poison".to_owned(), false)]);
    let before = passed_over().unwrap();
    assert_ne!(before.epoch, epoch);
    assert!(pass_over().await, "the one that waits now");
    assert_eq!(told.subject().unwrap(), "sand");
    following::was_told(organization, before).await.unwrap();
    assert_eq!(passed_over().unwrap().epoch, epoch);
    assert_eq!(told.list(), [("poison".to_owned(), false)]);
}
