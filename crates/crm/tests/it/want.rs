//! Does anyone want it? Each user and queue says what it keeps.

use expect_test::expect;

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
fn a_stranger_to_one_who_keeps_all() {
    check(
        stranger(),
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
fn a_customer_to_one_who_keeps_all() {
    check(
        zoe(),
        world().came_to("Cleo Adams"),
        expect![[r#"
        stored: accept-all (6), incoming, for Cleo Adams
        from zoe@fabrikam.test = contact Zoë Müller
        ✓ recipient Cleo Adams
        ✓ filter
    "#]],
    );
}

#[test]
fn an_answer_to_one_who_keeps_all() {
    check(
        answer(),
        world().came_to("Cleo Adams").here("quote", &quote()),
        expect![[r#"
        stored: reply (2), incoming, for Cleo Adams
        continues <quote> by in-reply-to
        from zoe@fabrikam.test = contact Zoë Müller
        ✓ in-reply-to <quote>
        ✓ recipient Cleo Adams
        ✓ filter
    "#]],
    );
}

#[test]
fn a_stranger_to_one_who_keeps_answers() {
    check(
        stranger(),
        world().came_to("Ben Ode"),
        expect![[r#"
        ignored: no-reply (1)
        ✓ recipient Ben Ode
        ? filter
    "#]],
    );
}

#[test]
fn a_customer_to_one_who_keeps_answers() {
    check(
        zoe(),
        world().came_to("Ben Ode"),
        expect![[r#"
        ignored: no-reply (1)
        ✓ recipient Ben Ode
        ? filter
    "#]],
    );
}

#[test]
fn an_answer_to_one_who_keeps_answers() {
    check(
        answer(),
        world().came_to("Ben Ode").here("quote", &quote()),
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
fn a_stranger_to_one_who_keeps_customers() {
    check(
        stranger(),
        world().came_to("Jane Doe"),
        expect![[r#"
        ignored: unknown-sender (1)
        ✓ recipient Jane Doe
        ? filter
    "#]],
    );
}

#[test]
fn a_customer_to_one_who_keeps_customers() {
    check(
        zoe(),
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
fn an_answer_to_one_who_keeps_customers() {
    check(
        answer(),
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
fn a_stranger_to_one_who_keeps_records() {
    check(
        stranger(),
        world().came_to("Eva Lind"),
        expect![[r#"
        ignored: unknown-sender (1)
        ✓ recipient Eva Lind
        ? filter
    "#]],
    );
}

#[test]
fn a_customer_to_one_who_keeps_records() {
    check(
        zoe(),
        world().came_to("Eva Lind"),
        expect![[r#"
        stored: known-sender (5), incoming, for Eva Lind
        from zoe@fabrikam.test = contact Zoë Müller
        ✓ recipient Eva Lind
        ✓ filter
    "#]],
    );
}

#[test]
fn an_answer_to_one_who_keeps_records() {
    check(
        answer(),
        world().came_to("Eva Lind").here("quote", &quote()),
        expect![[r#"
        stored: reply (2), incoming, for Eva Lind
        continues <quote> by in-reply-to
        from zoe@fabrikam.test = contact Zoë Müller
        ✓ in-reply-to <quote>
        ✓ recipient Eva Lind
        ✓ filter
    "#]],
    );
}

#[test]
fn a_stranger_to_one_who_keeps_nothing() {
    check(
        stranger(),
        world().came_to("Nils Berg"),
        expect![[r#"
        ignored: filter-none (1)
        ✓ recipient Nils Berg
        ? filter
    "#]],
    );
}

#[test]
fn a_customer_to_one_who_keeps_nothing() {
    check(
        zoe(),
        world().came_to("Nils Berg"),
        expect![[r#"
        ignored: filter-none (1)
        ✓ recipient Nils Berg
        ? filter
    "#]],
    );
}

#[test]
fn an_answer_to_one_who_keeps_nothing() {
    check(
        answer(),
        world().came_to("Nils Berg").here("quote", &quote()),
        expect![[r#"
        ignored: filter-none (1)
        continues <quote> by in-reply-to
        ✓ in-reply-to <quote>
        ✓ recipient Nils Berg
        ? filter
    "#]],
    );
}

#[test]
fn a_lead_is_a_customer() {
    check(
        offer("Lena <Lena@Novak.TEST>"),
        world().came_to("Jane Doe"),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from Lena@novak.test = lead Lena Novak
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn a_customer_in_copy_makes_no_known_sender() {
    // Known is who wrote it; a stranger may put anybody in copy.
    check(
        stranger().to("jane@contoso.test").cc("zoe@fabrikam.test"),
        world(),
        expect![[r#"
        ignored: unknown-sender (1)
        ✓ recipient Jane Doe
        ? filter
    "#]],
    );
}

#[test]
fn of_several_who_refuse_the_first_gives_the_reason() {
    // Ben's key stands in the envelope.
    check(
        stranger().to("jane@contoso.test"),
        world().came_to("Ben Ode"),
        expect![[r#"
        ignored: no-reply (1)
        ✓ recipient Ben Ode
        ? filter
    "#]],
    );
}

#[test]
fn one_who_keeps_it_is_enough() {
    check(
        stranger().to("jane@contoso.test").cc("cleo@contoso.test"),
        world().came_to("Nils Berg"),
        expect![[r#"
            stored: accept-all (6), incoming, for Cleo Adams
            from sam@stranger.test = nobody
            to jane@contoso.test = systemuser Jane Doe
            cc cleo@contoso.test = systemuser Cleo Adams
            ✓ recipient Cleo Adams
            ✓ filter
        "#]],
    );
}

#[test]
fn the_most_telling_reason_is_given() {
    // Cleo keeps it because it is mail, Jane because Zoë is a customer.
    check(
        zoe().to("cleo@contoso.test").cc("jane@contoso.test"),
        world(),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from zoe@fabrikam.test = contact Zoë Müller
        to cleo@contoso.test = systemuser Cleo Adams
        cc jane@contoso.test = systemuser Jane Doe
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn an_answer_tells_more_than_a_customer() {
    check(
        answer().to("nils@contoso.test").cc("jane@contoso.test").cc("ben@contoso.test"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by in-reply-to
            from zoe@fabrikam.test = contact Zoë Müller
            to nils@contoso.test = systemuser Nils Berg
            cc jane@contoso.test = systemuser Jane Doe
            cc ben@contoso.test = systemuser Ben Ode
            ✓ in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_queue_in_copy_is_asked_too() {
    check(
        stranger().to("ben@contoso.test").cc("support@contoso.test"),
        world(),
        expect![[r#"
        stored: accept-all (6), incoming, for Support
        from sam@stranger.test = nobody
        to ben@contoso.test = systemuser Ben Ode
        cc support@contoso.test = queue Support
        ✓ recipient Support
        ✓ filter
    "#]],
    );
}

#[test]
fn a_queue_may_refuse() {
    check(
        stranger().to("sales@contoso.test"),
        world(),
        expect![[r#"
        ignored: unknown-sender (1)
        ✓ recipient Sales
        ? filter
    "#]],
    );
}

#[test]
fn nobody_of_ours_is_on_it() {
    check(
        zoe().to("eve@stranger.test"),
        world(),
        expect![[r#"
        ignored: no-recipient (3)
        ? filter
    "#]],
    );
}

#[test]
fn a_trace_field_says_whose_mailbox_it_was() {
    check(
        zoe().to("team@list.test").delivered_to("jane@contoso.test"),
        world(),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from zoe@fabrikam.test = contact Zoë Müller
        to team@list.test = nobody
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn who_forwarded_it_is_asked() {
    check(
        zoe().to("team@list.test"),
        world().forwarded_by("Jane Doe").proven(),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from zoe@fabrikam.test = contact Zoë Müller
        to team@list.test = nobody
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}
