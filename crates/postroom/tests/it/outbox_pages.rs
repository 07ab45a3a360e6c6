//! The outbox over a house that serves: what a person sees of his mail, and what he does with it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

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
    assert!(page.contains(&mine) && !page.contains(&bens) && page.contains(" · over main"), "{page}");
    assert!(ask(format!("GET /emails/{bens}")).text().contains("Pending Send"), "it can be read");
    assert!(!ask(format!("GET /emails/{bens}")).text().contains("/cancel"), "and no more than that");
    assert_eq!(ask(format!("POST /outbox/{bens}/cancel\nto=/outbox")).status, 404);
    let back = ask(format!("POST /outbox/{mine}/cancel\nto=/outbox"));
    assert!(back.head.contains("location: /outbox\r\n"), "{}", back.head);
    assert!(ask("GET /outbox".to_owned()).text().contains("– canceled"));
    let late = ask(format!("POST /outbox/{mine}/cancel\nto=/outbox"));
    assert!(late.head.contains("location: /outbox?late=1\r\n"), "{}", late.head);
}

/// A mail that was tried may have gone out to some: written anew it would go to all of them.
#[test]
fn what_was_tried_is_not_undone() {
    let place = Place::with_contoso();
    place.file("offer.txt", "Fifty pallets?\n");
    // Nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let relay = [
        "relay",
        "add",
        "--org",
        "contoso",
        "--server",
        "127.0.0.1",
        "--port",
        &nobody,
        "--tls",
        "none",
        "main",
    ];
    place.well(&relay);
    let house =
        place.serve_with(&[("POSTROOM_NODE_ROLES", "receive,web,jobs,send")], std::process::Stdio::inherit());
    let cookie = sign_in(&place, &house);
    let from = "jane@contoso.test";
    let words = ["send", "--org", "contoso", "--from", from, "--to", "zoe@fabrikam.test", "offer.txt"];
    let id = place.well(&words).trim().to_owned();
    let started = Instant::now();
    while !place.well(&["outbox", "list"]).contains("127.0.0.1") {
        assert!(started.elapsed() < Duration::from_secs(60), "{}", place.well(&["outbox", "list"]));
    }
    let late = http(house.web, &format!("POST /emails/{id}/undo"), &cookie);
    assert!(late.head.contains(&format!("location: /emails/{id}?late=1\r\n")), "{}", late.head);
    assert!(http(house.web, &format!("GET /emails/{id}"), &cookie).text().contains("Pending Send"));
    let canceled = http(house.web, &format!("POST /outbox/{id}/cancel\nto=/outbox"), &cookie);
    assert!(canceled.head.contains("location: /outbox\r\n"), "it can be canceled: {}", canceled.head);
}
