//! Sending by the program: what a person types, what comes back, and what the page of the e-mail says.

use crate::client::http;
use crate::pages::sign_in;
use crate::program::Place;

#[test]
fn a_mail_is_sent_listed_shown_and_canceled() {
    let place = Place::with_contoso();
    place.file("offer.txt", "Fifty pallets?\n");
    let offer =
        ["send", "--org", "contoso", "--from", "jane@contoso.test", "--to", "Zoë <zoe@fabrikam.test>"];
    let typed = |more: &[&'static str]| [&offer[..], more, &["offer.txt"]].concat();
    let refused = place.run(&typed(&["--subject", "Our offer"]));
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("postroom relay add"), "{}", refused.err);

    place.well(&[
        "relay",
        "add",
        "--org",
        "contoso",
        "--server",
        "relay.contoso.test",
        "--tls",
        "none",
        "main",
    ]);
    assert_eq!(place.well(&["relay", "list"]), "contoso  main  relay.contoso.test:25\n");
    let id = place.well(&typed(&["--subject", "Our offer", "--key", "order 17"]));
    let id = id.trim();
    assert_eq!(place.well(&typed(&["--subject", "Our offer", "--key", "order 17"])).trim(), id, "once");
    let listed = place.well(&["outbox", "list"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains(id) && listed.contains("Pending Send  0 of 1  Our offer  next try"), "{listed}");

    let stranger = place.run(&[
        "send",
        "--org",
        "contoso",
        "--from",
        "zoe@fabrikam.test",
        "--to",
        "a@b.test",
        "offer.txt",
    ]);
    assert!(stranger.err.contains("no address of a user or a queue here"), "{}", stranger.err);
    let nobody = place.run(&["send", "--org", "contoso", "--from", "jane@contoso.test", "offer.txt"]);
    assert!(nobody.err.contains("no recipient"), "{}", nobody.err);
    let odd =
        place.run(&["send", "--org", "contoso", "--from", "jane@contoso.test", "--to", "a b", "offer.txt"]);
    assert!(odd.err.contains("“a b” is no e-mail address"), "{}", odd.err);

    // Nobody sends it: the page says that it waits.
    let house =
        place.serve_with(&[("POSTROOM_NODE_ROLES", "receive,web,jobs")], std::process::Stdio::inherit());
    let cookie = sign_in(&place, &house);
    let page = || http(house.web, &format!("GET /emails/{id}"), &cookie).text();
    assert!(page().contains("↑ Pending Send") && page().contains("It waits to go out."), "{}", page());
    place.well(&["outbox", "cancel", "--org", "contoso", id]);
    assert!(page().contains("↑ Canceled") && !page().contains("It waits to go out."));
    let again = place.run(&["outbox", "cancel", "--org", "contoso", id]);
    assert!(again.err.contains("is on its way, or has ended"), "{}", again.err);
    assert_eq!(place.run(&["outbox", "retry", "--org", "contoso", "x"]).code, 1);
}
