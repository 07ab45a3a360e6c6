//! Templates by the program: kept, shown, tried with a record, taken along.

use crate::program::Place;

fn at<'w>(verb: &'w str, more: &[&'w str]) -> Vec<&'w str> {
    [&["template", verb, "--org", "contoso"], more].concat()
}

#[test]
fn a_template_is_added_tried_and_taken_along() {
    let place = Place::with_contoso();
    place.file("welcome.html", "<p>Dear {!contact:firstname;contact:fullname;Customer},</p>\n");
    place.file("welcome.txt", "Dear {{ contact.fullname }},\n");
    let typed = ["--subject", "Hello {{ contact.fullname }}", "--html", "welcome.html", "Welcome / 1"];
    place.well(&at("add", &typed));
    place.well(&at(
        "add",
        &["--language", "de", "--subject", "Hallo", "--text", "welcome.txt", "Welcome / 1"],
    ));
    assert_eq!(
        place.well(&["template", "list"]),
        "contoso  Welcome / 1  any  any    Hello {{ contact.fullname }}\ncontoso  Welcome / 1  de   any    Hallo\n"
    );
    place.file("wrong.txt", "Dear\n {{ contact.nickname }}\n");
    let wrong = place.run(&at("set", &["--text", "wrong.txt", "Welcome / 1"]));
    assert!(
        wrong.err.contains("text, line 2, column 5: there is no field “contact.nickname”"),
        "{}",
        wrong.err
    );
    place.well(&at("set", &["--for", "contact", "Welcome / 1"]));

    let zoe = "zoe@fabrikam.test";
    let preview = |more: &[&str]| {
        let first = ["template", "preview", "--org", "contoso", "Welcome / 1"];
        place.run(&[&first[..], more].concat())
    };
    let said = preview(&["--regarding", zoe, "--from", "jane@contoso.test"]);
    assert_eq!(said.out, "Subject: Hello Zoë Müller\n\n--- HTML\n<p>Dear Zoë Müller,</p>\n");
    assert!(
        said.err.contains("contact.firstname of Zoë Müller is empty; “Zoë Müller” stands instead"),
        "{}",
        said.err
    );
    let said = preview(&["--regarding", zoe, "--language", "de-AT"]);
    assert_eq!(said.out, "Subject: Hallo\n\n--- Text\nDear Zoë Müller,\n");
    assert!(preview(&["--regarding", "x"]).err.contains("“x” is neither the id"));
    assert!(preview(&["--language", "tlh"]).err.contains("the language “tlh” is not known"));
    assert!(preview(&[]).err.contains("is for another kind of record: contact"));

    sent_and_acknowledged(&place);
    taken_along(&place);
}

fn sent_and_acknowledged(place: &Place) {
    place.add_relay();
    let send = ["send", "--org", "contoso", "--from", "jane@contoso.test", "--template", "Welcome / 1"];
    let refused = place.run(&[&send[..], &["--to", "Zoë <zoe@fabrikam.test>"]].concat());
    assert!(refused.err.contains("is for another kind of record: contact"), "{}", refused.err);
    place.well(&at("set", &["--for", "any", "Welcome / 1"]));
    place.well(&[&send[..], &["--to", "Zoë <zoe@fabrikam.test>"]].concat());
    assert!(place.well(&["outbox", "list"]).contains("Hello"), "{}", place.well(&["outbox", "list"]));

    place.add_support();
    let queue = ["queue", "set", "--org", "contoso", "support@contoso.test"];
    place.well(&[&queue[..], &["--acknowledge", "Welcome / 1"]].concat());
    assert!(
        place
            .well(&["queue", "list", "--org", "contoso"])
            .contains("known-customers  acknowledges: Welcome / 1")
    );
    let nothing = place.run(&[&queue[..], &["--acknowledge", "Nothing"]].concat());
    assert!(nothing.err.contains("the template is not here"), "{}", nothing.err);
    place.well(&[&queue[..], &["--no-acknowledge"]].concat());
    assert!(!place.well(&["queue", "list", "--org", "contoso"]).contains("acknowledges"));
}

fn taken_along(place: &Place) {
    place.well(&at("set", &["--for", "contact", "Welcome / 1"]));
    std::fs::create_dir(place.path("out")).unwrap();
    place.well(&at("export", &["out"]));
    place.well(&at("export", &["all.json"]));
    let names: Vec<_> =
        std::fs::read_dir(place.path("out")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["+welcome %2f 1.json"]);
    place.well(&at("remove", &["Welcome / 1"]));
    assert_eq!(place.well(&["template", "list"]), "");
    assert_eq!(place.well(&at("import", &["out"])), "2 templates\n");
    place.well(&at("export", &["again.json"]));
    let file = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    assert_eq!(file("again.json"), file("all.json"));
    assert_eq!(place.well(&at("import", &["all.json"])), "2 templates\n");
    assert!(
        place
            .well(&at("show", &["--language", "de", "Welcome / 1"]))
            .contains("Dear {{ contact.fullname }},")
    );
    overtaken(place);
}

/// What somebody wrote since an export is not lost by bringing that.
fn overtaken(place: &Place) {
    let file = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    place.file("edited.json", file("all.json").replace("Dear {{", "Hi {{"));
    let de = ["--language", "de", "Welcome / 1"];
    place.well(&at("set", &[&["--subject", "By hand"][..], &de].concat()));
    let refused = place.run(&at("import", &["edited.json"]));
    assert!(refused.err.contains("“Welcome / 1” (de)") && refused.err.contains("--over"), "{}", refused.err);
    assert!(place.well(&at("show", &de)).contains("By hand"));
    place.well(&at("export", &["by-hand.json"]));
    assert_eq!(place.well(&at("import", &["--over", "edited.json"])), "2 templates\n");
    assert!(place.well(&at("show", &de)).contains("Hi {{ contact.fullname }},"));

    let by_hand = file("by-hand.json");
    let (_, version) = by_hand.split_once("By hand").unwrap();
    let version = version.split_once("\"version\": \"").unwrap().1.split('"').next().unwrap();
    let seen = ["--seen", version, "--subject", "By hand once more"];
    let refused = place.run(&at("set", &[&seen[..], &de].concat()));
    assert!(refused.err.contains("somebody has changed the template since"), "{}", refused.err);
    place.well(&at("import", &["--over", "by-hand.json"]));
    place.well(&at("set", &[&seen[..], &de].concat()));
    assert!(place.well(&at("show", &de)).contains("By hand once more"));
}
