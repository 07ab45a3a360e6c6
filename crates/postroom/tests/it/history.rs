//! Old mail brought in by the command: the same with and without a house that serves, and as often as one likes.

use std::fs;

use model::schema::emails::{STATUS_RECEIVED, STATUS_SENT};
use postroom::{House, Settings};
use store::StoreError;

use crate::program::Place;

/// Jane's Sent folder and her inbox, with an answer before what it answers.
fn with_mailbox() -> Place {
    let place = Place::with_contoso();
    let zoe = "From: Zoë <zoe@fabrikam.test>\nTo: jane@contoso.test\nSubject: Re: Pallets\n\
               Message-ID: <2@fabrikam.test>\nIn-Reply-To: <1@contoso.test>\n\
               Date: Fri, 6 Mar 2015 10:00:00 +0000\n\nTwelve.\n";
    let jane = "From: Jane <jane@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Pallets\n\
                Message-ID: <1@contoso.test>\nDate: Thu, 5 Mar 2015 10:00:00 +0000\n\nHow many?\n";
    let stranger = "From: news@shop.test\nTo: jane@contoso.test\nSubject: Sale\nMessage-ID: <3@shop.test>\n\
                    Date: Thu, 5 Mar 2015 11:00:00 +0000\n\nBuy!\n";
    let draft = "From: jane@contoso.test\nTo: zoe@fabrikam.test\nSubject: Not yet\n\nHm\n";
    for folder in
        ["Maildir/cur", "Maildir/new", "Maildir/.Sent/cur", "Maildir/.Sent/new", "Maildir/.Drafts/cur"]
    {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    place.file("Maildir/cur/1425636000.M1.host:2,S", zoe);
    place.file("Maildir/new/1425553200.M3.host", stranger);
    place.file("Maildir/.Sent/cur/1425549600.M2.host:2,S", jane);
    place.file("Maildir/.Drafts/cur/1.host:2,", draft);
    let parted = |mail: &str| format!("From x@y.test Fri Mar  6 10:00:00 2015\n{mail}\n");
    place.file("all.mbox", [zoe, jane, stranger].map(parted).concat());
    place
}

const TRACK: [&str; 5] = ["track", "--org", "contoso", "--user", "jane@contoso.test"];

fn track(place: &Place, more: &[&str]) -> String {
    place.well(&[&TRACK[..], more].concat())
}

#[test]
fn a_maildir_is_brought_once() {
    let place = with_mailbox();
    let said = track(&place, &["Maildir"]);
    assert_eq!(said, "stored  by-hand  3\n3 seen = 3 stored\nleft out: 1 drafts\n");
    let again = track(&place, &["Maildir"]);
    assert!(again.contains("3 seen = 3 stored\n3 of them had been taken in before\n"), "{again}");
    // The same mail at another place is another copy of it.
    let mbox = track(&place, &["all.mbox"]);
    assert_eq!(mbox, "duplicate  duplicate  3\n3 seen = 3 duplicate\n");
    assert_eq!(place.well(&["verify"]), "contoso: 6 copies seen, 3 e-mails, all is well\n");
}

#[test]
fn direction_parent_and_source_are_right() {
    let place = with_mailbox();
    track(&place, &["Maildir"]);
    let mut settings = Settings::read(None, |_| None).unwrap();
    settings.data = place.path("data");
    if let Some((url, schema)) = place.server() {
        (settings.database.url, settings.database.schema) = (url, schema);
    }
    let house = House::open(settings).unwrap();
    let organization = house.organization("contoso").unwrap();
    let emails = organization.read(|read| {
        let lines = read.latest_emails(None, 10)?;
        lines.iter().map(|line| Ok(read.email(line.id)?.unwrap())).collect::<Result<Vec<_>, StoreError>>()
    });
    let mut emails = emails.unwrap();
    emails.sort_by(|a, b| a.messageid.cmp(&b.messageid));
    let [jane, zoe, shop] = emails.as_slice() else { panic!("{emails:?}") };
    assert!(jane.directioncode && jane.statuscode == STATUS_SENT);
    assert!(!zoe.directioncode && zoe.statuscode == STATUS_RECEIVED);
    assert_eq!((zoe.parentactivityid, jane.parentactivityid), (Some(jane.activityid), None));
    assert_eq!(zoe.conversationtrackingid, jane.conversationtrackingid);
    assert_ne!(shop.conversationtrackingid, jane.conversationtrackingid);
    for email in &emails {
        let copies = organization.read(|read| read.email_copies(email.activityid)).unwrap();
        let copy = organization.read(|read| read.copy(copies[0].copyid)).unwrap().unwrap();
        assert_eq!(copy.source, "track:Maildir");
        assert!(email.receivinguserid.is_some() && copies[0].receivinguserid == email.receivinguserid);
        assert_eq!(Some(email.sortdate), email.senton);
    }
    house.store().close();
}

#[test]
fn filters_are_asked_where_that_is_wanted() {
    let place = with_mailbox();
    let said = track(&place, &["--filtered", "Maildir"]);
    assert!(said.contains("3 seen = 1 ignored + 2 stored\n"), "{said}");
    // What its owner never wants logged stays out, by the administrator's hand too.
    place.well(&["never-log", "add", "--org", "contoso", "--user", "jane@contoso.test", "@shop.test"]);
    let said = track(&place, &["all.mbox"]);
    assert!(said.contains("3 seen = 1 ignored + 2 duplicate\n"), "{said}");
    // Asked another way it is another question.
    let said = place.well(&["track", "--org", "contoso", "all.mbox"]);
    assert!(said.contains("3 seen = 2 duplicate + 1 stored\n") && !said.contains("before"), "{said}");
}

#[test]
fn what_was_ignored_is_decided_about_again() {
    let place = with_mailbox();
    assert!(track(&place, &["--filtered", "Maildir"]).contains("3 seen = 1 ignored + 2 stored\n"));
    let again = track(&place, &["--filtered", "Maildir"]);
    assert!(again.contains("3 seen = 1 ignored + 2 stored\n3 of them had been taken in before\n"), "{again}");
    place.file("more.csv", "fullname,emailaddress1\nThe Shop,news@shop.test\n");
    place.well(&["import", "contacts", "--org", "contoso", "more.csv"]);
    let now = track(&place, &["--filtered", "Maildir"]);
    assert!(now.contains("3 seen = 3 stored\n2 of them had been taken in before\n"), "{now}");
    let again = track(&place, &["--filtered", "Maildir"]);
    assert!(again.contains("3 seen = 3 stored\n3 of them had been taken in before\n"), "{again}");
    // A copy is seen once, and ends once.
    assert_eq!(place.well(&["verify"]), "contoso: 3 copies seen, 3 e-mails, all is well\n");
}

#[test]
fn two_at_a_time_bring_it_once_while_the_house_serves() {
    let place = with_mailbox();
    let many: String = (0..500)
        .map(|n| {
            format!(
                "From x@y.test Fri Mar  6 10:00:00 2015\nFrom: zoe@fabrikam.test\nTo: jane@contoso.test\n\
                 Subject: Number {n}\nMessage-ID: <{n}@many.test>\n\nOne of many\n\n"
            )
        })
        .collect();
    place.file("many.mbox", many);
    let _house = place.serve();
    std::thread::scope(|scope| {
        let both = [0, 1].map(|_| scope.spawn(|| track(&place, &["many.mbox"])));
        for said in both.map(|it| it.join().unwrap()) {
            assert!(said.contains("500 seen = 500 stored\n"), "{said}");
        }
    });
    assert_eq!(place.well(&["verify"]), "contoso: 500 copies seen, 500 e-mails, all is well\n");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_brought() {
    let place = with_mailbox();
    place.file("Maildir/cur/4.host:2,S", "\u{0}\u{1}");
    std::os::unix::fs::symlink("nowhere", place.path("Maildir/new/5.host")).unwrap();
    let said = place.run(&[&TRACK[..], &["Maildir", "gone", "all.mbox"]].concat());
    assert_eq!(said.code, 1);
    assert!(said.out.contains("7 seen = 3 duplicate + 3 stored + 1 undeliverable\n"), "{said:?}");
    assert!(said.out.contains("2 faults: what they name was not taken in\n"), "{said:?}");
    assert!(said.out.contains("4.host:2,S: unreadable\n"), "{said:?}");
    assert!(said.err.contains("5.host: it is a link") && said.err.contains("gone: No such file"), "{said:?}");
    let wrong = place.run(&["track", "--org", "contoso", "--user", "nobody@contoso.test", "Maildir"]);
    assert!(wrong.code == 1 && wrong.out.is_empty(), "{wrong:?}");
}

#[test]
fn each_mail_is_told_in_json() {
    let place = with_mailbox();
    let said = track(&place, &["--json", "all.mbox"]);
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0]["file"].as_str().unwrap().ends_with("all.mbox at byte 0"), "{said}");
    assert_eq!((&lines[0]["outcome"], &lines[0]["before"]), (&"stored".into(), &false.into()));
}
