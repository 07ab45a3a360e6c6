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

    place.add_relay();
    assert_eq!(place.well(&["relay", "list"]), "contoso  main  relay.contoso.test:25    default\n");
    let id = place.well(&typed(&["--subject", "Our offer", "--key", "order 17"]));
    let id = id.trim();
    assert_eq!(place.well(&typed(&["--subject", "Our offer", "--key", "order 17"])).trim(), id, "once");
    let listed = place.well(&["outbox", "list"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(
        listed.contains(id) && listed.contains("Pending Send  0 of 1  Our offer  by main  next try"),
        "{listed}"
    );

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
    assert!(again.err.contains("has ended"), "{}", again.err);
    let retry = place.run(&["outbox", "retry", "--org", "contoso", id]);
    assert!(retry.err.contains("nobody left who could be tried"), "{}", retry.err);
    let stranger =
        place.run(&["outbox", "cancel", "--org", "contoso", "0199f000-0000-7000-8000-000000000000"]);
    assert!(stranger.err.contains("did not go out from here"), "{}", stranger.err);
    assert_eq!(place.run(&["outbox", "retry", "--org", "contoso", "x"]).code, 1);
}

#[test]
fn html_files_answers_forwards_and_times_are_typed() {
    let place = Place::with_contoso();
    place.add_relay();
    place.file("offer.html", "<p>Fifty <b>pallets</b> <img src=\"cid:logo.png\"></p>");
    place.file("logo.png", "no picture, for all that matters");
    place.file("plan.csv", "a;b\r\n");
    place.file("more.txt", "Or sixty?\n");
    let typed = |more: &[&str]| {
        [&["send", "--org", "contoso", "--from", "jane@contoso.test"], more].concat().join("\u{1}")
    };
    let run = |more: &[&str]| place.run(&typed(more).split('\u{1}').collect::<Vec<_>>());
    let sent = |more: &[&str]| {
        let run = run(more);
        assert_eq!(run.code, 0, "{}", run.err);
        run.out.trim().to_owned()
    };
    let offer = sent(&[
        "--to",
        "zoe@fabrikam.test",
        "--cc",
        "tom@northwind.test",
        "--subject",
        "Our offer",
        "--html",
        "offer.html",
        "--attach",
        "logo.png",
        "--attach",
        "plan.csv",
        "--importance",
        "high",
        "--receipt",
        "read",
        "--receipt",
        "delivery",
        "--undo",
        "3600",
    ]);
    let answer = sent(&["--reply-all", &offer, "--at", "2036-11-28 09:00", "more.txt"]);
    let forward = sent(&["--forward", &offer, "--to", "ben@northwind.test", "--no-quote", "more.txt"]);
    let listed = place.well(&["outbox", "list"]);
    let line = |id: &str| listed.lines().find(|line| line.contains(id)).unwrap_or_else(|| panic!("{listed}"));
    assert!(line(&offer).contains("Pending Send  0 of 2  Our offer  "), "{listed}");
    assert!(line(&answer).contains("0 of 2  Re: Our offer  by main  next try 2036-11-2"), "{listed}");
    assert!(line(&forward).contains("0 of 1  Fw: Our offer"), "{listed}");

    let refused = |more: &[&str], words: &str| {
        let run = run(more);
        assert!(run.code != 0 && run.err.contains(words), "{}", run.err);
    };
    refused(&["--to", "a@b.test", "--at", "tomorrow", "more.txt"], "“tomorrow” is no time");
    refused(&["--answers", &offer, "--forward", &offer, "more.txt"], "cannot be used with");
    refused(&["--to", "a@b.test", "--regarding", "x", "more.txt"], "“x” is neither the id");
    refused(&["--to", "a@b.test", "--regarding", &offer, "more.txt"], "is not here");
    refused(&["--to", "a@b.test", "--attach", "missing", "more.txt"], "missing cannot be read");
    refused(&["--to", "a@b.test"], "required");
    refused(&["--answers", &offer, "--bulk", "more.txt"], "cannot be used with");
    place.file("many.csv", "fullname,emailaddress1,donotbulkemail\nTom,tom@northwind.test,yes\n");
    place.well(&["import", "contacts", "--org", "contoso", "many.csv"]);
    let tom = ["--to", "tom@northwind.test", "--subject", "News"];
    refused(
        &[&tom[..], &["--bulk", "more.txt"]].concat(),
        "Tom <tom@northwind.test> wants no e-mail that goes",
    );
    sent(&[&tom[..], &["more.txt"]].concat());

    shows(&place, [&offer, &answer, &forward]);
}

#[test]
fn a_draft_is_kept_sent_once_taken_back_and_discarded() {
    let place = Place::with_contoso();
    place.add_relay();
    place.file("offer.txt", "Fifty pallets?\n");
    let typed =
        ["send", "--org", "contoso", "--from", "jane@contoso.test", "--to", "zoe@fabrikam.test", "--draft"];
    let id = place.well(&[&typed[..], &["--subject", "Our offer", "offer.txt"]].concat());
    let id = id.trim();
    assert_eq!(place.well(&["outbox", "list"]), "", "it waits for its writer");
    let sent =
        |more: &[&'static str]| place.run(&[&["draft", "send", "--org", "contoso", id], more].concat());
    assert_eq!(sent(&["--undo", "600"]).out.trim(), id);
    assert_eq!(sent(&[]).out.trim(), id, "once");
    assert_eq!(place.well(&["outbox", "list"]).lines().count(), 1);
    place.well(&["draft", "take-back", "--org", "contoso", id]);
    assert_eq!(place.well(&["outbox", "list"]), "");
    assert_eq!(place.run(&["draft", "take-back", "--org", "contoso", id]).code, 1);
    place.well(&["draft", "discard", "--org", "contoso", id]);
    assert!(sent(&[]).err.contains("the draft is not here"));

    let names = ["--org", "contoso", "--user", "jane@contoso.test", "--queue", "support@contoso.test"];
    place.add_support();
    place.well(&[&["sendas", "grant"], &names[..]].concat());
    assert_eq!(place.well(&["sendas", "list"]), "contoso  jane@contoso.test  support@contoso.test\n");
    place.well(&[&["sendas", "revoke"], &names[..]].concat());
    assert_eq!(place.well(&["sendas", "list"]), "");
}

#[test]
fn a_program_pulls_mail_says_that_it_begins_and_reports() {
    let place = Place::with_contoso();
    place.well(&["relay", "outside", "--org", "contoso", "pulled"]);
    assert_eq!(place.well(&["relay", "list"]), "contoso  pulled  an outside sender    default\n");
    place.well(&["org", "subject-tokens", "--org", "contoso", "on", "--digits", "7"]);
    let token = place.well(&["outbox", "token", "--org", "contoso", "Our offer"]);
    place.file("offer.txt", "Fifty pallets?\n");
    let send = ["send", "--org", "contoso", "--from", "jane@contoso.test", "--subject", "Our offer"];
    let more =
        ["--to", "zoe@fabrikam.test", "--to", "tom@northwind.test", "--token", token.trim(), "offer.txt"];
    let id = place.well(&[&send[..], &more].concat());
    let id = id.trim();

    let pull = ["outbox", "pull", "--org", "contoso", "--relay", "pulled", "--for", "60", "--into", "."];
    let line = place.well(&pull);
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((said["email"].as_str(), said["attempt"].as_i64()), (Some(id), Some(1)), "{line}");
    assert_eq!(said["to"], serde_json::json!(["zoe@fabrikam.test", "tom@northwind.test"]));
    let mail = std::fs::read_to_string(place.path(&format!("{id}-1.eml"))).unwrap();
    assert!(mail.contains(&format!("Subject: Our offer {}", token.trim())), "{mail}");
    assert_eq!(place.well(&pull), "", "it is held");
    assert!(place.well(&["outbox", "list"]).contains("Sending"));

    let of = ["--org", "contoso", id];
    let late = place.run(&[&["outbox", "begun"], &of[..], &["2"]].concat());
    assert!(late.code != 0 && late.err.contains("not held by that attempt"), "{}", late.err);
    place.well(&[&["outbox", "begun"], &of[..], &["1"]].concat());
    let report = |more: &[&'static str]| place.run(&[&["outbox", "report"], &of[..], &["1"], more].concat());
    assert!(report(&[]).code != 0, "what became of it has to be said");
    assert!(report(&["--reply", "zoe@fabrikam.test taken"]).err.contains("no code"));
    let done = report(&[
        "--reply",
        "zoe@fabrikam.test 250 2.0.0 taken",
        "--reply",
        "tom@northwind.test 550 no such user",
    ]);
    assert_eq!(done.code, 0, "{}", done.err);
    let listed = place.well(&["outbox", "list"]);
    assert!(listed.contains("Sent  1 of 2, 1 failed"), "{listed}");
    assert!(report(&["--give-back"]).err.contains("not held by that attempt"));

    let one = [&send[..], &["--to", "zoe@fabrikam.test", "offer.txt"]].concat();
    let id = place.well(&one);
    place.well(&pull);
    let mail = std::fs::read_to_string(place.path(&format!("{}-1.eml", id.trim()))).unwrap();
    assert!(mail.contains("X-Postroom-Recipient: "), "what comes back tells by it of whom it speaks: {mail}");
}

/// Their pages.
fn shows(place: &Place, [offer, answer, forward]: [&str; 3]) {
    let house =
        place.serve_with(&[("POSTROOM_NODE_ROLES", "receive,web,jobs")], std::process::Stdio::inherit());
    let cookie = sign_in(place, &house);
    let page = |id: &str| http(house.web, &format!("GET /emails/{id}"), &cookie).text();
    assert!(page(offer).contains("plan.csv"), "{}", page(offer));
    assert!(page(answer).contains("Or sixty?") && page(answer).contains("Fifty pallets"), "{}", page(answer));
    assert!(
        page(forward).contains("plan.csv") && page(forward).contains("<p class=\"text\">Or sixty?</p></div>"),
        "{}",
        page(forward)
    );
}

#[test]
fn what_a_hook_says_of_a_mail_stands_on_its_page() {
    let place = Place::with_contoso();
    place.add_relay();
    place.file("offer.txt", "Fifty pallets?\n");
    place.file(
        "hook.sh",
        r#"case "$(cat)" in
            *Friday*) echo '{"action": "abort", "message": "Not on a Friday."}';;
            *) echo '{"action": "stop", "reason": "nobody needs it"}';;
        esac"#,
    );
    let hook = format!("/bin/sh,{}", place.path("hook.sh").display());
    let house = place
        .serve_with(&[("POSTROOM_HOOKS_PRE_SEND_PROGRAM", hook.as_str())], std::process::Stdio::inherit());
    let cookie = sign_in(&place, &house);
    let who = ["--org", "contoso", "--from", "jane@contoso.test", "--to", "zoe@fabrikam.test"];
    for (subject, shown, state) in [
        ("Offer of Friday", "zoe@fabrikam.test does not get it: Not on a Friday.", "Failed"),
        ("Offer of Monday", "a hook stopped it: nobody needs it", "Canceled"),
    ] {
        let id = place.well(&[&["send"], &who[..], &["--subject", subject, "offer.txt"]].concat());
        let page = || http(house.web, &format!("GET /emails/{}", id.trim()), &cookie).text();
        let began = std::time::Instant::now();
        while !page().contains(shown) && began.elapsed().as_secs() < 60 {
            std::thread::yield_now();
        }
        assert!(page().contains(shown) && page().contains(state), "{}", page());
    }
}

#[test]
fn a_relay_is_a_server_a_program_or_a_folder() {
    let place = Place::with_contoso();
    let add = |more: &[&'static str]| [&["relay", "add", "--org", "contoso"], more].concat();
    place.well(&add(&["--program", "/usr/sbin/sendmail", "a"]));
    place.well(&add(&["--pickup", "/var/pickup", "b"]));
    place.well(&add(&["--lmtp", "--server", "/run/lmtp", "c"]));
    place.well(&add(&["--lmtp", "--server", "mail.contoso.test", "d"]));
    let lines = [
        "a|program /usr/sbin/sendmail|default",
        "b|pickup folder /var/pickup",
        "c|lmtp /run/lmtp",
        "d|lmtp mail.contoso.test:24",
    ];
    assert_eq!(ways(&place), lines);
    place.well(&["relay", "set", "--org", "contoso", "--pickup", "/nowhere/pickup", "b"]);
    let listed = place.well(&["relay", "list"]);
    assert!(listed.contains("not at this node: the pickup folder /nowhere/pickup is not there"), "{listed}");
    // Said anew, it may be another kind.
    place.well(&["relay", "set", "--org", "contoso", "--server", "mail.contoso.test", "--port", "587", "a"]);
    assert!(place.well(&["relay", "list"]).starts_with("contoso  a  mail.contoso.test:587  "));
    for wrong in [
        add(&["e"]),
        add(&["--program", "sendmail", "e"]),
        add(&["--server", "/run/lmtp", "e"]),
        add(&["--program", "/usr/sbin/sendmail", "--pickup", "/var/pickup", "e"]),
        add(&["--program", "/usr/sbin/sendmail", "--port", "25", "e"]),
    ] {
        assert_ne!(place.run(&wrong).code, 0, "{wrong:?}");
    }
}

#[test]
fn a_hook_has_its_say_of_what_is_pulled() {
    let place = Place::with_contoso();
    place.well(&["relay", "outside", "--org", "contoso", "pulled"]);
    place.file("offer.txt", "Fifty pallets?\n");
    place.file(
        "hook.sh",
        r#"case "$(cat)" in
            *Friday*) echo '{"action": "abort", "message": "Not on a Friday."}';;
            *Sunday*) echo '{"action": "deliver"}';;
            *) echo '{"action": "change", "subject": "Our best offer"}';;
        esac"#,
    );
    let who = ["--org", "contoso", "--from", "jane@contoso.test", "--to", "zoe@fabrikam.test"];
    let send = |subject| {
        place.well(&[&["send"], &who[..], &["--subject", subject, "offer.txt"]].concat()).trim().to_owned()
    };
    let [_, _, monday] = ["Offer of Friday", "Offer of Sunday", "Offer of Monday"].map(send);
    let hook = format!("/bin/sh,{}", place.path("hook.sh").display());
    let pull = ["outbox", "pull", "--org", "contoso", "--relay", "pulled", "--limit", "9"];
    let pulled = place.run_in(&[("POSTROOM_HOOKS_PRE_SEND_PROGRAM", hook.as_str())], &pull);
    assert_eq!(pulled.out.lines().count(), 1, "{pulled:?}");
    let mail = std::fs::read_to_string(place.path(&format!("{monday}-1.eml"))).unwrap();
    assert!(mail.contains("Subject: Our best offer") && mail.contains("X-Postroom-Recipient: "), "{mail}");
    let listed = place.well(&["outbox", "list"]);
    let is = |subject: &str, words: [&str; 2]| {
        let line = listed.lines().find(|line| line.contains(subject)).unwrap_or_else(|| panic!("{listed}"));
        assert!(words.iter().all(|words| line.contains(words)), "{line}");
    };
    is("Friday", ["Failed", "Not on a Friday."]);
    is("Sunday", ["Pending Send", "an outside sender does"]);
    is("Monday", ["Sending", "0 of 1"]);
}

#[test]
fn what_a_hook_may_have_delivered_goes_by_nothing_else() {
    let place = Place::with_contoso();
    let folder = place.path("pickup");
    std::fs::create_dir(&folder).unwrap();
    let back = ["--return-domain", "bounces.contoso.test"];
    let relay = ["relay", "add", "--org", "contoso", "--pickup", folder.to_str().unwrap()];
    place.well(&[&relay[..], &back, &["main"]].concat());
    place.file("offer.txt", "Fifty pallets?\n");
    // It delivers, and ends before it says so.
    place.file(
        "hook.sh",
        r#"case "$(cat)" in
            *pre_send*) echo '{"action": "deliver"}';;
            *) exit 1;;
        esac"#,
    );
    let who = ["--org", "contoso", "--from", "jane@contoso.test", "--to", "zoe@fabrikam.test"];
    let id = place.well(&[&["send"], &who[..], &["--subject", "Offer", "offer.txt"]].concat());
    let wait_for = |is_so: &dyn Fn() -> bool| {
        let began = std::time::Instant::now();
        while !is_so() {
            assert!(began.elapsed().as_secs() < 60, "{}", place.well(&["outbox", "list"]));
            std::thread::yield_now();
        }
    };
    let hook = format!("/bin/sh,{}", place.path("hook.sh").display());
    let house = place
        .serve_with(&[("POSTROOM_HOOKS_PRE_SEND_PROGRAM", hook.as_str())], std::process::Stdio::inherit());
    wait_for(&|| place.well(&["outbox", "list"]).contains("the hook ended with 1"));
    assert!(house.terminate().success());

    // Nor does an outside sender get it, whether his node has the hook or not.
    let retry = |way| place.well(&["outbox", "retry", "--org", "contoso", "--relay", way, id.trim()]);
    place.well(&["relay", "outside", "--org", "contoso", "pulled"]);
    let pull = ["outbox", "pull", "--org", "contoso", "--relay", "pulled", "--limit", "9"];
    for with in [&[("POSTROOM_HOOKS_PRE_SEND_PROGRAM", hook.as_str())][..], &[]] {
        retry("pulled");
        let pulled = place.run_in(with, &pull);
        assert_eq!((pulled.code, pulled.out.as_str()), (0, ""), "{pulled:?}");
        assert!(place.well(&["outbox", "list"]).contains("Pending Send"), "and it waits");
    }

    retry("main");
    let log = std::fs::File::create(place.path("log")).unwrap();
    let _without = place.serve_with(&[], log.into());
    let says = |words: &str| std::fs::read_to_string(place.path("log")).unwrap().contains(words);
    wait_for(&|| says("left to one that has it") || std::fs::read_dir(&folder).unwrap().count() > 0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "it would have it twice");
    wait_for(&|| place.well(&["outbox", "list"]).contains("Pending Send"));
}

/// What `relay list` says of each way out of contoso.
fn ways(place: &Place) -> Vec<String> {
    let cells = |line: &str| {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        // Whether this machine has them is another question.
        let cells = cells.filter(|cell| !cell.starts_with("not at this node: "));
        cells.skip(1).collect::<Vec<_>>().join("|")
    };
    place.well(&["relay", "list"]).lines().map(cells).collect()
}

#[test]
fn a_queue_and_a_user_have_ways_out_of_their_own() {
    let place = Place::with_contoso();
    place.add_support();
    place.add_relay();
    place.well(&["relay", "add", "--org", "contoso", "--pickup", "/var/pickup", "desk"]);
    place.well(&["relay", "outside", "--org", "contoso", "pulled"]);
    let queue = |way| ["queue", "set", "--org", "contoso", "--relay", way, "support@contoso.test"];
    let user = |way| ["user", "set", "--org", "contoso", "--address", "jane@contoso.test", "--relay", way];
    let says = |words: &[&str], wanted: &str| {
        let said = place.run(words);
        assert!(said.code == 1 && said.err.contains(wanted), "{said:?}");
    };
    says(&queue("gone"), "no way out called “gone”");
    says(&user("gone"), "postroom relay list");
    let other = ["queue", "set", "--org", "contoso", "--relay", "desk", "jane@contoso.test"];
    says(&other, "a queue with this address");
    assert_eq!(place.run(&["relay", "add", "--org", "contoso", "--server", "a.test", "none"]).code, 1);
    let both = ["--relay", "desk", "--no-acknowledge", "support@contoso.test"];
    assert_eq!(place.run(&[&["queue", "set", "--org", "contoso"], &both[..]].concat()).code, 2);

    place.well(&queue("pulled"));
    place.well(&user("desk"));
    let [main, desk] = ["main|relay.contoso.test:25", "desk|pickup folder /var/pickup"];
    assert_eq!(
        ways(&place),
        [
            &format!("{main}|default"),
            &format!("{desk}|of jane@contoso.test"),
            "pulled|an outside sender|of support@contoso.test",
        ]
    );
    // What the queue writes is pulled, what Jane writes is not.
    place.file("offer.txt", "Fifty pallets?\n");
    let send = |from: &str| {
        let words =
            ["send", "--org", "contoso", "--from", from, "--to", "zoe@fabrikam.test", "--subject", "Offer"];
        place.well(&[&words[..], &["offer.txt"]].concat()).trim().to_owned()
    };
    let [_, queues] = ["jane@contoso.test", "support@contoso.test"].map(send);
    let pull = ["outbox", "pull", "--org", "contoso", "--relay", "pulled", "--limit", "9", "--into", "."];
    let pulled = place.well(&pull);
    assert!(pulled.lines().count() == 1 && pulled.contains(&queues), "{pulled}");

    place.well(&["relay", "default", "--org", "contoso", "desk"]);
    place.well(&queue("none"));
    place.well(&user("none"));
    assert_eq!(ways(&place), [main, &format!("{desk}|default"), "pulled|an outside sender"]);
    // It is all there in another house.
    place.well(&queue("pulled"));
    place.well(&["backup", "--org", "contoso", "contoso.postroom"]);
    let elsewhere = Place::new();
    elsewhere.well(&["restore", place.path("contoso.postroom").to_str().unwrap()]);
    assert_eq!(elsewhere.well(&["relay", "list"]), place.well(&["relay", "list"]));
    place.well(&["relay", "default", "--org", "contoso", "none"]);
    assert!(ways(&place)[0].ends_with("|default"), "{:?}", ways(&place));
}
