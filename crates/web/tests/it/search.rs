//! Search: the line, the form, what is marked, what is said.

use crate::site::Site;
use crate::world::HOSTILE;

#[tokio::test]
async fn mails_are_found_and_their_words_marked() {
    let page = Site::signed_in().get("/search?q=order").await;
    assert_eq!(page.heading(), "Search");
    assert!(page.text.contains("<mark>order</mark> 4711"), "{}", page.text);
    assert!(page.attributes("value").contains(&"order".to_owned()), "the line stays in its field");
    let records = page.attributes("href");
    assert!(records.contains(&"/people?q=order".to_owned()), "records are one click away");
}

#[tokio::test]
async fn found_mail_is_read_page_by_page() {
    let site = Site::signed_in();
    let (mut path, mut lines) = ("/search?q=e".to_owned(), Vec::new());
    loop {
        let page = site.get(&path).await;
        lines.extend(page.attributes("href").into_iter().filter(|link| link.starts_with("/emails/")));
        match page.attributes("href").into_iter().find(|link| link.contains("after_mail=")) {
            Some(next) => path = next,
            None => break,
        }
    }
    let count = lines.len();
    lines.sort();
    lines.dedup();
    assert!(count > 3 && lines.len() == count, "{count} mails, no mail twice");
    assert_eq!(site.get("/search?q=e&after_mail=nonsense").await.status, 404);
}

#[tokio::test]
async fn an_empty_search_explains_itself_and_a_vain_one_too() {
    let site = Site::signed_in();
    assert!(site.get("/search").await.text.contains("In one line"));
    assert!(site.get("/search?q=zzz").await.text.contains("No mail found"));
    assert!(site.get("/search?q=a&before=x").await.text.contains("“before:x” names no day."));
    let behind = Site::in_world(|world| world.is_empty = true).get("/search?q=a").await;
    assert!(behind.text.contains("12 mails are still on the way"));
}

#[tokio::test]
async fn whatever_is_written_there_is_text() {
    let encoded: String = HOSTILE.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for field in ["q", "words", "from", "to", "subject", "has", "after", "before"] {
        let page = Site::signed_in().get(&format!("/search?q=a&{field}={encoded}")).await;
        assert!(page.status == 200 || field == "q", "{field}");
        assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{field}");
    }
}
