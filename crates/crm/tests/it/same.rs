//! Same mail? Whoever calls two mails one loses a mail; whoever calls one mail two doubles it.

use expect_test::expect;

use crate::{Offered, check, offer, world};

/// A mail from Zoë to Jane.
fn visit() -> Offered {
    offer("Zoë <zoe@fabrikam.test>").to("jane@contoso.test").subject("Visit on Thursday")
}

/// A scanner's mail: one attachment and no text.
fn scan() -> Offered {
    offer("Scanner <zoe@fabrikam.test>").to("jane@contoso.test").subject("Scan").text("")
}

#[test]
fn the_copy_in_another_mailbox_is_the_same_mail() {
    check(
        visit().id("visit"),
        world().came_to("Ben Ode").here("visit", &visit()),
        expect![[r#"
        duplicate of <visit> (0)
        ✓ same-mail <visit>
    "#]],
    );
}

#[test]
fn of_two_copies_at_once_the_second_finds_the_claims_of_the_first() {
    check(
        visit().without_id(),
        world().came_to("Jane Doe").here("visit", &visit().without_id()),
        expect![[r#"
            duplicate of <visit> (0)
            ✓ same-mail <visit>
        "#]],
    );
}

#[test]
fn the_same_mail_is_a_duplicate_even_for_one_who_keeps_nothing() {
    // Whose filter it is does not matter any more: the mail is here.
    check(
        visit().id("visit"),
        world().came_to("Nils Berg").here("visit", &visit()),
        expect![[r#"
        duplicate of <visit> (0)
        ✓ same-mail <visit>
    "#]],
    );
}

#[test]
fn the_same_mail_put_in_by_hand_is_here_already() {
    check(
        visit().id("visit"),
        world().by_hand().here("visit", &visit()),
        expect![[r#"
        duplicate of <visit> (0)
        ✓ same-mail <visit>
    "#]],
    );
}

#[test]
fn what_we_sent_comes_back_in_the_copy_of_a_colleague() {
    check(
        offer("Jane <jane@contoso.test>").to("zoe@fabrikam.test").cc("ben@contoso.test").id("sent"),
        world()
            .proven()
            .came_to("Ben Ode")
            .here("sent", &offer("Jane <jane@contoso.test>").to("zoe@fabrikam.test").cc("ben@contoso.test")),
        expect![[r#"
            duplicate of <sent> (0)
            ✓ same-mail <sent>
        "#]],
    );
}

#[test]
fn a_reused_id_under_another_mail_is_another_mail() {
    check(
        offer("Tom <tom@northwind.test>")
            .to("jane@contoso.test")
            .id("visit")
            .minutes_later(5)
            .text("Invoice"),
        world().here("visit", &visit()),
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
fn a_footer_of_a_list_changes_the_text_and_not_the_mail() {
    check(
        visit().id("visit").text("Good morning! -- the list"),
        world().here("visit", &visit()),
        expect![[r#"
            duplicate of <visit> (0)
            ✓ same-mail <visit>
        "#]],
    );
}

#[test]
fn a_footer_and_a_blind_recipient_do_not_change_the_mail() {
    let footer = visit().text("Good morning! -- the list");
    check(
        footer.clone().id("visit").bcc("ben@contoso.test"),
        world().here("visit", &visit()),
        expect![[r#"
            duplicate of <visit> (0)
            ✓ same-mail <visit>
        "#]],
    );
    let blind = |to: &str| offer("Zoë <zoe@fabrikam.test>").bcc(to).subject("Visit on Thursday");
    check(
        blind("ben@contoso.test").id("visit").text("Another matter"),
        world().came_to("Cleo Adams").here("visit", &blind("jane@contoso.test")),
        expect![[r#"
            stored: accept-all (6), incoming, for Cleo Adams
            from zoe@fabrikam.test = contact Zoë Müller
            bcc ben@contoso.test = systemuser Ben Ode
            ✓ recipient Cleo Adams
            ✓ filter
        "#]],
    );
}

#[test]
fn a_date_mended_on_the_way_does_not_make_another_mail() {
    check(
        visit().id("visit").minutes_later(60),
        world().here("visit", &visit()),
        expect![[r#"
        duplicate of <visit> (0)
        ✓ same-mail <visit>
    "#]],
    );
}

#[test]
fn a_from_rewritten_by_a_list_does_not_make_another_mail() {
    check(
        offer("Zoë via list <list@fabrikam.test>").to("jane@contoso.test").id("visit"),
        world().came_to("Cleo Adams").here("visit", &visit()),
        expect![[r#"
            duplicate of <visit> (0)
            ✓ same-mail <visit>
        "#]],
    );
}

#[test]
fn the_same_id_and_sender_alone_are_not_enough() {
    check(
        visit().id("visit").minutes_later(5).text("Another matter"),
        world().here("visit", &visit()),
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
fn the_same_id_and_date_alone_are_not_enough() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").id("visit").text("Another matter"),
        world().here("visit", &visit()),
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
fn the_same_id_and_text_alone_are_not_enough() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").id("visit").minutes_later(5),
        world().here("visit", &visit()),
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
fn a_date_that_both_lack_is_no_agreement() {
    check(
        visit().id("visit").without_date().text("Another matter"),
        world().here("visit", &visit().without_date()),
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
fn of_two_mails_with_one_id_it_is_the_one_that_agrees() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").id("visit").text("Invoice"),
        world()
            .here("visit", &visit())
            .here("invoice", &offer("Tom <tom@northwind.test>").id("visit").text("Invoice")),
        expect![[r#"
            duplicate of <invoice> (0)
            ✓ same-mail <invoice>
        "#]],
    );
}

#[test]
fn ids_that_differ_in_the_case_of_their_left_side_are_two() {
    check(
        visit().id("Visit"),
        world().here("visit", &visit()),
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
fn letter_case_of_an_address_says_nothing() {
    check(
        offer("Zoë <Zoe@Fabrikam.TEST>").to("jane@contoso.test").id("visit").text("With a footer"),
        world().here("visit", &visit()),
        expect![[r#"
            duplicate of <visit> (0)
            ✓ same-mail <visit>
        "#]],
    );
}

#[test]
fn a_forward_that_lost_the_id_is_the_same_mail() {
    // Gnus drops it when it forwards.
    check(
        visit().without_id(),
        world().here("visit", &visit()),
        expect![[r#"
        duplicate of <visit> (0)
        ✓ same-mail <visit>
    "#]],
    );
}

#[test]
fn the_id_comes_later_than_the_forward_that_lost_it() {
    check(
        visit().id("visit"),
        world().here("visit", &visit().without_id()),
        expect![[r#"
        duplicate of <visit> (0)
        ✓ same-mail <visit>
    "#]],
    );
}

#[test]
fn a_prefix_added_in_the_forward_does_not_hide_the_same_mail() {
    check(
        visit().subject("Fwd: Visit on Thursday").without_id(),
        world().here("visit", &visit()),
        expect![[r#"
            duplicate of <visit> (0)
            ✓ same-mail <visit>
        "#]],
    );
}

#[test]
fn without_id_another_text_is_another_mail() {
    check(
        visit().without_id().text("Another matter"),
        world().here("visit", &visit()),
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
fn without_id_another_second_is_another_mail() {
    check(
        visit().without_id().minutes_later(1),
        world().here("visit", &visit().without_id()),
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
fn without_id_another_subject_is_another_mail() {
    check(
        visit().subject("Visit on Friday").without_id(),
        world().here("visit", &visit()),
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
fn two_ids_are_two_mails_however_alike_they_are() {
    check(
        visit().id("second"),
        world().here("first", &visit()),
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
fn without_id_and_date_the_same_bytes_are_the_same_mail() {
    check(
        visit().without_id().without_date(),
        world().here("visit", &visit().without_id().without_date()),
        expect![[r#"
            duplicate of <visit> (0)
            ✓ same-mail <visit>
        "#]],
    );
}

#[test]
fn without_id_and_date_other_bytes_are_another_mail() {
    check(
        visit().without_id().without_date().text("Good evening!"),
        world().here("visit", &visit().without_id().without_date()),
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
fn a_scanner_that_always_writes_one_id_sends_many_mails() {
    // No text is no evidence: sender and id agree, and that is all.
    check(
        scan().id("scan").minutes_later(5).bytes("page 2"),
        world().here("scan", &scan().bytes("page 1")),
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
fn two_scans_of_one_second_without_ids_are_two_mails() {
    // No text is no evidence: the pages are in the attachment.
    check(
        scan().without_id().bytes("page 2"),
        world().here("scan", &scan().without_id().bytes("page 1")),
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
fn the_same_bytes_without_any_text_are_the_same_mail() {
    check(
        scan().without_id().bytes("page 1"),
        world().here("scan", &scan().without_id().bytes("page 1")),
        expect![[r#"
            duplicate of <scan> (0)
            ✓ same-mail <scan>
        "#]],
    );
}

#[test]
fn by_header_alone_it_is_perhaps_the_same_mail() {
    check(
        visit().id("visit").header_only(),
        world().here("visit", &visit()),
        expect![[r#"
        duplicate of <visit> (0), perhaps
        ✓ same-mail <visit>
    "#]],
    );
}

#[test]
fn by_header_alone_without_id_it_is_perhaps_the_same_mail() {
    // Sender, second and subject agree: the body has to be fetched before anybody refuses it.
    check(
        visit().without_id().header_only(),
        world().came_to("Nils Berg").here("visit", &visit()),
        expect![[r#"
            duplicate of <visit> (0), perhaps
            ✓ same-mail <visit>
        "#]],
    );
}

#[test]
fn by_header_alone_a_reused_id_is_another_mail() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").id("visit").minutes_later(5).header_only(),
        world().here("visit", &visit()),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}
