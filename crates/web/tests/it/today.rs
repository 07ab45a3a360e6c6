//! The books of a day: they add up, or the alarm stands on the page.

use crate::site::Site;

#[tokio::test]
async fn a_day_that_adds_up_says_so() {
    let page = Site::signed_in().get("/").await;
    assert_eq!(page.heading(), "Today");
    for words in
        ["Monday 23 November 2026", "1,414", "Every one is accounted for", "It is mail between colleagues."]
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
async fn what_is_no_day_is_not_found() {
    assert_eq!(Site::signed_in().get("/?day=yesterday").await.status, 404);
}
