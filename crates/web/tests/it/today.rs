//! The books of a day: they add up, or the alarm stands on the page.

use crate::site::Site;

#[tokio::test]
async fn a_day_that_adds_up_says_so() {
    let page = Site::signed_in().get("/").await;
    assert_eq!(page.heading(), "Today");
    for words in
        ["Monday 23 November 2026", "1,454", "Every one is accounted for", "It is mail between colleagues."]
    {
        assert!(page.text.contains(words), "{words}");
    }
    assert!(!page.text.contains("role=\"alert\""));
}

#[tokio::test]
async fn a_gap_raises_the_alarm() {
    let page = Site::signed_in().get("/?day=2026-11-22").await;
    assert_eq!(page.heading(), "Sunday 22 November 2026");
    assert!(page.text.contains("role=\"alert\""));
    assert!(page.text.contains("The books do not add up: 3 copies without an outcome."));
    assert!(!page.text.contains("Every one is accounted for"));
}

#[tokio::test]
async fn what_a_look_at_older_days_found_is_told_on_every_page_of_them() {
    let words = "2026-11-20: 2 of the copies seen at mailbox:crm have no end";
    let site = Site::in_world(|world| world.alarms = vec![words.to_owned()]);
    let page = site.get("/").await;
    assert!(page.text.contains("role=\"alert\"") && page.text.contains(words), "{}", page.text);
    assert!(site.get("/mail").await.text.contains("to look into"), "the rail shows it everywhere");
}

#[tokio::test]
async fn what_waits_in_a_mailbox_is_no_gap() {
    let page = Site::signed_in().get("/").await;
    assert!(page.text.contains("Every one is accounted for; 9 wait in their mailboxes."), "{}", page.text);
}

#[tokio::test]
async fn what_is_no_day_is_not_found() {
    assert_eq!(Site::signed_in().get("/?day=yesterday").await.status, 404);
}
