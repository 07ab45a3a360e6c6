//! Search over a house that serves: mail is found a moment after it came, and the index can be made anew.

use std::time::{Duration, Instant};

use crate::client::{MailClient, http, mail};
use crate::pages::sign_in;
use crate::program::Place;

#[test]
fn mail_is_found_a_moment_after_it_came() {
    let place = Place::with_contoso();
    let house = place.serve();
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], &mail(1)).starts_with("250 "));
    let cookie = sign_in(&place, &house);
    let find = |query: &str| http(house.web, &format!("GET /search?{query}"), &cookie).text();
    let started = Instant::now();
    while !find("q=pallets+from%3Azoe").contains("/emails/") {
        assert!(started.elapsed() < Duration::from_secs(20), "the index does not follow");
    }
    assert!(find("words=%22how+many%22&from=fabrikam.test&after=2020-01-01").contains("/emails/"));
    assert!(find("q=pallets&before=2020-01-01").contains("No mail found"));
    assert!(find("q=pallets+before:never").contains("“before:never” names no day"));
    let page = http(house.web, "GET /search?q=pallets&after_mail=x", &cookie);
    assert_eq!(page.status, 404);
    assert_eq!(http(house.web, "GET /search?q=pallets", "").status, 303);

    let state = place.well(&["index", "status"]);
    assert!(state.starts_with("contoso  1 e-mails  up to date  indexed up to 20"), "{state}");
    assert_eq!(place.well(&["index", "rebuild", "--org", "contoso"]), "contoso: 1 e-mails indexed\n");
    assert!(find("q=pallets").contains("/emails/"));
    assert_eq!(place.run(&["index", "rebuild", "--org", "nobody"]).code, 1);
}

#[test]
fn the_index_is_made_anew_without_a_house_that_serves() {
    let place = Place::with_contoso();
    place.file("a.eml", mail(1));
    place.well(&["track", "--org", "contoso", "a.eml"]);
    wait_for_the_event(&place, "contoso  0 e-mails  1 to go  nothing yet\n");
    assert_eq!(place.well(&["index", "rebuild", "--org", "contoso"]), "contoso: 1 e-mails indexed\n");
}

#[test]
fn an_index_that_does_not_follow_the_mail_says_so() {
    let place = Place::with_contoso();
    let stands_still = [("POSTROOM_SEARCH_FOLLOWS_MAIL", "false")];
    let house = place.serve_with(&stands_still, std::process::Stdio::inherit());
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], &mail(1)).starts_with("250 "));
    let cookie = sign_in(&place, &house);
    let find = || http(house.web, "GET /search?q=pallets", &cookie).text();
    wait_for_the_event(&place, "contoso  0 e-mails  1 to go  nothing yet\n");
    let page = find();
    assert!(page.contains("Search does not follow the mail") && !page.contains("still on the way"), "{page}");
    assert!(page.contains("No mail found"));
    assert_eq!(place.well(&["index", "rebuild", "--org", "contoso"]), "contoso: 1 e-mails indexed\n");
    let page = find();
    assert!(page.contains("/emails/") && !page.contains("does not follow"), "{page}");
}

/// At a server an event is read once older transactions have ended, whoever they belong to; what is indexed anew before is
/// indexed without it.
fn wait_for_the_event(place: &Place, status: &str) {
    let started = Instant::now();
    loop {
        let said = place.well(&["index", "status"]);
        if said == status {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{said}");
    }
}
