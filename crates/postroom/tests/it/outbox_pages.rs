//! The outbox over a house that serves: what a person sees of his mail, and what he does with it.

use crate::client::http;
use crate::pages::sign_in;
use crate::program::Place;

/// Each sees what he sent, takes it back while it waits, and is told where that came too late.
#[test]
fn the_page_of_the_outbox_shows_ones_own_mail_and_takes_it_back() {
    let place = Place::with_contoso();
    place.file("offer.txt", "Fifty pallets?\n");
    let relay = ["relay", "add", "--org", "contoso", "--server", "relay.test", "--tls", "none", "main"];
    place.well(&relay);
    place.well(&["user", "add", "--org", "contoso", "--name", "Ben", "--address", "ben@contoso.test"]);
    let [mine, bens] = ["jane@contoso.test", "ben@contoso.test"].map(|from| {
        let words = ["send", "--org", "contoso", "--from", from, "--to", "zoe@fabrikam.test", "offer.txt"];
        place.well(&words).trim().to_owned()
    });
    let house =
        place.serve_with(&[("POSTROOM_NODE_ROLES", "receive,web,jobs")], std::process::Stdio::inherit());
    let cookie = sign_in(&place, &house);
    let ask = |request: String| http(house.web, &request, &cookie);
    let page = ask("GET /outbox/waiting".to_owned()).text();
    assert!(page.contains(&mine) && !page.contains(&bens), "{page}");
    assert!(ask(format!("GET /emails/{bens}")).text().contains("Pending Send"), "it can be read");
    assert!(!ask(format!("GET /emails/{bens}")).text().contains("/cancel"), "and no more than that");
    assert_eq!(ask(format!("POST /outbox/{bens}/cancel\nto=/outbox")).status, 404);
    let back = ask(format!("POST /outbox/{mine}/cancel\nto=/outbox"));
    assert!(back.head.contains("location: /outbox\r\n"), "{}", back.head);
    assert!(ask("GET /outbox".to_owned()).text().contains("– canceled"));
    let late = ask(format!("POST /outbox/{mine}/cancel\nto=/outbox"));
    assert!(late.head.contains("location: /outbox?late=1\r\n"), "{}", late.head);
}
