//! Nodes: what one does, how it goes, why one does not start; two of them where a database server is given.

use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::client::{MailClient, mail};
use crate::program::Place;

#[test]
fn a_node_that_is_stopped_takes_the_mail_that_is_in_the_middle() {
    let place = Place::with_contoso();
    let house = place.serve();
    let door = house.smtp;
    let (mut idle, mut busy) = (MailClient::smtp(door), MailClient::smtp(door));
    for line in ["MAIL FROM:<zoe@fabrikam.test>", "RCPT TO:<jane@contoso.test>"] {
        assert!(busy.ask(line).starts_with("250"));
    }
    assert!(busy.ask("DATA").starts_with("354"));
    busy.say("From: zoe@fabrikam.test\r\nTo: jane@contoso.test\r\nMessage-ID: <half@fabrikam.test>\r\n\r\nOne half,");

    house.ask_to_stop();
    assert!(idle.hear().starts_with("421 4.3.2"), "whoever does nothing is sent away");
    // The door itself closes a moment before or after that.
    let began = Instant::now();
    while TcpStream::connect(door).is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody new comes in");
        std::thread::yield_now();
    }
    // The doors close at once; that it drains is written a moment later.
    while !place.well(&["node", "list"]).contains("draining") {
        assert!(began.elapsed() < Duration::from_secs(20), "the others are told");
    }
    assert!(busy.ask("and the other.\r\n.").starts_with("250"));
    drop(busy);
    assert!(house.wait().success());
    assert_eq!(place.well(&["node", "list"]), "", "it is gone");
    let books = place.well(&["verify"]);
    assert!(books.contains("1 copies seen, 1 e-mails") || books.contains("1 copy"), "{books}");
}

#[test]
fn a_transaction_that_does_not_end_is_cut_off_in_time() {
    let place = Place::with_contoso();
    let house = place.serve_with(&[("POSTROOM_NODE_DRAIN_SECONDS_MAX", "1")], Stdio::null());
    let mut busy = MailClient::smtp(house.smtp);
    assert!(busy.ask("MAIL FROM:<zoe@fabrikam.test>").starts_with("250"));
    assert!(house.terminate().success());
}

#[test]
fn a_node_does_what_its_roles_say() {
    let place = Place::with_contoso();
    let house = place.serve_with(&[("POSTROOM_NODE_ROLES", "web,jobs")], Stdio::inherit());
    assert_eq!((house.smtp.port(), house.lmtp.port()), (0, 0));
    assert!(TcpStream::connect(house.web).is_ok());
    // What nobody does is told.
    for command in [&["node", "list"][..], &["check"]] {
        let said = place.run(command);
        let is_told = said.out.contains("no node takes mail in (role receive)")
            && said.out.contains("(role index): search does not find new mail")
            && !said.out.contains("(role jobs)");
        assert!(said.code == 1 && is_told, "{said:?}");
    }
    assert!(place.run(&["node", "list"]).out.contains("web,jobs"));
    assert!(house.terminate().success());

    let unknown = place.run(&["serve", "--roles", "receive,mail"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("there is no role “mail”"), "{}", unknown.err);
}

#[test]
fn why_a_node_does_not_start_is_said_with_the_next_step() {
    let place = Place::new();
    let says = |url: &str, code: i32, words: &str| {
        let variables = [("POSTROOM_DATABASE_URL", url)];
        let serve = place.run_in(&variables, &["serve"]);
        assert!(serve.code == code && serve.err.contains(words), "{serve:?}");
        let check = place.run_in(&variables, &["node", "check"]);
        assert!(check.code == 1 && check.out.contains(words), "{check:?}");
    };
    says("postgres://postroom@127.0.0.1:1/postroom", 1, "cannot be reached: is it running");
    says("mysql://127.0.0.1/x", 2, "it looks like postgres://");
    let Some((url, _)) = place.server() else { return };
    let (server, _) = url.rsplit_once('/').unwrap();
    says(&format!("{server}/nobody_has_made_this"), 2, "no database of that name: create it");
    let good = place.run(&["node", "check"]);
    assert_eq!(good.code, 0, "{good:?}");
    assert!(
        good.out.contains("the first node makes it") && good.out.contains("the clocks agree"),
        "{}",
        good.out
    );
}

#[test]
fn two_nodes_serve_one_house() {
    let place = Place::with_contoso();
    if place.server().is_none() {
        println!("skipped: two nodes need a database server (POSTROOM_TEST_DATABASE)");
        return;
    }
    let (one, two) = (place.serve(), place.serve_with(&[("POSTROOM_DATA", "other")], Stdio::inherit()));
    assert_eq!(place.well(&["node", "list"]).lines().filter(|line| line.contains("serving")).count(), 2);
    assert!(MailClient::smtp(one.smtp).send(&["jane@contoso.test"], &mail(1)).starts_with("250"));
    assert!(MailClient::smtp(two.smtp).send(&["jane@contoso.test"], &mail(1)).starts_with("250"));
    // What one node is told, the other knows at once where it would have to refuse for good.
    assert!(MailClient::smtp(two.smtp).send(&["ben@contoso.test"], &mail(2)).starts_with("550"));
    let ben = ["user", "add", "--org", "contoso", "--name", "Ben", "--address", "ben@contoso.test"];
    place.well(&ben);
    assert!(MailClient::smtp(two.smtp).send(&["ben@contoso.test"], &mail(2)).starts_with("250"));
    assert!(one.terminate().success() && two.terminate().success());
    let books = place.well(&["verify"]);
    assert!(books.contains("3 copies seen, 2 e-mails, all is well"), "{books}");
}

#[test]
fn a_node_without_the_folder_leaves_mail_to_others() {
    let place = Place::with_contoso();
    if place.server().is_none() {
        println!("skipped: two nodes need a database server (POSTROOM_TEST_DATABASE)");
        return;
    }
    let folder = place.path("pickup").display().to_string();
    let relay = |verb: &'static str| {
        place.well(&["relay", verb, "--org", "contoso", "--pickup", &folder, "main"]);
    };
    relay("add");
    place.file("offer.txt", "Fifty pallets?\n");
    let log = |name: &str| Stdio::from(std::fs::File::create(place.path(name)).unwrap());
    let _one = place.serve_with(&[], log("one.log"));
    let _two = place.serve_with(&[("POSTROOM_DATA", "other")], log("two.log"));
    let left = |name: &str| {
        std::fs::read_to_string(place.path(name)).unwrap().matches("left to other nodes").count()
    };
    let before = [left("one.log"), left("two.log")];
    let who = ["--org", "contoso", "--from", "jane@contoso.test", "--to", "zoe@fabrikam.test"];
    place.well(&[&["send"], &who[..], &["--subject", "Offer", "offer.txt"]].concat());
    wait_for(|| left("one.log") > before[0] && left("two.log") > before[1]);
    let listed = place.well(&["outbox", "list"]);
    assert!(
        listed.contains("Pending Send") && !listed.contains("is not there"),
        "no try is spoiled: {listed}"
    );
    std::fs::create_dir(&folder).unwrap();
    // Said anew, it is looked for at once.
    relay("set");
    wait_for(|| place.well(&["outbox", "list"]).contains("Sent  1 of 1"));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

pub(crate) fn wait_for(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not come to be");
        std::thread::yield_now();
    }
}
