//! Which way does it go, and whose word is it? From one of us counts as ours only where it is proven.

use expect_test::expect;

use crate::{Offered, check, offer, world};

fn jane() -> Offered {
    offer("Jane <jane@contoso.test>")
}

/// Jane's mail to Zoë, which is here.
fn quote() -> Offered {
    jane().to("zoe@fabrikam.test").subject("Quote").text("12 at 40")
}

/// A report (RFC 6522) about the mail of this name.
fn report(name: &str) -> Offered {
    offer("Mail Delivery <mailer-daemon@mx.test>").to("jane@contoso.test").report_on(name)
}

#[test]
fn our_mail_to_a_customer_goes_out() {
    check(
        jane().to("zoe@fabrikam.test"),
        world().proven(),
        expect![[r#"
        stored: known-recipient (5), outgoing, for Jane Doe
        from jane@contoso.test = systemuser Jane Doe
        to zoe@fabrikam.test = contact Zoë Müller
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn our_mail_to_a_stranger_is_not_for_one_who_keeps_customers() {
    check(
        jane().to("sam@stranger.test"),
        world().proven(),
        expect![[r#"
        ignored: unknown-sender (1)
        ✓ recipient Jane Doe
        ? filter
    "#]],
    );
}

#[test]
fn our_mail_to_a_stranger_is_for_one_who_keeps_all() {
    check(
        offer("Cleo <cleo@contoso.test>").to("sam@stranger.test"),
        world().proven(),
        expect![[r#"
        stored: accept-all (6), outgoing, for Cleo Adams
        from cleo@contoso.test = systemuser Cleo Adams
        to sam@stranger.test = nobody
        ✓ recipient Cleo Adams
        ✓ filter
    "#]],
    );
}

#[test]
fn our_mail_to_a_stranger_comes_from_a_record() {
    // Eva keeps mail from every record with an address, and is one.
    check(
        offer("Eva <eva@contoso.test>").to("sam@stranger.test"),
        world().proven(),
        expect![[r#"
        stored: enabled-record (5), outgoing, for Eva Lind
        from eva@contoso.test = systemuser Eva Lind
        to sam@stranger.test = nobody
        ✓ recipient Eva Lind
        ✓ filter
    "#]],
    );
}

#[test]
fn our_mail_to_a_customer_and_a_stranger() {
    check(
        jane().to("sam@stranger.test").cc("zoe@fabrikam.test"),
        world().proven(),
        expect![[r#"
        stored: known-recipient (5), outgoing, for Jane Doe
        from jane@contoso.test = systemuser Jane Doe
        to sam@stranger.test = nobody
        cc zoe@fabrikam.test = contact Zoë Müller
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn our_answer_goes_out() {
    check(
        offer("Ben <ben@contoso.test>").to("zoe@fabrikam.test").subject("Re: Question").answers("question"),
        world().proven().here(
            "question",
            &offer("Zoë <zoe@fabrikam.test>").to("support@contoso.test").subject("Question").text("?"),
        ),
        expect![[r#"
            stored: reply (2), outgoing, for Ben Ode
            continues <question> by in-reply-to
            from ben@contoso.test = systemuser Ben Ode
            to zoe@fabrikam.test = contact Zoë Müller
            ✓ in-reply-to <question>
            ✓ recipient Ben Ode
            ✓ filter
        "#]],
    );
}

#[test]
fn a_colleague_in_copy_does_not_turn_it_round() {
    check(
        jane().to("zoe@fabrikam.test").cc("ben@contoso.test"),
        world().proven(),
        expect![[r#"
        stored: known-recipient (5), outgoing, for Jane Doe
        from jane@contoso.test = systemuser Jane Doe
        to zoe@fabrikam.test = contact Zoë Müller
        cc ben@contoso.test = systemuser Ben Ode
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn a_queue_writes_to_a_customer() {
    check(
        offer("Sales <sales@contoso.test>").to("zoe@fabrikam.test"),
        world().proven(),
        expect![[r#"
        stored: known-recipient (5), outgoing, for Sales
        from sales@contoso.test = queue Sales
        to zoe@fabrikam.test = contact Zoë Müller
        ✓ recipient Sales
        ✓ filter
    "#]],
    );
}

#[test]
fn our_word_without_proof_comes_in() {
    check(
        jane().to("zoe@fabrikam.test").cc("cleo@contoso.test"),
        world(),
        expect![[r#"
        stored: accept-all (6), incoming and unproven, for Cleo Adams
        from jane@contoso.test = systemuser Jane Doe
        to zoe@fabrikam.test = contact Zoë Müller
        cc cleo@contoso.test = systemuser Cleo Adams
        ✓ recipient Cleo Adams
        ✓ filter
    "#]],
    );
}

#[test]
fn our_word_without_proof_speaks_for_no_filter() {
    // Without proof From is a claim, and not that of a customer.
    check(
        jane().to("zoe@fabrikam.test"),
        world().came_to("Jane Doe"),
        expect![[r#"
            stored: known-recipient (5), incoming and unproven, for Jane Doe
            from jane@contoso.test = systemuser Jane Doe
            to zoe@fabrikam.test = contact Zoë Müller
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn among_colleagues_even_without_proof() {
    check(
        jane().to("cleo@contoso.test"),
        world(),
        expect![[r#"
        ignored: internal (4)
        ✓ recipient Cleo Adams
        ? filter
    "#]],
    );
}

#[test]
fn nobody_is_to_be_seen_on_our_mail() {
    // All were in Bcc, so nothing says that it stayed among ourselves, and Cleo keeps all mail.
    check(
        offer("Cleo <cleo@contoso.test>"),
        world().proven(),
        expect![[r#"
            stored: accept-all (6), outgoing, for Cleo Adams
            from cleo@contoso.test = systemuser Cleo Adams
            ✓ recipient Cleo Adams
            ✓ filter
        "#]],
    );
}

#[test]
fn only_the_envelope_knows_the_blind_copy() {
    // Jane is no party: the header does not show her, and the customer did not want it to.
    check(
        offer("Zoë <zoe@fabrikam.test>").to("tom@northwind.test"),
        world().came_to("Jane Doe"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from zoe@fabrikam.test = contact Zoë Müller
            to tom@northwind.test = contact Tom Reed
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_group_without_addresses_names_nobody() {
    // `undisclosed-recipients:;` (RFC 5322 §3.4).
    check(
        offer("Zoë <zoe@fabrikam.test>"),
        world().came_to("Jane Doe"),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from zoe@fabrikam.test = contact Zoë Müller
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn a_report_on_our_mail_stands_with_it() {
    // The daemon is nobody's customer and no party.
    check(
        report("quote"),
        world().null_sender().here("quote", &quote()),
        expect![[r#"
        stored: reply (2), incoming, for Jane Doe
        continues <quote> by report
        to jane@contoso.test = systemuser Jane Doe
        ✓ report <quote>
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn a_report_on_the_mail_of_others_is_nothing_to_us() {
    // Somebody used Jane's name.
    check(
        report("elsewhere"),
        world().null_sender().here("quote", &quote()),
        expect![[r#"
        ignored: report (1)
        ? filter
    "#]],
    );
}

#[test]
fn who_keeps_all_keeps_no_report_on_the_mail_of_others() {
    check(
        offer("Mail Delivery <mailer-daemon@mx.test>").to("cleo@contoso.test").report_on("elsewhere"),
        world().null_sender(),
        expect![[r#"
            ignored: report (1)
            ? filter
        "#]],
    );
}

#[test]
fn a_report_that_returns_nothing_is_nothing_to_us() {
    // A report is tied by what it returns, by nothing else.
    check(
        report("elsewhere").subject("Returned mail").refers_to("quote"),
        world().null_sender().here("quote", &quote()),
        expect![[r#"
            ignored: report (1)
            ? filter
        "#]],
    );
}

#[test]
fn a_read_receipt_stands_with_our_mail() {
    // RFC 8098.
    check(
        offer("Zoë <zoe@fabrikam.test>").to("jane@contoso.test").report_on("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by report
            to jane@contoso.test = systemuser Jane Doe
            ✓ report <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_report_for_one_who_keeps_nothing() {
    check(
        offer("Mail Delivery <mailer-daemon@mx.test>").to("nils@contoso.test").report_on("quote"),
        world().null_sender().here("quote", &quote()),
        expect![[r#"
            ignored: filter-none (1)
            continues <quote> by report
            ✓ report <quote>
            ✓ recipient Nils Berg
            ? filter
        "#]],
    );
}
