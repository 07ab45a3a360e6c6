//! Who is on it? One address is one party; where several records have it, a person says which.

use expect_test::expect;
use model::decision::Entity;

use crate::{Offered, check, offer, world};

fn pat() -> Offered {
    offer("Pat <pat@shared.test>").to("jane@contoso.test")
}

/// Jane's mail to the address that three records share.
fn contract() -> Offered {
    offer("Jane <jane@contoso.test>").to("pat@shared.test").subject("Contract").text("As agreed")
}

fn info() -> Offered {
    offer("Info <info@fabrikam.test>").to("jane@contoso.test")
}

#[test]
fn one_address_on_three_records_is_left_open() {
    // People before companies before leads.
    check(
        pat().cc("tom@northwind.test"),
        world(),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from pat@shared.test = one of
          1 contact Pat Lee
          2 account Shared Desk Ltd
          3 lead Pat Lee-Jones
        to jane@contoso.test = systemuser Jane Doe
        cc tom@northwind.test = contact Tom Reed
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn a_recipient_can_be_ambiguous_too() {
    check(
        offer("Jane <jane@contoso.test>").to("pat@shared.test"),
        world().proven(),
        expect![[r#"
        stored: known-recipient (5), outgoing, for Jane Doe
        from jane@contoso.test = systemuser Jane Doe
        to pat@shared.test = one of
          1 contact Pat Lee
          2 account Shared Desk Ltd
          3 lead Pat Lee-Jones
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn among_equals_the_lately_changed_comes_first() {
    check(
        pat(),
        world().customer(Entity::Contact, "Pat Olsen <pat@shared.test>"),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from pat@shared.test = one of
          1 contact Pat Olsen
          2 contact Pat Lee
          3 account Shared Desk Ltd
          4 lead Pat Lee-Jones
        to jane@contoso.test = systemuser Jane Doe
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn inactive_records_come_last() {
    check(
        pat(),
        world().inactive("Pat Lee"),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from pat@shared.test = one of
          1 account Shared Desk Ltd
          2 lead Pat Lee-Jones
          3 contact Pat Lee
        to jane@contoso.test = systemuser Jane Doe
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn the_only_active_record_is_meant() {
    check(
        pat(),
        world().inactive("Shared Desk Ltd").inactive("Pat Lee-Jones"),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from pat@shared.test = contact Pat Lee
        to jane@contoso.test = systemuser Jane Doe
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn the_only_record_is_meant_though_inactive() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test"),
        world().inactive("Tom Reed"),
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
fn of_inactive_records_none_is_meant() {
    check(
        pat(),
        world().inactive("Pat Lee").inactive("Shared Desk Ltd").inactive("Pat Lee-Jones"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from pat@shared.test = one of
              1 contact Pat Lee
              2 account Shared Desk Ltd
              3 lead Pat Lee-Jones
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_person_who_shares_the_address_of_the_company_wrote_it() {
    check(
        info(),
        world()
            .customer(Entity::Contact, "Ina Falk <info@fabrikam.test>")
            .works_at("Ina Falk", "Fabrikam GmbH"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from info@fabrikam.test = contact Ina Falk
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_person_of_another_company_is_not_sure() {
    check(
        info(),
        world().customer(Entity::Contact, "Ina Falk <info@fabrikam.test>"),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from info@fabrikam.test = one of
          1 contact Ina Falk
          2 account Fabrikam GmbH
        to jane@contoso.test = systemuser Jane Doe
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn two_people_of_the_company_are_not_sure() {
    check(
        info(),
        world()
            .customer(Entity::Contact, "Ina Falk <info@fabrikam.test>")
            .works_at("Ina Falk", "Fabrikam GmbH")
            .customer(Entity::Contact, "Udo Falk <info@fabrikam.test>")
            .works_at("Udo Falk", "Fabrikam GmbH"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from info@fabrikam.test = one of
              1 contact Udo Falk
              2 contact Ina Falk
              3 account Fabrikam GmbH
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_person_with_company_and_lead_is_not_sure() {
    check(
        info(),
        world()
            .customer(Entity::Contact, "Ina Falk <info@fabrikam.test>")
            .works_at("Ina Falk", "Fabrikam GmbH")
            .customer(Entity::Lead, "Info <info@fabrikam.test>"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from info@fabrikam.test = one of
              1 contact Ina Falk
              2 account Fabrikam GmbH
              3 lead Info
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn one_of_us_comes_before_a_contact_of_the_same_address() {
    check(
        offer("Zoë <zoe@fabrikam.test>").to("ben@contoso.test").cc("jane@contoso.test"),
        world().customer(Entity::Contact, "Ben as a contact <ben@contoso.test>"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from zoe@fabrikam.test = contact Zoë Müller
            to ben@contoso.test = systemuser Ben Ode
            cc jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn what_was_settled_earlier_in_the_conversation_holds() {
    check(
        pat().subject("Re: Contract").answers("contract"),
        world().here("contract", &contract()).settled("pat@shared.test", "Pat Lee-Jones"),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <contract> by in-reply-to
            from pat@shared.test = lead Pat Lee-Jones
            to jane@contoso.test = systemuser Jane Doe
            ✓ in-reply-to <contract>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn what_was_settled_elsewhere_does_not_hold() {
    check(
        pat().subject("Another matter"),
        world().here("contract", &contract()).settled("pat@shared.test", "Pat Lee-Jones"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from pat@shared.test = one of
              1 contact Pat Lee
              2 account Shared Desk Ltd
              3 lead Pat Lee-Jones
            to jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn what_was_settled_in_a_doubtful_conversation_does_not_hold() {
    check(
        pat().subject("Another matter").refers_to("contract"),
        world().here("contract", &contract()).settled("pat@shared.test", "Pat Lee-Jones"),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from pat@shared.test = one of
              1 contact Pat Lee
              2 account Shared Desk Ltd
              3 lead Pat Lee-Jones
            to jane@contoso.test = systemuser Jane Doe
            ? references <contract>
            ✓ recipient Jane Doe
            ✓ filter
            perhaps it continues <contract>
        "#]],
    );
}

#[test]
fn what_was_settled_on_a_record_without_the_address_is_open_again() {
    check(
        pat().subject("Re: Contract").answers("contract"),
        world().here("contract", &contract()).settled("pat@shared.test", "Tom Reed"),
        expect![[r#"
            stored: reply (2), incoming, for Jane Doe
            continues <contract> by in-reply-to
            from pat@shared.test = one of
              1 contact Pat Lee
              2 account Shared Desk Ltd
              3 lead Pat Lee-Jones
            to jane@contoso.test = systemuser Jane Doe
            ✓ in-reply-to <contract>
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn every_customer_on_it_is_a_party() {
    check(
        offer("Tom <tom@northwind.test>")
            .to("jane@contoso.test")
            .to("yuki@northwind.test")
            .cc("eve@stranger.test"),
        world(),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from tom@northwind.test = contact Tom Reed
            to jane@contoso.test = systemuser Jane Doe
            to yuki@northwind.test = contact Yuki Tanaka 田中
            cc eve@stranger.test = nobody
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn an_address_in_to_and_cc_is_one_party() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").cc("Jane@Contoso.test"),
        world(),
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
fn who_writes_to_himself_is_on_both_sides() {
    check(
        offer("Tom <tom@northwind.test>").to("tom@northwind.test").cc("jane@contoso.test"),
        world(),
        expect![[r#"
            stored: known-sender (5), incoming, for Jane Doe
            from tom@northwind.test = contact Tom Reed
            to tom@northwind.test = contact Tom Reed
            cc jane@contoso.test = systemuser Jane Doe
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn a_sink_is_no_party() {
    check(
        offer("Tom <tom@northwind.test>").to("jane@contoso.test").cc("crm+k3y@sink.contoso.test"),
        world(),
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
fn a_bcc_left_in_the_header_is_a_party() {
    check(
        offer("Jane <jane@contoso.test>").to("tom@northwind.test").bcc("zoe@fabrikam.test"),
        world().proven(),
        expect![[r#"
            stored: known-recipient (5), outgoing, for Jane Doe
            from jane@contoso.test = systemuser Jane Doe
            to tom@northwind.test = contact Tom Reed
            bcc zoe@fabrikam.test = contact Zoë Müller
            ✓ recipient Jane Doe
            ✓ filter
        "#]],
    );
}

#[test]
fn an_address_outside_ascii_is_an_address() {
    // RFC 6531; letter case says nothing in Greek either.
    check(
        offer("Δήμητρα <ΔΟΚΙΜΉ@Παράδειγμα.test>").to("jane@contoso.test"),
        world(),
        expect![[r#"
        stored: known-sender (5), incoming, for Jane Doe
        from ΔΟΚΙΜΉ@παράδειγμα.test = contact Δήμητρα Παππά
        to jane@contoso.test = systemuser Jane Doe
        ✓ recipient Jane Doe
        ✓ filter
    "#]],
    );
}

#[test]
fn the_name_in_the_mail_says_nothing_about_the_record() {
    check(
        offer("Tom Reed <eve@stranger.test>").to("cleo@contoso.test"),
        world(),
        expect![[r#"
        stored: accept-all (6), incoming, for Cleo Adams
        from eve@stranger.test = nobody
        to cleo@contoso.test = systemuser Cleo Adams
        ✓ recipient Cleo Adams
        ✓ filter
    "#]],
    );
}

#[test]
fn an_address_like_that_of_a_record_is_another() {
    check(
        offer("Zoë <zoe@fabrikam.test.evil.test>").to("cleo@contoso.test"),
        world(),
        expect![[r#"
        stored: accept-all (6), incoming, for Cleo Adams
        from zoe@fabrikam.test.evil.test = nobody
        to cleo@contoso.test = systemuser Cleo Adams
        ✓ recipient Cleo Adams
        ✓ filter
    "#]],
    );
}
