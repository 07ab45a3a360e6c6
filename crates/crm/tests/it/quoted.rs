//! Mail that is known only as somebody quoted it, and the mail itself: one e-mail in any order, and never two mails
//! in one for want of evidence.

use crm::intake::{Copy, Proof};
use crm::settings;
use model::outcome::{Outcome, Reason};
use model::schema::emails::{Email, mark};
use model::{EmailAddress, Id};

use crate::house::House;

/// Zoë's mail, as it was sent.
const MAIL: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Cc: tom@northwind.test
Subject: Doors
Date: Thu, 5 Mar 2026 09:15:22 +0100
Message-ID: <doors@fabrikam.test>

Green, please.
";

/// A forward of it, as Outlook writes it: `when` on a clock in the zone of `outer`.
fn outlook(outer: &str, when: &str, text: &str) -> String {
    format!(
        "From: Jane <jane@contoso.test>\nTo: crm@sink.contoso.test\nSubject: FW: Doors\nDate: {outer}\n\
         Message-ID: <{when}@contoso.test>\n\n\
         From: Zoe <zoe@fabrikam.test>\nSent: {when}\nTo: Jane\nSubject: Doors\n\n{text}\n"
    )
}

const HERE: &str = "Thu, 5 Mar 2026 12:00:00 +0100";
const NEW_YORK: &str = "Thu, 5 Mar 2026 07:00:00 -0500";

async fn take(house: &House, mail: &str) -> (Outcome, Option<Id>) {
    let (outcome, _, email) = house.take(house.out_of_mailbox(house.jane, mail)).await;
    (outcome, email)
}

#[tokio::test]
async fn quotation_and_mail_are_one_email_in_any_order() {
    let here = outlook(HERE, "5 March 2026 09:15", "Green, please.");
    let away = outlook(NEW_YORK, "5 March 2026 03:15", "Green, please.");
    let all = [MAIL, &here, &away];
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 2, 1]] {
        let house = House::new().await;
        let (outcome, first) = take(&house, all[order[0]]).await;
        assert_eq!(outcome, Outcome::Stored, "{order:?}");
        for next in [order[1], order[2]] {
            assert_eq!(take(&house, all[next]).await, (Outcome::Duplicate, first), "{order:?} {next}");
        }
        let email = house.email(first.unwrap());
        assert_eq!(email.messageid.as_deref(), Some("doors@fabrikam.test"), "{order:?}");
        assert_eq!((email.unwrapmethod.as_str(), email.marks & mark::GUESSED), ("direct", 0), "{order:?}");
        assert_eq!(email.senton.map(|sent| sent.seconds()), Some(1_772_698_522), "{order:?}");
        let parties = house.organization.read(|read| read.parties(email.activityid)).unwrap();
        let used: Vec<String> = parties.into_iter().filter_map(|party| party.addressused).collect();
        assert!(used.contains(&"tom@northwind.test".to_owned()), "{order:?} {used:?}");
        assert_eq!(take(&house, MAIL).await, (Outcome::Duplicate, first), "{order:?}");
        house.books_are_right();
    }
}

#[tokio::test]
async fn another_minute_another_text_or_another_day_is_another_mail() {
    let house = House::new().await;
    let (_, mail) = take(&house, MAIL).await;
    for other in [
        outlook(HERE, "5 March 2026 09:20", "Green, please."),
        outlook(HERE, "5 March 2026 09:15", "Red, please."),
        outlook(HERE, "2 March 2026 09:15", "Green, please."),
    ] {
        let (outcome, email) = take(&house, &other).await;
        assert_eq!(outcome, Outcome::Stored, "{other}");
        assert_ne!(email, mail);
        assert_ne!(house.email(email.unwrap()).marks & mark::GUESSED, 0);
    }
    house.books_are_right();
}

#[tokio::test]
async fn under_the_id_of_a_mail_another_text_is_kept_beside_it() {
    let fields = "In-Reply-To: <doors@fabrikam.test>\n";
    let quoted = |text: &str| format!("{fields}{}", outlook(HERE, "5 March 2026 09:15", text));
    let truth = quoted("Green, please.");
    let forged = MAIL.replace("Green, please.", "Pay to the account below.");
    // Whoever knows the id can write the mail; neither he nor the quotation may make the other one vanish.
    for [first, second] in [[&truth, &forged], [&forged, &truth]] {
        let house = House::new().await;
        let (_, one) = take(&house, first).await;
        let (outcome, other) = take(&house, second).await;
        assert_eq!(outcome, Outcome::Stored);
        assert_ne!(one, other);
        let previews = [one, other].map(|id| house.email(id.unwrap()).preview);
        assert!(previews.iter().any(|text| text == "Green, please."), "{previews:?}");
        assert!(previews.iter().any(|text| text.starts_with("Pay")), "{previews:?}");
        house.books_are_right();
    }
}

#[tokio::test]
async fn a_quotation_under_the_id_of_the_mail_is_it_where_author_and_text_agree() {
    let house = House::new().await;
    let (_, mail) = take(&house, MAIL).await;
    let fields = "In-Reply-To: <doors@fabrikam.test>\n";
    let forward = format!("{fields}{}", outlook(HERE, "5 March 2026 09:15", "Green, please."));
    assert_eq!(take(&house, &forward).await, (Outcome::Duplicate, mail));
    let source = house.email(mail.unwrap());
    assert_eq!((source.unwrapmethod.as_str(), source.preview.as_str()), ("direct", "Green, please."));
    house.contact("Tom Reed", "tom@northwind.test").await;
    // The id alone proves nothing where the author is another.
    let tom = forward.replace("From: Zoe <zoe@fabrikam.test>", "From: Tom <tom@northwind.test>");
    let (outcome, email) = take(&house, &tom.replace("Message-ID: <5", "Message-ID: <6")).await;
    assert_eq!(outcome, Outcome::Stored);
    assert_ne!(email, mail);
    house.books_are_right();
}

/// The mail that a machine of Zoë's sends every hour, word for word.
fn alarm(hour: u32, id: &str) -> String {
    format!(
        "From: Zoe <zoe@fabrikam.test>\nTo: jane@contoso.test\nSubject: Pump\n\
         Date: Thu, 5 Mar 2026 {hour:02}:15:08 +0100\nMessage-ID: <{id}@fabrikam.test>\n\nThe pump runs dry.\n"
    )
}

fn alarm_quoted(hour: u32) -> String {
    outlook(HERE, &format!("5 March 2026 {hour:02}:15"), "The pump runs dry.").replace("Doors", "Pump")
}

#[tokio::test]
async fn a_quotation_takes_one_mail_of_a_program_and_no_other() {
    let house = House::new().await;
    let (_, guess) = take(&house, &alarm_quoted(9)).await;
    assert_eq!(take(&house, &alarm(9, "nine")).await, (Outcome::Duplicate, guess));
    for hour in [8, 10, 11] {
        let (outcome, email) = take(&house, &alarm(hour, &hour.to_string())).await;
        assert_eq!(outcome, Outcome::Stored, "{hour}");
        assert_ne!(email, guess);
    }
    assert_eq!(take(&house, &alarm(9, "nine")).await, (Outcome::Duplicate, guess));
    assert_eq!(take(&house, &alarm_quoted(9)).await, (Outcome::Duplicate, guess));
    assert_eq!(house.email(guess.unwrap()).messageid.as_deref(), Some("nine@fabrikam.test"));
    // Nor where the program gives its mail no ids.
    let bare =
        |hour| alarm(hour, "none").replace("Message-ID: <none@fabrikam.test>\n", "").replace("dry", "hot");
    let (_, hot) = take(&house, &alarm_quoted(16).replace("dry", "hot")).await;
    assert_eq!(take(&house, &bare(16)).await, (Outcome::Duplicate, hot));
    let (outcome, email) = take(&house, &bare(17)).await;
    assert_eq!(outcome, Outcome::Stored);
    assert_ne!(email, hot);
    // The books of an earlier release may hold the claim of a guess that became certain.
    let (_, other) = take(&house, &alarm_quoted(13).replace("runs dry", "is wet")).await;
    let digits: String = other.unwrap().0.iter().map(|byte| format!("{byte:02x}")).collect();
    // Digits of bytes are written in another way by each engine.
    let id =
        if house.organization.is_at_server() { format!("'\\x{digits}'") } else { format!("x'{digits}'") };
    house.break_database(&format!(
        "update email set messageid = 'wet@fabrikam.test', marks = 0 where activityid = {id}"
    ));
    let (outcome, email) = take(&house, &alarm(14, "fourteen").replace("runs dry", "is wet")).await;
    assert_eq!(outcome, Outcome::Stored);
    assert_ne!(email, other);
    house.books_are_right();
}

#[tokio::test]
async fn of_several_mails_of_a_program_the_nearest_is_the_quoted_one() {
    for hours in [[7, 9, 11], [11, 9, 7], [9, 11, 7]] {
        let house = House::new().await;
        let mut here = Vec::new();
        for hour in hours {
            here.push((hour, take(&house, &alarm(hour, &hour.to_string())).await.1));
        }
        let nine = here.iter().find(|(hour, _)| *hour == 9).unwrap().1;
        assert_eq!(take(&house, &alarm_quoted(9)).await, (Outcome::Duplicate, nine), "{hours:?}");
    }
    // The other way round: the mail takes the place of the quotation that is nearest.
    let house = House::new().await;
    let (_, nine) = take(&house, &alarm_quoted(9)).await;
    let (outcome, ten) = take(&house, &alarm_quoted(10)).await;
    assert_eq!(outcome, Outcome::Stored, "two quotations of one clock are two mails");
    assert_eq!(take(&house, &alarm(9, "nine")).await, (Outcome::Duplicate, nine));
    assert_eq!(take(&house, &alarm(10, "ten")).await, (Outcome::Duplicate, ten));
    house.books_are_right();
}

#[tokio::test]
async fn a_guess_made_certain_is_as_if_it_had_come_itself() {
    let asked = "From: Zoe <zoe@fabrikam.test>\nTo: jane@contoso.test\nSubject: Doors\n\
         Date: Thu, 5 Mar 2026 09:15:22 +0100\nMessage-ID: <asked@fabrikam.test>\n\nWhich doors?\n";
    let answer = "From: Ben <ben@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Re: Doors\n\
         Date: Thu, 5 Mar 2026 10:15:22 +0100\nMessage-ID: <answer@contoso.test>\n\
         In-Reply-To: <asked@fabrikam.test>\n\nGreen ones.\n";
    let quoted = outlook(HERE, "5 March 2026 10:15", "Green ones.")
        .replace("From: Zoe <zoe@fabrikam.test>", "From: Ben <ben@contoso.test>")
        .replace("To: Jane\n", "To: zoe@fabrikam.test\n")
        .replace("Subject: Doors", "Subject: Re: Doors");
    let by_ben = |house: &House, mail: &str| house.out_of_mailbox(house.ben, mail);
    let house = House::new().await;
    let (_, first) = take(&house, asked).await;
    let (_, guess) = take(&house, &quoted).await;
    let before = house.email(guess.unwrap());
    assert_ne!(before.marks & mark::UNPROVEN_SENDER, 0);
    let (outcome, _, email) = house.take(by_ben(&house, answer)).await;
    assert_eq!((outcome, email), (Outcome::Duplicate, guess));
    let made = house.email(guess.unwrap());
    let plain = House::new().await;
    take(&plain, asked).await;
    let (_, _, stored) = plain.take(by_ben(&plain, answer)).await;
    let stored = plain.email(stored.unwrap());
    let as_stored = |email: &Email| {
        let Email { directioncode, statuscode, marks, correlationmethod, correlationrank, .. } = *email;
        (directioncode, statuscode, marks, correlationmethod, correlationrank, email.inreplyto.clone())
    };
    assert_eq!(as_stored(&made), as_stored(&stored));
    assert!(made.directioncode);
    assert_eq!((made.parentactivityid, made.correlatedactivityid), (first, first));
    assert_eq!(made.conversationtrackingid, house.email(first.unwrap()).conversationtrackingid);
    house.books_are_right();
}

fn addresses(house: &House, email: Id) -> Vec<String> {
    let parties = house.organization.read(|read| read.parties(email)).unwrap();
    parties.into_iter().filter_map(|party| party.addressused).collect()
}

#[tokio::test]
async fn what_one_of_us_wrote_is_made_certain_by_a_proven_copy_alone() {
    let house = House::new().await;
    house.contact("Tom Reed", "tom@northwind.test").await;
    let quoted = outlook(HERE, "5 March 2026 10:15", "Green ones.")
        .replace("From: Zoe <zoe@fabrikam.test>", "From: Ben <ben@contoso.test>")
        .replace("To: Jane\n", "To: zoe@fabrikam.test\n");
    let own = "From: Ben <ben@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Doors\n\
         Date: Thu, 5 Mar 2026 10:15:22 +0100\nMessage-ID: <own@contoso.test>\n\nGreen ones.\n";
    let forged = own.replace("Subject:", "Cc: tom@northwind.test\nSubject:").replace("own@", "forged@");
    let (_, guess) = take(&house, &quoted).await;
    let before = (house.email(guess.unwrap()), addresses(&house, guess.unwrap()));
    // A stranger's mail, which a rule in Jane's mailbox passes on, and the mail itself as it came to her.
    for unproven in [&forged, &forged, own] {
        let copy = Copy { proof: Proof::None, ..house.out_of_mailbox(house.jane, unproven) };
        let (outcome, _, email) = house.take(copy).await;
        assert_eq!((outcome, email), (Outcome::Duplicate, guess));
        let after = (house.email(guess.unwrap()), addresses(&house, guess.unwrap()));
        assert_eq!(after, before);
    }
    let (outcome, _, email) = house.take(house.out_of_mailbox(house.ben, own)).await;
    assert_eq!((outcome, email), (Outcome::Duplicate, guess), "never a second time");
    let certain = house.email(guess.unwrap());
    assert_eq!(certain.messageid.as_deref(), Some("own@contoso.test"));
    assert!(certain.directioncode && certain.marks & (mark::GUESSED | mark::UNPROVEN_SENDER) == 0);
    assert_eq!(house.email_count(), 1);
    house.books_are_right();
}

#[tokio::test]
async fn a_guess_that_nothing_makes_certain_takes_no_mail_of_another_hour() {
    let house = House::new().await;
    let quoted = outlook(HERE, "5 March 2026 10:15", "All well.")
        .replace("From: Zoe <zoe@fabrikam.test>", "From: Ben <ben@contoso.test>")
        .replace("To: Jane\n", "To: zoe@fabrikam.test\n");
    let (_, guess) = take(&house, &quoted).await;
    for hour in [11, 12] {
        let own = format!(
            "From: Ben <ben@contoso.test>\nTo: zoe@fabrikam.test\nSubject: Doors\n\
             Date: Thu, 5 Mar 2026 {hour}:15:22 +0100\nMessage-ID: <own{hour}@contoso.test>\n\nAll well.\n"
        );
        let copy = Copy { proof: Proof::None, ..house.out_of_mailbox(house.jane, &own) };
        let (outcome, _, email) = house.take(copy).await;
        assert_eq!(outcome, Outcome::Stored, "{hour}");
        assert_ne!(email, guess);
    }
    assert_eq!(house.email_count(), 3);
    house.books_are_right();
}

#[tokio::test]
async fn an_answer_with_a_reply_to_of_its_own_is_no_redirect() {
    let redirect = "From: Jane <jane@contoso.test>\nTo: crm@sink.contoso.test\nSubject: Doors\n\
         Date: Thu, 5 Mar 2026 12:00:00 +0100\nMessage-ID: <r1@contoso.test>\nUser-Agent: Mozilla Thunderbird\n\
         Reply-To: zoe@fabrikam.test\nReferences: <doors@fabrikam.test>\n\
         In-Reply-To: <doors@fabrikam.test>\n\nGreen, please.\n";
    let house = House::new().await;
    let (_, email) = take(&house, redirect).await;
    assert_eq!(house.email(email.unwrap()).unwrapmethod, "redirected");
    let (_, of_doors) = take(&house, MAIL).await;
    assert_eq!(of_doors, email);
    for (from, to) in [
        ("Subject: Doors", "Subject: Re: Doors"),
        ("Reply-To: zoe@fabrikam.test", "Reply-To: jane@home.test"),
        ("References: <doors@", "References: <first@fabrikam.test> <doors@"),
        ("User-Agent: Mozilla Thunderbird", "User-Agent: K-9 Mail"),
    ] {
        let other = redirect.replace(from, to).replace("<r1@", "<r2@").replace("Green", "Grey");
        let (_, reason, _) = house.take(house.out_of_mailbox(house.jane, &other)).await;
        assert_eq!(reason, Reason::NoOriginal, "{to}");
    }
    house.books_are_right();
}

const JOURNAL: &str = "From: journal@contoso.test
To: crm@sink.contoso.test
Subject: Journal
X-MS-Journal-Report:
Content-Type: multipart/mixed; boundary=j

--j

Sender: zoe@fabrikam.test
To: jane@contoso.test
--j
Content-Type: message/rfc822

From: zoe@fabrikam.test
To: all@contoso.test
Subject: Sand

Two tons.
--j--
";

#[tokio::test]
async fn a_journal_is_believed_where_everything_about_it_is_right() {
    let house = House::new().await;
    let direct = |mail: &str, from: Option<&str>| {
        let mut copy = house.out_of_mailbox(house.jane, mail);
        copy.recipients[0].user = None;
        copy.mail_from = from.map(str::to_owned);
        copy
    };
    let is_opened = async |copy| house.take(copy).await.1 == Reason::KnownSender;
    assert!(!is_opened(direct(JOURNAL, None)).await, "nobody is listed yet");
    let listed = vec![EmailAddress::parse("journal@contoso.test").unwrap()];
    settings::set_journal_senders(&house.organization, listed).await.unwrap();
    let unproven = crm::intake::Copy { proof: crm::intake::Proof::None, ..direct(JOURNAL, None) };
    assert!(!is_opened(unproven).await);
    let own = crm::intake::Proof::User(house.jane);
    let by_a_person = crm::intake::Copy { proof: own, ..direct(JOURNAL, None) };
    assert!(!is_opened(by_a_person).await, "a person's own credential proves no journal");
    // A rule may send a stranger's mail on with the null sender; whatever shows it counts.
    let unmarked = JOURNAL.replace("X-MS-Journal-Report:\n", "");
    assert!(!is_opened(direct(&unmarked, None)).await);
    for mark in [
        "Delivered-To: jane@contoso.test",
        "X-MS-Exchange-Inbox-Rules-Loop: jane@contoso.test",
        "X-Forwarded-To: crm@sink.contoso.test",
    ] {
        assert!(!is_opened(direct(&format!("{mark}\n{JOURNAL}"), None)).await, "{mark}");
    }
    assert!(!is_opened(house.out_of_mailbox(house.jane, JOURNAL)).await, "by a mailbox");
    assert!(!is_opened(direct(JOURNAL, Some("eve@stranger.test"))).await, "a redirect keeps the sender");
    let elsewhere = JOURNAL.replace("To: crm@sink", "To: jane@contoso.test, crm@sink");
    assert!(!is_opened(direct(&elsewhere, None)).await);
    let resent = format!("Resent-From: jane@contoso.test\n{JOURNAL}");
    assert!(!is_opened(direct(&resent, None)).await);
    assert!(is_opened(direct(JOURNAL, None)).await);
    // A mailbox of Exchange without an address of the Internet is somebody all the same.
    let nameless =
        JOURNAL.replace("Sender: zoe@fabrikam.test", "Sender: /O=CONTOSO/CN=ZOE").replace("Sand", "Lime");
    let (_, reason, lime) = house.take(direct(&nameless, None)).await;
    assert_eq!(reason, Reason::KnownSender);
    assert_eq!(house.email(lime.unwrap()).marks & mark::AUTOMATIC, 0);
    let delivered = format!("Delivered-To: crm@sink.contoso.test\n{}", JOURNAL.replace("Sand", "Gravel"));
    assert!(is_opened(direct(&delivered, None)).await, "through the sink itself");
    let empty = JOURNAL.replace("Sender: ", "Nobody: ");
    assert_eq!(house.take(direct(&empty, None)).await.1, Reason::Unreadable, "never dropped in silence");
    house.books_are_right();
}
