//! About what? A conversation is continued where a signal says so and somebody on the mail confirms it.

use expect_test::expect;
use model::decision::Entity;

use crate::{Offered, check, offer, world};

/// Jane's mail to Zoë.
fn quote() -> Offered {
    offer("Jane <jane@contoso.test>").to("zoe@fabrikam.test").subject("Quote for 12 units").text("12 at 40")
}

/// Jane's mail to Tom, with a classic token.
fn delivery() -> Offered {
    offer("Jane <jane@contoso.test>").to("tom@northwind.test").subject("Delivery CRM:0001001").text("In May")
}

/// Zoë's mail to the queue Support.
fn question() -> Offered {
    offer("Zoë <zoe@fabrikam.test>").to("support@contoso.test").subject("How do I reset it?").text("The lamp")
}

fn zoe() -> Offered {
    offer("Zoë <zoe@fabrikam.test>").to("jane@contoso.test")
}

fn eve() -> Offered {
    offer("Eve <eve@stranger.test>").to("jane@contoso.test").cc("cleo@contoso.test")
}

#[test]
fn an_answer_continues_what_it_answers() {
    check(
        zoe().subject("Re: Quote for 12 units").answers("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by in-reply-to
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn an_answer_under_a_new_subject_is_an_answer() {
    // What it continues is no doubt and no candidate beside.
    check(
        zoe().subject("Thank you").answers("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by in-reply-to
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_stranger_who_names_our_mail_answers_nothing() {
    // Jane is on both mails; our own addresses are on every mail and confirm nothing.
    check(
        eve().subject("Re: Quote for 12 units").answers("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: accept-all (6), incoming, for Cleo Adams
            from eve@stranger.test = nobody
            to jane@contoso.test = systemuser Jane Doe
            cc cleo@contoso.test = systemuser Cleo Adams
            ? in-reply-to <quote>
            ✓ recipient Cleo Adams
            ✓ filter
            perhaps it continues <quote>
        "#]],
    );
}

#[test]
fn a_stranger_who_names_our_mail_is_not_kept_as_an_answer() {
    check(
        offer("Eve <eve@stranger.test>").to("ben@contoso.test").answers("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            ignored: no-reply (1)
            ? in-reply-to <quote>
            ✓ recipient Ben Ode
            ? filter
            perhaps it continues <quote>
        "#]],
    );
}

#[test]
fn another_customer_who_names_our_mail_answers_nothing() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").answers("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            ? in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
            perhaps it continues <quote>
        "#]],
    );
}

#[test]
fn a_customer_answers_from_another_address_of_the_same_record() {
    check(
        offer("Zoë <zoe@home.test>").to("jane@contoso.test").answers("quote"),
        world().customer(Entity::Contact, "Zoë Müller <zoe@home.test>").here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by in-reply-to
            from zoe@home.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_colleague_of_the_customer_answers_with_the_customer_in_copy() {
    check(
        offer("Karl <karl@fabrikam.test>").to("jane@contoso.test").cc("zoe@fabrikam.test").answers("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by in-reply-to
            from karl@fabrikam.test = nobody
            to jane@contoso.test = systemuser Jane Doe
            cc zoe@fabrikam.test = contact Zoë Müller
            ✓ in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn of_several_answered_mails_the_one_that_is_here_counts() {
    check(
        zoe().answers("lost").answers("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by in-reply-to
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn an_answer_comes_before_a_token() {
    check(
        zoe().cc("tom@northwind.test").subject("Re: Delivery CRM:0001001").answers("quote"),
        world().here("quote", &quote()).here("delivery", &delivery()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by in-reply-to
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            cc tom@northwind.test = contact Tom Reed
            ✓ in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn an_answer_comes_before_references() {
    check(
        zoe().subject("Re: How do I reset it?").answers("quote").refers_to("question"),
        world().here("quote", &quote()).here("question", &question()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by in-reply-to
            joins <question>
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ in-reply-to <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn references_under_the_same_subject_continue() {
    check(
        zoe().subject("AW: AW: Quote for 12 units").refers_to("lost").refers_to("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by references
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ references <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn references_under_another_subject_are_an_old_mail_used_as_a_template() {
    check(
        zoe().subject("Summer party").refers_to("quote"),
        world().here("quote", &quote()),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from zoe@fabrikam.test = contact Zoë Müller
        to jane@contoso.test = systemuser Jane Doe
        ? references <quote>
        ✓ recipient Jane Doe
        ✓ filter
        perhaps it continues <quote>
    "#]],
    );
}

#[test]
fn references_without_a_participant_continue_nothing() {
    check(
        eve().subject("Re: Quote for 12 units").refers_to("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: accept-all (6), incoming, for Cleo Adams
            from eve@stranger.test = nobody
            to jane@contoso.test = systemuser Jane Doe
            cc cleo@contoso.test = systemuser Cleo Adams
            ? references <quote>
            ✓ recipient Cleo Adams
            ✓ filter
            perhaps it continues <quote>
        "#]],
    );
}

#[test]
fn another_queue_beats_references() {
    check(
        offer("Zoë <zoe@fabrikam.test>")
            .to("sales@contoso.test")
            .subject("Fwd: How do I reset it?")
            .refers_to("question"),
        world().here("question", &question()),
        expect![[r#"
            stored: known-sender (5), incoming, for Sales
            from zoe@fabrikam.test = contact Zoë Müller
            to sales@contoso.test = queue Sales
            ? references <question>
            ✓ recipient Sales
            ✓ filter
            perhaps it continues <question>
        "#]],
    );
}

#[test]
fn references_to_the_same_queue_continue() {
    check(
        offer("Zoë <zoe@fabrikam.test>")
            .to("support@contoso.test")
            .subject("Re: How do I reset it?")
            .refers_to("question"),
        world().here("question", &question()),
        expect![[r#"
            stored: reply (2), incoming, for Support
            continues <question> by references
            from zoe@fabrikam.test = contact Zoë Müller
            to support@contoso.test = queue Support
            ✓ references <question>
            ✓ recipient Support
            ✓ filter
        "#]],
    );
}

#[test]
fn both_queues_on_a_mail_keep_its_conversation() {
    check(
        offer("Zoë <zoe@fabrikam.test>")
            .to("sales@contoso.test")
            .cc("support@contoso.test")
            .subject("Re: How do I reset it?")
            .refers_to("question"),
        world().here("question", &question()),
        expect![[r#"
            stored: reply (2), incoming, for Sales
            continues <question> by references
            from zoe@fabrikam.test = contact Zoë Müller
            to sales@contoso.test = queue Sales
            cc support@contoso.test = queue Support
            ✓ references <question>
            ✓ recipient Sales
            ✓ filter
        "#]],
    );
}

#[test]
fn a_queue_may_come_into_a_conversation_that_had_none() {
    check(
        offer("Zoë <zoe@fabrikam.test>")
            .to("sales@contoso.test")
            .subject("Re: Quote for 12 units")
            .refers_to("quote"),
        world().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Sales
            continues <quote> by references
            from zoe@fabrikam.test = contact Zoë Müller
            to sales@contoso.test = queue Sales
            ✓ references <quote>
            ✓ recipient Sales
            ✓ filter
        "#]],
    );
}

#[test]
fn an_answer_sent_to_another_queue_is_an_answer_still() {
    check(
        offer("Zoë <zoe@fabrikam.test>")
            .to("sales@contoso.test")
            .subject("Re: How do I reset it?")
            .answers("question"),
        world().here("question", &question()),
        expect![[r#"
            stored: reply (2), incoming, for Sales
            continues <question> by in-reply-to
            from zoe@fabrikam.test = contact Zoë Müller
            to sales@contoso.test = queue Sales
            ✓ in-reply-to <question>
            ✓ recipient Sales
            ✓ filter
        "#]],
    );
}

#[test]
fn a_token_confirmed_by_a_participant_continues() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").subject("Re: Delivery CRM:0001001"),
        world().here("delivery", &delivery()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <delivery> by tracking-token
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            ✓ tracking-token <delivery>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_token_broken_by_folding_is_found() {
    check(
        offer("Tom <tom@northwind.test>")
            .to("jane@contoso.test")
            .subject("Re: Delivery and more words CRM: 0001001"),
        world().here("delivery", &delivery()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <delivery> by tracking-token
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            ✓ tracking-token <delivery>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_token_from_another_customer_continues_nothing() {
    check(
        zoe().subject("Re: Delivery CRM: 0001001"),
        world().here("delivery", &delivery()),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from zoe@fabrikam.test = contact Zoë Müller
        to jane@contoso.test = systemuser Jane Doe
        ? tracking-token <delivery>
        ✓ recipient Jane Doe
        ✓ filter
        perhaps it continues <delivery>
    "#]],
    );
}

#[test]
fn a_token_from_a_stranger_is_no_answer() {
    check(
        offer("Eve <eve@stranger.test>").to("ben@contoso.test").subject("Order CRM:0001001"),
        world().here("delivery", &delivery()),
        expect![[r#"
            ignored: no-reply (1)
            ? tracking-token <delivery>
            ✓ recipient Ben Ode
            ? filter
            perhaps it continues <delivery>
        "#]],
    );
}

#[test]
fn of_two_mails_with_a_token_the_most_recent_counts() {
    // Counters wrap.
    check(
        offer("Tom <tom@northwind.test>")
            .to("jane@contoso.test")
            .subject("Re: Delivery CRM:0001001")
            .minutes_later(90),
        world().here("old", &delivery()).here("young", &delivery().minutes_later(60)),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <young> by tracking-token
            joins <old>
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            ✓ tracking-token <young>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn of_two_mails_with_a_token_the_confirmed_one_counts() {
    // Counters wrap: the young mail with this token is Zoë's.
    check(
        offer("Tom <tom@northwind.test>")
            .to("jane@contoso.test")
            .subject("Re: Delivery CRM:0001001")
            .minutes_later(90),
        world()
            .here("delivery", &delivery())
            .here("wrapped", &quote().subject("Quote CRM:0001001").minutes_later(60)),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <delivery> by tracking-token
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            ✓ tracking-token <delivery>
            ? tracking-token <wrapped>
            ✓ recipient Jane Doe
            ✓ filter
            perhaps it continues <wrapped>
        "#]],
    );
}

#[test]
fn a_token_with_a_former_prefix_is_a_token() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").subject("Re: Plan NAV:0004711"),
        world().former_prefix("NAV:").here("plan", &delivery().subject("Plan NAV:0004711")),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <plan> by tracking-token
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            ✓ tracking-token <plan>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_token_with_a_prefix_of_somebody_else_is_a_word() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").subject("Re: Plan NAV:0004711"),
        world().here("plan", &delivery().subject("Plan NAV:0004711")),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_thread_index_confirmed_by_a_participant_continues() {
    check(
        zoe().subject("Quote, once more").thread_index("01d4"),
        world().here("quote", &quote().thread_index("01d4")),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <quote> by conversation-index
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ conversation-index <quote>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_thread_index_without_a_participant_continues_nothing() {
    check(
        eve().thread_index("01d4"),
        world().here("quote", &quote().thread_index("01d4")),
        expect![[r#"
        stored: accept-all (6), incoming, for Cleo Adams
        from eve@stranger.test = nobody
        to jane@contoso.test = systemuser Jane Doe
        cc cleo@contoso.test = systemuser Cleo Adams
        ? conversation-index <quote>
        ✓ recipient Cleo Adams
        ✓ filter
        perhaps it continues <quote>
    "#]],
    );
}

#[test]
fn another_queue_beats_a_thread_index() {
    check(
        offer("Zoë <zoe@fabrikam.test>").to("sales@contoso.test").thread_index("01d4"),
        world().here("question", &question().thread_index("01d4")),
        expect![[r#"
            stored: known-sender (5), incoming, for Sales
            from zoe@fabrikam.test = contact Zoë Müller
            to sales@contoso.test = queue Sales
            ? conversation-index <question>
            ✓ recipient Sales
            ✓ filter
            perhaps it continues <question>
        "#]],
    );
}

#[test]
fn a_token_comes_before_a_thread_index() {
    check(
        offer("Tom <tom@northwind.test>")
            .to("jane@contoso.test")
            .cc("zoe@fabrikam.test")
            .subject("Re: Delivery CRM:0001001")
            .thread_index("01d4"),
        world().here("quote", &quote().thread_index("01d4")).here("delivery", &delivery()),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <delivery> by tracking-token
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            cc zoe@fabrikam.test = contact Zoë Müller
            ✓ tracking-token <delivery>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_question_that_comes_after_its_answer_joins_it() {
    // Ben keeps answers only; a mail that is answered here belongs to CRM mail.
    check(
        offer("Zoë <zoe@fabrikam.test>").to("ben@contoso.test").id("asked").subject("A question"),
        world().here(
            "answer",
            &offer("Ben <ben@contoso.test>")
                .to("zoe@fabrikam.test")
                .subject("Re: A question")
                .answers("asked")
                .text("Yes"),
        ),
        expect![[r#"
            stored: reply (2), incoming, for Ben Ode
            joins <answer>
            from zoe@fabrikam.test = contact Zoë Müller
            to ben@contoso.test = systemuser Ben Ode
            ✓ answered <answer>
            ✓ recipient Ben Ode
            ✓ filter
        "#]],
    );
}

#[test]
fn an_answer_of_a_stranger_does_not_draw_a_mail_in() {
    check(
        offer("Zoë <zoe@fabrikam.test>").to("ben@contoso.test").id("asked").subject("A question"),
        world().here(
            "answer",
            &offer("Eve <eve@stranger.test>")
                .to("cleo@contoso.test")
                .subject("Re: A question")
                .answers("asked")
                .text("Yes"),
        ),
        expect![[r#"
            ignored: no-reply (1)
            ✓ recipient Ben Ode
            ? filter
        "#]],
    );
}

#[test]
fn two_answers_to_a_mail_that_never_came_are_one_conversation() {
    check(
        zoe().subject("Re: Minutes").answers("lost"),
        world().here("first", &zoe().subject("Re: Minutes").answers("lost").text("Fine")),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            joins <first>
            from zoe@fabrikam.test = contact Zoë Müller
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn two_mails_that_name_a_lost_one_under_two_subjects_are_two_conversations() {
    check(
        zoe().subject("Summer party").refers_to("lost"),
        world().here("first", &zoe().subject("Re: Minutes").answers("lost").text("Fine")),
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
fn a_mail_that_names_itself_continues_nothing() {
    check(
        zoe().subject("Quote for 12 units").id("self").answers("self").refers_to("self"),
        world(),
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
fn a_colleague_takes_a_conversation_to_a_queue() {
    // Only we are on it, and that is proven: Jane was on the quote.
    check(
        offer("Jane <jane@contoso.test>")
            .to("sales@contoso.test")
            .subject("Fwd: Quote for 12 units")
            .answers("quote"),
        world().proven().here("quote", &quote()),
        expect![[r#"
            stored: reply (2), incoming, for Sales
            continues <quote> by in-reply-to
            from jane@contoso.test = systemuser Jane Doe
            to sales@contoso.test = queue Sales
            ✓ in-reply-to <quote>
            ✓ recipient Sales
            ✓ filter
        "#]],
    );
}

#[test]
fn a_forged_colleague_with_a_guessed_token_continues_nothing() {
    // Tokens count up, so anybody can guess one; From proves nothing here, so nobody confirms it.
    check(
        offer("Jane <jane@contoso.test>").to("support@contoso.test").subject("Delivery CRM:0001001"),
        world().here("delivery", &delivery()),
        expect![[r#"
            stored: accept-all (6), incoming and unproven, for Support
            from jane@contoso.test = systemuser Jane Doe
            to support@contoso.test = queue Support
            ? tracking-token <delivery>
            ✓ recipient Support
            ✓ filter
            perhaps it continues <delivery>
        "#]],
    );
}

#[test]
fn a_forged_colleague_is_not_kept_as_an_answer() {
    check(
        offer("Jane <jane@contoso.test>").to("sales@contoso.test").subject("Delivery CRM:0001001"),
        world().here("delivery", &delivery()),
        expect![[r#"
            ignored: unknown-sender (1)
            ? tracking-token <delivery>
            ✓ recipient Sales
            ? filter
            perhaps it continues <delivery>
        "#]],
    );
}

#[test]
fn a_record_that_is_only_perhaps_meant_confirms_nothing() {
    // Three records share Pat's address, and the token is that of a mail to one of them at another address.
    check(
        offer("Pat <pat@shared.test>").to("jane@contoso.test").subject("Order CRM:0001001"),
        world().customer(Entity::Account, "Shared Desk Ltd <desk@shared.test>").here(
            "desk",
            &offer("Jane <jane@contoso.test>").to("desk@shared.test").subject("Desks CRM:0001001"),
        ),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from pat@shared.test = one of
              1 contact Pat Lee
              2 account Shared Desk Ltd
              3 lead Pat Lee-Jones
            to jane@contoso.test = systemuser Jane Doe
            ? tracking-token <desk>
            ✓ recipient Jane Doe
            ✓ filter
            perhaps it continues <desk>
        "#]],
    );
}

#[test]
fn an_address_of_several_records_confirms_as_an_address() {
    check(
        offer("Pat <pat@shared.test>").to("jane@contoso.test").subject("Order CRM:0001001"),
        world().here(
            "order",
            &offer("Jane <jane@contoso.test>").to("pat@shared.test").subject("Order CRM:0001001").text("One"),
        ),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <order> by tracking-token
            from pat@shared.test = one of
              1 contact Pat Lee
              2 account Shared Desk Ltd
              3 lead Pat Lee-Jones
            to jane@contoso.test = systemuser Jane Doe
            ✓ tracking-token <order>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}
