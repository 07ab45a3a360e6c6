//! What nobody wants, or only one who asked for it: never-log lists, mail among ourselves, lists, automatic mail,
//! loops; and what a person's own hand overrules.

use expect_test::expect;
use model::filter::IncomingFilter;

use crate::{Offered, check, offer, world};

/// Jane's mail to Zoë, which is here.
fn quote() -> Offered {
    offer("Jane <jane@contoso.test>").to("zoe@fabrikam.test").subject("Quote").text("12 at 40")
}

fn stranger() -> Offered {
    offer("Sam <sam@stranger.test>")
}

fn zoe() -> Offered {
    offer("Zoë <zoe@fabrikam.test>")
}

fn answer() -> Offered {
    zoe().subject("Re: Quote").answers("quote")
}

#[test]
fn the_organization_never_logs_an_address() {
    // Not for one who keeps all either.
    check(
        offer("Advisor <advisor@bank.test>").to("cleo@contoso.test"),
        world().never_logs("advisor@bank.test"),
        expect![[r#"
            ignored: never-log (1)
            ? filter
        "#]],
    );
}

#[test]
fn a_domain_in_copy_is_enough_never_to_log() {
    check(
        zoe().to("jane@contoso.test").cc("advisor@bank.test"),
        world().never_logs("@bank.test"),
        expect![[r#"
            ignored: never-log (1)
            ? filter
        "#]],
    );
}

#[test]
fn a_domain_is_no_end_of_another_domain() {
    check(
        zoe().to("jane@contoso.test").cc("advisor@notbank.test"),
        world().never_logs("@bank.test"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            cc advisor@notbank.test = nobody
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn never_log_holds_for_answers() {
    check(
        answer().to("jane@contoso.test"),
        world().never_logs("zoe@fabrikam.test").here("quote", &quote()),
        expect![[r#"
            ignored: never-log (1)
            continues <quote> by in-reply-to
            ✓ in-reply-to <quote>
            ? filter
        "#]],
    );
}

#[test]
fn never_log_holds_for_what_is_put_in_by_hand() {
    // The organisation's list is no filter of a user.
    check(
        offer("Advisor <advisor@bank.test>"),
        world().by_hand().came_to("Cleo Adams").never_logs("@bank.test"),
        expect![[r#"
            ignored: never-log (1)
            ? filter
        "#]],
    );
}

#[test]
fn ones_own_list_speaks_for_the_only_recipient() {
    check(
        zoe().to("jane@contoso.test"),
        world().never_logs_for("Jane Doe", "zoe@fabrikam.test"),
        expect![[r#"
            ignored: never-log (1)
            ? filter
        "#]],
    );
}

#[test]
fn ones_own_list_speaks_for_oneself_alone() {
    check(
        zoe().to("jane@contoso.test").cc("cleo@contoso.test"),
        world().never_logs_for("Jane Doe", "zoe@fabrikam.test"),
        expect![[r#"
            stored: accept-all (6), incoming, for Cleo Adams
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            cc cleo@contoso.test = systemuser Cleo Adams
            ✓ recipient Cleo Adams
            ✓ filter
        "#]],
    );
}

#[test]
fn the_list_of_a_colleague_who_is_not_on_it_says_nothing() {
    check(
        zoe().to("jane@contoso.test"),
        world().never_logs_for("Ben Ode", "zoe@fabrikam.test"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn beside_ones_own_list_the_others_give_the_reason() {
    check(
        stranger().to("jane@contoso.test").cc("ben@contoso.test"),
        world().never_logs_for("Jane Doe", "sam@stranger.test"),
        expect![[r#"
            ignored: no-reply (1)
            ✓ recipient Ben Ode
            ? filter
        "#]],
    );
}

#[test]
fn ones_own_hand_is_stronger_than_ones_own_list() {
    check(
        zoe(),
        world().by_hand().came_to("Jane Doe").never_logs_for("Jane Doe", "zoe@fabrikam.test"),
        expect![[r#"
            stored: by-hand (5), incoming
            from zoe@fabrikam.test = contact Zoë Müller
            ✓ filter
        "#]],
    );
}

#[test]
fn by_hand_no_filter_is_asked() {
    check(
        stranger(),
        world().by_hand().came_to("Nils Berg"),
        expect![[r#"
        stored: by-hand (5), incoming
        from sam@stranger.test = nobody
        ✓ filter
    "#]],
    );
}

#[test]
fn by_hand_a_newsletter_is_kept() {
    check(
        stranger().list(),
        world().by_hand().came_to("Jane Doe"),
        expect![[r#"
        stored: by-hand (5), incoming
        from sam@stranger.test = nobody
        ✓ filter
    "#]],
    );
}

#[test]
fn by_hand_a_report_is_kept() {
    // A person chose it: to drop it in silence would lose it.
    check(
        offer("Mailer <mailer-daemon@mx.test>").report_on("elsewhere"),
        world().by_hand().came_to("Jane Doe"),
        expect![[r#"
            stored: by-hand (5), incoming
            ✓ filter
        "#]],
    );
}

#[test]
fn by_hand_mail_among_colleagues_is_kept() {
    check(
        offer("Jane <jane@contoso.test>").to("ben@contoso.test"),
        world().by_hand().came_to("Jane Doe"),
        expect![[r#"
            stored: by-hand (5), incoming
            from jane@contoso.test = systemuser Jane Doe
            to ben@contoso.test = systemuser Ben Ode
            ✓ filter
        "#]],
    );
}

#[test]
fn colleagues_among_themselves() {
    // Not even for one who keeps all mail.
    check(
        offer("Jane <jane@contoso.test>").to("ben@contoso.test").cc("cleo@contoso.test"),
        world().proven(),
        expect![[r#"
            ignored: internal (4)
            ✓ recipient Ben Ode
            ? filter
        "#]],
    );
}

#[test]
fn a_colleague_who_asks_a_queue_is_heard() {
    check(
        offer("Jane <jane@contoso.test>").to("support@contoso.test").cc("ben@contoso.test"),
        world().proven(),
        expect![[r#"
            stored: accept-all (6), incoming, for Support
            from jane@contoso.test = systemuser Jane Doe
            to support@contoso.test = queue Support
            cc ben@contoso.test = systemuser Ben Ode
            ✓ recipient Support
            ✓ filter
        "#]],
    );
}

#[test]
fn a_queue_of_customers_is_not_for_colleagues() {
    check(
        offer("Jane <jane@contoso.test>").to("sales@contoso.test"),
        world().proven(),
        expect![[r#"
        ignored: unknown-sender (1)
        ✓ recipient Sales
        ? filter
    "#]],
    );
}

#[test]
fn a_queue_of_records_is_for_colleagues_too() {
    check(
        offer("Jane <jane@contoso.test>").to("sales@contoso.test"),
        world().proven().filter("Sales", IncomingFilter::EnabledRecords),
        expect![[r#"
            stored: enabled-record (5), incoming, for Sales
            from jane@contoso.test = systemuser Jane Doe
            to sales@contoso.test = queue Sales
            ✓ recipient Sales
            ✓ filter
        "#]],
    );
}

#[test]
fn a_queue_of_records_asks_for_proof() {
    check(
        offer("Jane <jane@contoso.test>").to("sales@contoso.test"),
        world().filter("Sales", IncomingFilter::EnabledRecords),
        expect![[r#"
            ignored: unknown-sender (1)
            ✓ recipient Sales
            ? filter
        "#]],
    );
}

#[test]
fn a_sink_among_the_recipients_is_one_of_us() {
    check(
        offer("Jane <jane@contoso.test>").to("ben@contoso.test").cc("crm+k3y@sink.contoso.test"),
        world().proven(),
        expect![[r#"
            ignored: internal (4)
            ✓ recipient Ben Ode
            ? filter
        "#]],
    );
}

#[test]
fn a_newsletter_is_not_for_one_who_keeps_customers() {
    check(
        stranger().list(),
        world().came_to("Jane Doe"),
        expect![[r#"
        ignored: list (1)
        ✓ recipient Jane Doe
        ? filter
    "#]],
    );
}

#[test]
fn a_newsletter_of_a_customer_is_a_newsletter() {
    check(
        zoe().list(),
        world().came_to("Jane Doe"),
        expect![[r#"
        ignored: list (1)
        ✓ recipient Jane Doe
        ? filter
    "#]],
    );
}

#[test]
fn a_newsletter_is_not_for_one_who_keeps_answers() {
    check(
        zoe().list(),
        world().came_to("Ben Ode"),
        expect![[r#"
        ignored: list (1)
        ✓ recipient Ben Ode
        ? filter
    "#]],
    );
}

#[test]
fn who_keeps_all_gets_newsletters_too() {
    check(
        stranger().list(),
        world().came_to("Cleo Adams"),
        expect![[r#"
        stored: accept-all (6), incoming, for Cleo Adams
        from sam@stranger.test = nobody
        ✓ recipient Cleo Adams
        ✓ filter
    "#]],
    );
}

#[test]
fn an_answer_through_a_list_is_an_answer() {
    check(
        answer().list(),
        world().came_to("Jane Doe").here("quote", &quote()),
        expect![[r#"
        stored: reply (2), incoming, for Jane Doe
        continues <quote> by in-reply-to
        from zoe@fabrikam.test = contact Zoë Müller
        ✓ in-reply-to <quote>
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn an_automatic_answer_to_us_is_an_answer() {
    check(
        answer().automatic(),
        world().came_to("Ben Ode").null_sender().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Ben Ode
            continues <quote> by in-reply-to
            from zoe@fabrikam.test = contact Zoë Müller
            ✓ in-reply-to <quote>
            ✓ recipient Ben Ode
            ✓ filter
        "#]],
    );
}

#[test]
fn a_customer_is_away() {
    check(
        zoe().automatic(),
        world().came_to("Jane Doe").null_sender(),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from zoe@fabrikam.test = contact Zoë Müller
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn a_stranger_is_away() {
    check(
        stranger().automatic(),
        world().came_to("Jane Doe").null_sender(),
        expect![[r#"
        ignored: automatic (1)
        ✓ recipient Jane Doe
        ? filter
    "#]],
    );
}

#[test]
fn the_null_sender_is_a_mark_of_machines() {
    // RFC 5321 §4.5.5: it is a notification, whatever the header says.
    check(
        stranger(),
        world().came_to("Jane Doe").null_sender(),
        expect![[r#"
        ignored: automatic (1)
        ✓ recipient Jane Doe
        ? filter
    "#]],
    );
}

#[test]
fn the_null_sender_of_a_customer_is_kept() {
    check(
        zoe(),
        world().came_to("Jane Doe").null_sender(),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from zoe@fabrikam.test = contact Zoë Müller
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn who_keeps_all_gets_automatic_mail_too() {
    check(
        stranger().automatic(),
        world().came_to("Cleo Adams"),
        expect![[r#"
        stored: accept-all (6), incoming, for Cleo Adams
        from sam@stranger.test = nobody
        ✓ recipient Cleo Adams
        ✓ filter
    "#]],
    );
}

#[test]
fn who_keeps_answers_refuses_automatic_mail_as_no_answer() {
    check(
        stranger().automatic(),
        world().came_to("Ben Ode"),
        expect![[r#"
        ignored: no-reply (1)
        ✓ recipient Ben Ode
        ? filter
    "#]],
    );
}

#[test]
fn nobody_wrote_it() {
    // From is missing or holds no address (RFC 5322 §3.6.2): there is nobody to put it on.
    check(
        stranger().without_from(),
        world().came_to("Cleo Adams"),
        expect![[r#"
            undeliverable: invalid-sender (7)
        "#]],
    );
}

#[test]
fn a_hundred_hops_are_a_long_way() {
    check(
        zoe().received(100),
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
fn more_than_a_hundred_hops_are_a_loop() {
    // RFC 5321 §6.3.
    check(
        zoe().received(101),
        world().came_to("Jane Doe"),
        expect![[r#"
        undeliverable: loop (-1)
    "#]],
    );
}

#[test]
fn a_loop_is_a_loop_though_the_mail_is_here() {
    check(
        zoe().id("quote").received(101),
        world().came_to("Jane Doe").here("quote", &zoe()),
        expect![[r#"
        undeliverable: loop (-1)
    "#]],
    );
}

#[test]
fn a_loop_put_in_by_hand_is_a_loop() {
    check(
        zoe().received(101),
        world().by_hand(),
        expect![[r#"
        undeliverable: loop (-1)
    "#]],
    );
}
