//! The outbox: how each mail stands, and what its buttons do.

use crate::site::Site;
use crate::world::HOSTILE;

const SCHEDULED: &str = "019ab100-0000-7000-8000-00000000000a";
const SENDING: &str = "019ab100-0000-7000-8000-000000000014";

#[tokio::test]
async fn it_tells_how_each_stands_and_what_the_relay_said() {
    let site = Site::signed_in();
    let page = site.get("/outbox").await;
    for words in [
        "◷ scheduled",
        "goes out",
        "Send now",
        "next try",
        "✕ failed",
        "? uncertain",
        "550 5.1.1 &lt;no.such@customer.test&gt;: Recipient address rejected: User unknown",
        "2 recipients",
        " · over main relay",
    ] {
        assert!(page.text.contains(words), "{words} is not in {}", page.text);
    }
    let more = site.get("/outbox?after=5").await;
    assert!(
        more.text.contains("✓ sent")
            && more.text.contains("– canceled")
            && more.text.contains("by &lt;script")
    );
    assert!(!more.text.contains(HOSTILE));
    let today = site.get("/").await;
    assert!(
        today.text.contains("href=\"/outbox/failed\"><b>2</b>")
            && today.text.contains("href=\"/outbox/uncertain\"")
    );
    let empty = Site::in_world(|world| world.is_empty = true);
    assert!(empty.get("/outbox").await.text.contains("Nothing went out yet"));
    assert!(empty.get("/outbox/failed").await.text.contains("No outgoing mail stands so."));
    assert!(!empty.get("/").await.text.contains("/outbox/failed"));
}

#[tokio::test]
async fn its_tabs_show_what_stands_so() {
    let site = Site::signed_in();
    for (tab, shown) in [("waiting", "… waiting"), ("scheduled", "◷ scheduled"), ("uncertain", "? uncertain")]
    {
        let page = site.get(&format!("/outbox/{tab}")).await;
        assert_eq!(page.text.matches("class=\"outbox-row\"").count(), 1, "{tab}");
        assert!(page.text.contains(shown), "{tab}");
    }
    assert_eq!(site.get("/outbox/sent").await.status, 404, "no such tab");
}

#[tokio::test]
async fn a_mail_is_taken_back_or_tried_again_where_one_is() {
    let site = Site::signed_in();
    let email = format!("/emails/{SCHEDULED}");
    assert!(site.get(&email).await.text.contains(&format!("action=\"/outbox/{SCHEDULED}/cancel\"")));
    let back = site.post(&format!("/outbox/{SCHEDULED}/cancel"), &format!("to={email}")).await;
    assert_eq!((back.status.as_u16(), back.header("location")), (303, email.as_str()));
    assert!(!site.get(&email).await.text.contains("/cancel\""), "it is");
    let late = site.post(&format!("/outbox/{SENDING}/cancel"), "to=/outbox").await;
    assert_eq!(late.header("location"), "/outbox?late=1");
    assert!(site.get("/outbox?late=1").await.text.contains("That came too late"));
    let elsewhere = site.post(&format!("/outbox/{SCHEDULED}/retry"), "to=//evil.test").await;
    assert!(elsewhere.header("location").starts_with("/?late") || elsewhere.header("location") == "/");
    assert_eq!(site.post(&format!("/outbox/{SCHEDULED}/delete"), "").await.status, 404);
    assert_eq!(site.post("/outbox/019ab100-0000-7000-8000-0000000fffff/retry", "").await.status, 404);
    assert_eq!(Site::stranger().post(&format!("/outbox/{SCHEDULED}/cancel"), "").await.status, 303);
}
