//! Templates as tables: a source and values in, a mail or a fault in words out.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::render::{Source, check, render};
use super::{Fields, Rendered};

fn zoe() -> Fields {
    let mut fields = Fields::default();
    let contact = [("firstname", "Zoë"), ("fullname", "Zoë Müller"), ("emailaddress1", "zoe@fabrikam.test")];
    fields.put(("contact", "Zoë Müller"), contact.map(|(name, value)| (name, value.to_owned())));
    fields.put(("account", "Fabrikam"), [("name", "Fabrikam & Söhne".to_owned())]);
    fields.put(("sender", "Jane Doe"), [("fullname", "Jane Doe".to_owned())]);
    fields.put(("organization", "contoso"), [("name", "contoso".to_owned())]);
    fields
}

fn text(source: &str) -> Source {
    Source { subject: String::new(), html: None, text: Some(source.to_owned()) }
}

fn html(source: &str) -> Source {
    Source { subject: String::new(), html: Some(source.to_owned()), text: None }
}

/// What a text becomes, and what is missing; or what is wrong with it.
fn becomes(source: &str, expect: Expect) {
    expect.assert_eq(&story(render(&text(source), &zoe()), |it| it.text));
}

fn html_becomes(source: &str, expect: Expect) {
    expect.assert_eq(&story(render(&html(source), &zoe()), |it| it.html));
}

fn story(rendered: Result<Rendered, super::Fault>, part: impl Fn(Rendered) -> Option<String>) -> String {
    match rendered {
        Ok(rendered) => {
            let missing: Vec<String> = rendered.missing.iter().map(|it| format!("\n! {it}")).collect();
            format!("{}{}", part(rendered).unwrap_or_default(), missing.concat())
        }
        Err(fault) => format!("✗ {fault}"),
    }
}

fn refused(source: &str, expect: Expect) {
    expect.assert_eq(&check(&text(source)).map_or_else(|fault| fault.to_string(), |()| "nothing".to_owned()));
}

#[test]
fn both_forms_name_the_same_fields() {
    becomes("Dear {{ contact.firstname }},", expect![[r#"Dear Zoë,"#]]);
    becomes("Dear {!contact:firstname;Customer},", expect![[r#"Dear Zoë,"#]]);
    becomes("{!Contact:First Name;} of {!Account:Company Name;}", expect![[r#"Zoë of Fabrikam & Söhne"#]]);
    becomes("{{ sender.fullname }} at {{ organization.name }}", expect![[r#"Jane Doe at contoso"#]]);
    becomes("{!User:Full Name;}", expect![[r#"Jane Doe"#]]);
    becomes("a { b } {c: d} {!important} {!x:y}", expect![[r#"a { b } {c: d} {!important} {!x:y}"#]]);
    becomes(
        "{% raw %}{{ x }} {!contact:firstname;}{% endraw %}",
        expect![[r#"{{ x }} {!contact:firstname;}"#]],
    );
    becomes("{# {{ x }} #}{{ \"}}\" }}{{- ' {% ' -}}  !", expect![[r#"}} {% !"#]]);
}

#[test]
fn what_is_missing_is_told_with_what_stands_instead() {
    becomes(
        "{!contact:lastname;account:name;Customer}",
        expect![[r#"
        Fabrikam & Söhne
        ! contact.lastname of Zoë Müller is empty; “Fabrikam & Söhne” stands instead (text)"#]],
    );
    becomes(
        "{!contact:lastname;lead:fullname;Customer}",
        expect![[r#"
        Customer
        ! contact.lastname of Zoë Müller is empty; “Customer” stands instead (text)
        ! lead.fullname: there is no such record; “Customer” stands instead (text)"#]],
    );
    becomes(
        "[{!contact:lastname;;}]",
        expect![[r#"
        []
        ! contact.lastname of Zoë Müller is empty; nothing stands instead (text)"#]],
    );
    becomes(
        "{{ contact.lastname|default('you') }}",
        expect![[r#"
        you
        ! contact.lastname of Zoë Müller is empty; “you” stands instead (text)"#]],
    );
    // What is asked about first is no surprise.
    becomes(
        "{% if contact.lastname %}{{ contact.lastname }}{% else %}{{ contact.fullname }}{% endif %}",
        expect![[r#"Zoë Müller"#]],
    );
    becomes(
        "{% if lead %}lead{% elif account %}{{ account.name }}{% endif %}",
        expect![[r#"Fabrikam & Söhne"#]],
    );
}

#[test]
fn html_is_escaped_and_cleaned() {
    html_becomes("<p>{{ account.name }}</p>", expect![[r#"<p>Fabrikam &amp; Söhne</p>"#]]);
    html_becomes("<p onclick=x()>Hi<script>1</script></p>", expect![[r#"<p>Hi</p>"#]]);
    html_becomes("{% autoescape false %}{{ '<b>' }}{% endautoescape %}", expect![[r#"&lt;b&gt;"#]]);
    html_becomes("{% set x %}<b>{{ '<i>' }}</b>{% endset %}{{ x }}", expect![[r#"<b>&lt;i&gt;</b>"#]]);
    html_becomes("{{ '<b>'|safe }}", expect![[r#"✗ HTML, line 1, column 10: filter safe is unknown"#]]);
}

#[test]
fn a_fault_is_told_with_its_place() {
    refused(
        "Dear {{ contact.firstnme }}",
        expect![[r#"text, line 1, column 9: there is no field “contact.firstnme”"#]],
    );
    refused(
        "a\n\n  {!contact:nickname;you}",
        expect![[r#"text, line 3, column 3: there is no field “contact:nickname”"#]],
    );
    refused("{{ nobody }}", expect![[r#"text, line 1, column 4: there is no field “nobody”"#]]);
    refused(
        "{{ sender.passwordhash }}",
        expect![[r#"text, line 1, column 4: there is no field “sender.passwordhash”"#]],
    );
    refused(
        "{!contact:firstname;}\n{{ contact.lastname }} {% if %}",
        expect!["text, line 2, column 30: unexpected end of block"],
    );
    refused("{{ contact.firstname|shout }}", expect!["text, line 1, column 22: filter shout is unknown"]);
    refused("{{ contact }}", expect!["text, line 1, column 4: only texts and numbers can be shown"]);
    refused(
        "{% for x in range(9) %}{{ x }}",
        expect!["text, line 1, column 29: unexpected end of input, expected end of block"],
    );
    refused(
        "{% include 'other' %}",
        expect!["text, line 1, column 4: tried to include non-existing template 'other'"],
    );
    refused(
        "{% import '/etc/passwd' as x %}",
        expect!["text, line 1, column 4: tried to include non-existing template '/etc/passwd'"],
    );
    refused("{{ debug() }}", expect!["text, line 1, column 4: there is no field “debug”"]);
}

#[test]
fn what_would_take_too_long_or_too_much_is_refused() {
    let too_much = |source: &str| {
        let fault = render(&text(source), &zoe()).unwrap_err();
        assert!(
            ["too", "recursion", "longer"].iter().any(|word| fault.words.contains(word)),
            "{source:.60}: {fault}"
        );
    };
    too_much("{{ 'x' * 2000000000 }}");
    too_much("{{ 'x' * 9000000 }}");
    too_much(&format!("{{% set x = 'x' * 1000 %}}{}", "{% set x = x ~ x %}".repeat(40)));
    too_much(&format!("{{% set x = 'x' * 1000 %}}{}", "{% set x = x + x %}".repeat(40)));
    too_much(&format!("{{% set x = 'x' %}}{}", "{% set x %}{{ x }}{{ x }}{% endset %}".repeat(40)));
    too_much("{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}");
    too_much("{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}");
    too_much(&format!("{{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000)));
    too_much(&"{% if true %}".repeat(20_000));
    let loops = "{% for a in 'abcdefghij' * 10 %}".repeat(9);
    too_much(&format!("{loops}{}", "{% endfor %}".repeat(9)));
    too_much(&"long ".repeat(60_000));
    too_much(&"{{ 'x' * 60000 }}".repeat(20));
}

/// Lists that hold each other would cost anything where they are written as text, whatever fuel is left.
#[test]
fn there_are_no_lists() {
    for source in [
        "{% set x = [1] %}",
        "{% set x = (1, 2) %}",
        "{% set x = 1, 2 %}",
        "{{ {'a': 1} }}",
        "{{ contact.firstname[0:2] }}",
        "{% if contact.firstname in('Zoë', 'Tom') %}{% endif %}",
        "{# '{{' #}{{ '\\'' ~ [1] }}",
        "{{ 'a' }}{{- [1] }}",
        "{{{} }}",
        "{!x{{ [1] }}}",
        "{%- raw %}{% endraw %}{{ [1] }}",
    ] {
        let fault = check(&text(source)).unwrap_err();
        assert_eq!(fault.words, "a template holds no lists", "{source}: {fault}");
    }
    for source in
        ["{{ range(3) }}", "{{ 'a'|list }}", "{{ 'a b'|split }}", "{{ dict(a=1) }}", "{{ 'a'|batch(1) }}"]
    {
        check(&text(source)).unwrap_err();
    }
    check(&text("[{{ '[,{(' }}], {{ contact.firstname|default('a, b', true) }}")).unwrap();
}

/// What a stranger may have put into a record.
fn values() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\r\nBcc: all@contoso.test\r\n",
        "{{ sender.fullname }}",
        "{% raw %}",
        "{!contact:firstname;}",
        "<script>",
        "</p>",
        "\"",
        "'",
        "<img src=x onerror=y>",
        "&amp;",
        "\u{0}",
        "\u{2028}",
        "}}",
        "%}",
        "#}",
        "Zoë",
        " ",
        "=",
        "`",
        "<!--",
    ]);
    prop::collection::vec(pieces, 0..6).prop_map(|all| all.concat())
}

proptest! {
    #[test]
    fn what_a_record_holds_changes_nothing_around_it(value in values()) {
        let mut fields = zoe();
        fields.put(("contact", &value), [("firstname", value.clone())]);
        let source = Source {
            subject: "Re: {{ contact.firstname }}!".to_owned(),
            html: Some("<p title=\"{{ contact.firstname }}\">Dear <b>{!contact:firstname;}</b></p>".to_owned()),
            text: Some("Dear {{ contact.firstname }},\nthank you.\n".to_owned()),
        };
        let rendered = render(&source, &fields).unwrap();
        let clean: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let clean = clean.trim();
        let one_line = format!("Re: {clean}!").split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(rendered.subject, one_line);
        prop_assert_eq!(rendered.text.unwrap(), format!("Dear {clean},\nthank you."));
        let html = rendered.html.unwrap();
        let tags: Vec<&str> = html.split('<').skip(1).map(|tag| tag.split([' ', '>']).next().unwrap()).collect();
        prop_assert_eq!(tags, ["p", "b", "/b", "/p"]);
        let (first, last) = (html.split("=\"").next().unwrap(), html.split('>').next().unwrap());
        prop_assert_eq!(first, "<p title");
        prop_assert!(last.ends_with('"') && last.matches('"').count() == 2, "{}", last);
    }
}
