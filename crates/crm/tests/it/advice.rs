//! Advice by the header: what is to be ignored by it is ignored as a whole, and in doubt all of it is fetched.

use std::path::Path;
use std::sync::Arc;

use crm::intake::{self, Advice, Offered, Polled, Taken, What};
use crm::records::people;
use model::Id;
use model::filter::IncomingFilter;
use model::outcome::{Outcome, Reason};

use crate::house::{House, NOW, is_at_server};
use crate::polled::{bytes, delivered, ended, take, take_as};

/// Somebody whom Jane's filter lets not in.
const STRANGER: &str = "From: Sam <sam@stranger.test>
To: jane@contoso.test
Subject: Offer
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <offer@stranger.test>

Cheap.
";

/// What a server gives for a header: all up to the first empty line, and that.
fn header_of(raw: &[u8]) -> Arc<[u8]> {
    let ends = [b"\r\n\r\n".as_slice(), b"\n\n".as_slice()];
    let end = ends
        .iter()
        .filter_map(|end| raw.windows(end.len()).position(|window| window == *end).map(|at| at + end.len()));
    Arc::from(raw.get(..end.min().unwrap_or(raw.len())).unwrap())
}

fn advise(house: &House, mailbox: Id, header: Arc<[u8]>) -> Advice {
    let offered =
        [Offered { role: model::FolderRole::Sink, copyid: house.moment().id(), arrived: NOW, header }];
    intake::advise(&house.organization, mailbox, &offered).unwrap()[0]
}

fn advise_mail(house: &House, mailbox: Id, mail: &str) -> Advice {
    advise(house, mailbox, header_of(&bytes(mail)))
}

#[tokio::test]
async fn what_nobody_wants_ends_by_its_header() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let mail = delivered("sam@stranger.test", &house.key_address(house.jane), STRANGER);
    assert_eq!(advise_mail(&house, mailbox, &mail), Advice::Ignore(Reason::UnknownSender));
    let header = header_of(&bytes(&mail));
    let receipt = ended(take(&house, mailbox, What::Header(header)).await.unwrap());
    assert_eq!((receipt.outcome(), receipt.originals[0].reason), (Outcome::Ignored, Reason::UnknownSender));
    let outcome = house.organization.read(|read| read.outcomes(receipt.copyid)).unwrap().remove(0);
    assert_eq!(outcome.messageid.as_deref(), Some("offer@stranger.test"));
    let copy = house.organization.read(|read| read.copy(receipt.copyid)).unwrap().unwrap();
    assert_eq!((copy.size, copy.mailfrom.as_deref()), (4_000, Some("sam@stranger.test")));
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn a_record_that_came_between_wants_all_of_it() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let mail = delivered("sam@stranger.test", &house.key_address(house.jane), STRANGER);
    assert!(matches!(advise_mail(&house, mailbox, &mail), Advice::Ignore(_)));
    house.contact("Sam Stone", "sam@stranger.test").await;
    let copyid = house.moment().id();
    let taken = take_as(&house, mailbox, copyid, What::Header(header_of(&bytes(&mail)))).await.unwrap();
    assert_eq!(taken, Taken::WholeWanted);
    assert_eq!(house.organization.read(|read| read.copy(copyid)).unwrap(), None, "nothing was written");
    let taken = take_as(&house, mailbox, copyid, What::Whole(bytes(&mail))).await.unwrap();
    assert_eq!(ended(taken).outcome(), Outcome::Stored);
}

#[tokio::test]
async fn in_doubt_all_of_it_is_fetched() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", true).await;
    let to = house.key_address(house.jane);
    let at = |mail: &str| delivered("sam@stranger.test", &to, mail);
    let check = |mail: &str, why: &str| {
        assert_eq!(advise_mail(&house, mailbox, &at(mail)), Advice::Fetch, "{why}");
    };
    let with = |field: &str| format!("{field}\n{STRANGER}");
    assert!(matches!(advise_mail(&house, mailbox, &at(STRANGER)), Advice::Ignore(_)));
    check(&STRANGER.replace("sam@stranger", "zoe@fabrikam"), "a customer's");
    check(&with("Content-Type: multipart/report; report-type=delivery-status"), "it may return mail of ours");
    check(&with("Content-Type: application/pkcs7-mime"), "what is within may be a report");
    let without = STRANGER.replace("Message-ID: <offer@stranger.test>\n", "");
    check(&without.replace("Date: Fri, 6 Mar 2026 09:00:00 +0000\n", ""), "its bytes are its only key");
    check(&STRANGER.replace("From: Sam <sam@stranger.test>\n", ""), "nobody wrote it");
    let cut = bytes(&at(STRANGER));
    assert_eq!(
        advise(&house, mailbox, Arc::from(&cut[..cut.len() - 3])),
        Advice::Fetch,
        "not a header alone"
    );
    assert_eq!(advise(&house, mailbox, Arc::default()), Advice::Fetch);
    assert_eq!(advise(&house, mailbox, Arc::from(b"\r\n".as_slice())), Advice::Fetch);
    // Jane hands something to the sink.
    let hers = STRANGER.replace("Sam <sam@stranger.test>", "jane@contoso.test");
    let hers = delivered("jane@contoso.test", &to, &hers.replace("To: jane@contoso", "To: crm@sink.contoso"));
    assert_eq!(advise_mail(&house, mailbox, &hers), Advice::Fetch);
    // The very mail is here by Cleo, who keeps all.
    let copy = house.out_of_mailbox(house.cleo, STRANGER);
    house.store(copy).await;
    check(STRANGER, "it is here");
}

/// Of who is on a never-log list a header is enough, but what a report says of a mail of ours counts.
#[tokio::test]
async fn a_report_is_fetched_from_whoever_is_never_logged() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", true).await;
    people::add_never_log(&house.organization, "@stranger.test", None, house.moment()).await.unwrap();
    let to = house.key_address(house.jane);
    let at = |mail: &str| advise_mail(&house, mailbox, &delivered("sam@stranger.test", &to, mail));
    assert_eq!(at(STRANGER), Advice::Ignore(Reason::NeverLog));
    let report = format!("Content-Type: multipart/report; report-type=delivery-status\n{STRANGER}");
    assert_eq!(at(&report), Advice::Fetch);
    let own_words = STRANGER.replace("Sam <sam@", "<mailer-daemon@");
    assert_eq!(at(&own_words), Advice::Fetch, "in words of its own");
    let unknown =
        delivered("mailer-daemon@elsewhere.test", &to, &own_words.replace("stranger.test", "elsewhere.test"));
    assert_eq!(advise_mail(&house, mailbox, &unknown), Advice::Fetch, "what it returns may be ours");
}

#[tokio::test]
async fn what_may_be_quoted_here_is_fetched() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", true).await;
    let quoted = "From: Cleo <cleo@contoso.test>\nTo: crm@sink.contoso.test\nSubject: FW: Offer\n\
         Date: Fri, 6 Mar 2026 10:00:00 +0000\nMessage-ID: <fw@contoso.test>\n\n\
         From: Sam <sam@stranger.test>\nSent: 6 March 2026 09:00\nTo: Jane <jane@contoso.test>\nSubject: Offer\n\nCheap.\n";
    let mail = delivered("sam@stranger.test", &house.key_address(house.jane), STRANGER);
    let other = mail.replace("Subject: Offer", "Subject: Another").replace("<offer@", "<another@");
    assert!(matches!(advise_mail(&house, mailbox, &mail), Advice::Ignore(_)));
    house.store(house.out_of_mailbox(house.cleo, quoted)).await;
    assert_eq!(advise_mail(&house, mailbox, &mail), Advice::Fetch);
    assert!(matches!(advise_mail(&house, mailbox, &other), Advice::Ignore(_)), "nobody quoted that");
    let receipt = ended(take(&house, mailbox, What::Whole(bytes(&mail))).await.unwrap());
    assert_eq!(receipt.outcome(), Outcome::Duplicate, "the body told");
}

/// The samples in their order, as they are and from people whom nobody knows, each out of two mailboxes and for several
/// users, with what came before it here.
#[tokio::test]
async fn what_is_ignored_by_its_header_is_ignored_as_a_whole() {
    let house = House::new().await;
    let nils = house.user("Nils Berg", "nils@contoso.test", IncomingFilter::None).await;
    for (name, address) in [
        ("Tom Reed", "tom@northwind.test"),
        ("Yuki Tanaka", "yuki@northwind.test"),
        ("Pat Lee", "pat@shared.test"),
        ("Lena Novak", "lena@novak.test"),
    ] {
        house.contact(name, address).await;
    }
    let mailboxes =
        [house.forward_mailbox("open", false).await, house.forward_mailbox("refusing", true).await];
    let keys = [house.jane, house.ben, nils, house.cleo].map(|user| house.key_address(user));
    let [jane, ben, nils, cleo] = &keys;
    // Cleo keeps everything, so what she has is never ignored again: she comes last.
    let to = ["crm@sink.contoso.test", nils, ben, jane, cleo];
    // They are of later days than most stories here.
    let arrived = NOW.plus_seconds(365 * 86_400);
    let (mut ignored, mut fetched, mut in_vain) = (0, 0, 0);
    // In files each sample comes for everybody out of both; at a server for some in turn: it is the header that counts.
    let (one_of, least) = if is_at_server() { (5, 60) } else { (1, 300) };
    for (number, (name, mail)) in samples().into_iter().enumerate() {
        let ways = to.iter().flat_map(|to| mailboxes.map(|mailbox| (to, mailbox)));
        for (to, mailbox) in ways.skip(number % one_of).step_by(one_of) {
            let from = message::read_header(&mail).ok().and_then(|header| header.author().cloned());
            let from = from.map_or_else(String::new, |author| author.address.to_string());
            let mut raw = delivered(&from, to, "").replace('\n', "\r\n").into_bytes();
            raw.extend_from_slice(&mail);
            let copyid = house.moment().id();
            let offered =
                [Offered { role: model::FolderRole::Sink, copyid, arrived, header: header_of(&raw) }];
            let advice = intake::advise(&house.organization, mailbox, &offered).unwrap()[0];
            let polled = Polled {
                role: model::FolderRole::Sink,
                copyid,
                arrived,
                size: 0,
                what: What::Whole(Arc::from(raw)),
            };
            let taken = intake::take_polled(&house.organization, mailbox, polled, house.moment()).await;
            let receipt = ended(taken.unwrap());
            let Advice::Ignore(reason) = advice else {
                fetched += 1;
                in_vain += usize::from(receipt.outcome() == Outcome::Ignored);
                continue;
            };
            ignored += 1;
            let ends: Vec<_> = receipt.originals.iter().map(|it| (it.outcome, it.reason)).collect();
            assert_eq!(ends, [(Outcome::Ignored, reason)], "{name} to {to}");
        }
    }
    println!(
        "{ignored} were ignored by their headers, {fetched} fetched, of which {in_vain} were ignored then"
    );
    assert!(ignored > least && in_vain < ignored, "{ignored} {in_vain}");
}

fn samples() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mail");
    let order = std::fs::read_to_string(folder.join("order.txt")).unwrap();
    let names = order.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let both = |name: &str| {
        let mail = std::fs::read(folder.join(name).with_extension("eml")).unwrap();
        let by_others = by_strangers(&mail);
        [(name.to_owned(), mail), (format!("{name}, by others"), by_others)]
    };
    names.flat_map(both).collect()
}

/// The same mail from people whom nobody knows: the domains of the customers are others, of the same length.
fn by_strangers(mail: &[u8]) -> Vec<u8> {
    let mut mail = mail.to_vec();
    for (known, unknown) in [("fabrikam.", "elsewher."), ("northwind.", "nobodyhas."), ("shared.", "unseen.")]
    {
        for at in places_of(&mail, known.as_bytes()) {
            mail[at..at + known.len()].copy_from_slice(unknown.as_bytes());
        }
    }
    mail
}

fn places_of(mail: &[u8], word: &[u8]) -> Vec<usize> {
    mail.windows(word.len()).enumerate().filter(|(_, it)| *it == word).map(|(at, _)| at).collect()
}
