//! Lists and records: found, read on, empty.

use crate::site::Site;

#[tokio::test]
async fn a_search_finds_names_and_addresses_and_stays_in_its_field() {
    let page = Site::signed_in().get("/people?q=office%40").await;
    assert_eq!(page.heading(), "People");
    assert!(page.text.contains("Robert Müller") && page.text.contains("Susan Müller"));
    assert!(!page.text.contains("Adam Weber"));
    assert!(page.text.contains("value=\"office@\""));
    let kinds = page.attributes("href");
    assert!(kinds.contains(&"/companies?q=office%40".to_owned()), "the search goes along to the other kinds");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let site = Site::signed_in();
    let (mut path, mut lines) = ("/mail".to_owned(), Vec::new());
    loop {
        let page = site.get(&path).await;
        lines.extend(page.attributes("href").into_iter().filter(|link| link.starts_with("/emails/")));
        match page.attributes("href").into_iter().find(|link| link.contains("after=")) {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(lines.len(), 19);
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 19, "no mail twice");
    assert_eq!(site.get("/mail?after=nonsense").await.status, 404);
}

#[tokio::test]
async fn a_record_shows_its_conversations() {
    let page = Site::signed_in().get("/contacts/019ab100-0000-7000-8000-000000000064").await;
    assert_eq!(page.heading(), "Zoë Müller");
    for words in ["Delivery of order 4711", "3 mails", "zoe@customer.test", "Contoso Ltd", "+49 30 901820"] {
        assert!(page.text.contains(words), "{words}");
    }
    let same_id_other_kind = "/leads/019ab100-0000-7000-8000-000000000064";
    assert_eq!(Site::signed_in().get(same_id_other_kind).await.status, 404);
}

#[tokio::test]
async fn empty_lists_say_what_will_stand_there() {
    let site = Site::in_world(|world| (world.has_administrator, world.is_empty) = (true, true));
    let cases = [
        ("/", "No mail on this day"),
        ("/mail", "No mail yet"),
        ("/people", "Nothing here yet"),
        ("/people?q=zz", "Nobody found"),
        ("/unresolved", "Nothing to settle"),
        ("/undeliverable", "Nothing is stuck"),
        ("/contacts/019ab100-0000-7000-8000-000000000064", "No mail yet"),
    ];
    for (path, words) in cases {
        let page = site.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains(words), "{path}");
    }
}
