//! The page of mailboxes: how it goes, and what an administrator does.

use crate::site::Site;
use crate::world::HOSTILE;

const CRM: &str = "/mailboxes/019ab100-0000-7000-8000-000000000258";

#[tokio::test]
async fn it_tells_how_it_goes_with_each() {
    let site = Site::in_world(|world| world.has_administrator = true);
    let page = site.get("/mailboxes").await;
    for words in
        ["✓ well", "✕ trouble", "17</b> messages wait", "watched by post2", "never well yet", "next try"]
    {
        assert!(page.text.contains(words), "{words} is not in {}", page.text);
    }
    assert!(!page.text.contains(HOSTILE) && page.text.contains("&lt;script&gt;"));
    assert!(site.get("/").await.text.contains("href=\"/mailboxes\""));
    let empty = Site::in_world(|world| (world.has_administrator, world.is_empty) = (true, true));
    assert!(empty.get("/mailboxes").await.text.contains("No mailbox is watched"));
}

#[tokio::test]
async fn an_administrator_pauses_resumes_and_begins_anew() {
    let site = Site::in_world(|world| world.has_administrator = true);
    for (verb, expected) in [("pause", "– paused"), ("resume", "✓ well"), ("resync", "✓ well")] {
        let answer = site.post(&format!("{CRM}/{verb}"), "").await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/mailboxes"), "{verb}");
        assert!(site.get("/mailboxes").await.text.contains(expected), "{verb}");
    }
    assert_eq!(site.post(&format!("{CRM}/delete"), "").await.status, 404);
    assert_eq!(site.post("/mailboxes/no-id/pause", "").await.status, 404);
}

#[tokio::test]
async fn for_everybody_else_there_is_no_such_page() {
    let site = Site::signed_in();
    assert_eq!(site.get("/mailboxes").await.status, 404);
    assert_eq!(site.post(&format!("{CRM}/pause"), "").await.status, 404);
    assert_eq!(Site::stranger().post(&format!("{CRM}/pause"), "").await.status, 303);
}
