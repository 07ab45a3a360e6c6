//! Replies of four collections with known answers: what is new in each, told from quotes and signatures.
//!
//! Every file has an expectation; those that we read otherwise are named with the reason.

use std::path::Path;

use message::{body, reply};

/// What is expected of the new text of a file.
enum Expect {
    /// The paragraph that most files of one collection begin with, and nothing else.
    Lorem,
    /// These words begin it, these end it.
    Words(&'static str, &'static str),
    /// It begins with the first and does not contain the second.
    Without(&'static str, &'static str),
}

use Expect::{Lorem, Without, Words};

#[test]
fn crisp_replies_are_told_apart() {
    let folder = "crisp-email-reply-parser/test/fixtures";
    let expected = [
        ("correct_sig", Words("this is an email", "signature.")),
        ("sig_no_empty_line", Words("this is an email", "above.")),
        ("email_19", Without("On Thursday, I get", "Was this caching")),
        ("email_2", Without("Hi,", "Hi folks")),
        ("email_2_1", Without("Outlook with a reply", "Sent: ")),
        ("email_3", Words("Oh thanks.", "-Abhishek Kona")),
        ("email_4", Words("Awesome!", "with it.")),
        ("email_5", Words("One: Here", "")),
        ("email_6", Without("I get proper", "Was this caching")),
        ("email_1", Words("Hi folks", "-Abhishek Kona")),
        ("email_blackberry", Words("Here is another email", "Here is another email")),
        ("email_bullets", Words("test 2", "- and another")),
        ("email_custom_quote_header", Words("Thank you!", "Thank you!")),
        ("email_customer_quote_header_2", Words("Thank you very much.", "Thank you very much.")),
        ("email_customer_quote_header_3", Words("bonjour,", "merci d'avance")),
        ("email_emoji", Words("🎉", "@pandaland")),
        ("email_iphone", Words("Here is another email", "Here is another email")),
        (
            "email_multi_word_sent_from_my_mobile_device",
            Words("Here is another email", "Here is another email"),
        ),
        ("email_not_a_signature", Words("Dear ", "Super Domain Name Manager")),
        ("email_not_a_signature_2", Words("Hello,", "Thanks!")),
        ("email_one_is_not_on", Words("Thank, this", "when I run...")),
        ("email_reply_header", Words("This is the latest reply.", "Stranger")),
        ("email_sent_from", Words("Hi it can happen", "words or paragraphs.")),
        ("email_sent_from_my_not_signature", Words("Here is another email", "mobile phone.")),
        ("email_thread", Words("This is new email", "from bellow.")),
        ("email_unquoted_reply", Words("This is my reply.", "This is my reply.")),
        ("email_with_regards", Words("Hi,", "Can you help?")),
        ("email_zoho", Words("What is the best way", "running a test?")),
        ("email_tricky_1_on_false_positive", Words("On the surface", "is great.")),
        ("email_tricky_2_url_with_wrote", Words("Hi there,", "John")),
        ("email_tricky_3_code_block", Words("Here's the code", "actual signatures.")),
        ("email_tricky_4_from_in_body", Words("I need to parse", "message content.")),
        ("email_tricky_6_regards_in_sentence", Words("I wanted to discuss", "should be visible.")),
        ("email_tricky_7_multiple_dashes", Words("Here is my analysis:", "in my content.")),
        ("email_tricky_8_sent_from_in_content", Words("The notification was", "the main server.")),
        ("email_tricky_9_nested_quotes", Words("I agree with", "points below.")),
        ("email_tricky_11_double_signature", Words("Thanks for your help!", "John")),
        ("email_tricky_13_timestamp_variations", Words("Here are different", "not quote headers.")),
        ("email_tricky_16_unicode_signatures", Words("Thanks for the update!", "")),
        ("email_tricky_17_forward_header", Words("See the forwarded message below.", "")),
        ("email_tricky_18_inline_reply", Without("I think option A", "option B?\nWhat")),
        ("email_tricky_19_quote_without_header", Without("I wanted to respond", "angle brackets")),
        ("email_tricky_20_html_entities", Words("The data should be", "handled correctly.")),
    ];
    compare(folder, &expected, &CRISP_OTHERWISE, 81);
}

const CRISP_OTHERWISE: [(&str, &str); 5] = [
    ("email_15", "behind the line of a telephone stands text that nothing marks as quoted: it stays"),
    ("email_german_3", "the same"),
    ("email_with_regards", "a closing formula and a name stay: nothing marks them as a signature"),
    ("email_7", "a quoted line was broken, and its end has no mark: it could be an answer, so it stays"),
    ("email_8", "the same"),
];

#[test]
fn github_and_zapier_replies_are_told_apart() {
    let expected = || {
        [
            ("email_1_1", Without("Hi folks", "riak-users mailing list")),
            ("email_1_2", Without("Hi,", "Hi folks")),
            ("email_1_3", Words("Oh thanks.", "-Abhishek Kona")),
            ("email_1_4", Words("Awesome!", "with it.")),
            ("email_1_5", Words("One: Here", "")),
            ("email_1_6", Without("I get proper", "Was this caching")),
            ("email_1_7", Without(":+1:", "Steps 0-2")),
            ("email_BlackBerry", Words("Here is another email", "Here is another email")),
            ("email_iPhone", Words("Here is another email", "Here is another email")),
            ("email_multi_word_sent_from_my_mobile_device", Words("Here is another", "another email")),
            ("email_sent_from_my_not_signature", Words("Here is another email", "mobile phone.")),
            ("email_bullets", Words("test 2", "- and another")),
            ("email_one_is_not_on", Words("Thank, this", "when I run...")),
            ("correct_sig", Words("this is an email", "signature.")),
            ("greedy_on", Without("On your remote host", "On 9 Jan 2014")),
            ("email_sig_delimiter_in_middle_of_line", Words("Hi there!", "kthxbai")),
            ("email_2_1", Without("Outlook with a reply", "Sent: ")),
            ("email_gmail", Without("This is", "xxx@gmail.com")),
        ]
    };
    compare("github-email-reply-parser/test/emails", &expected(), &[], 17);
    compare("zapier-email-reply-parser/test/emails", &expected(), &[], 17);
}

/// How that paragraph ends.
const LOREM_LAST: &str = "et mollis ligula rutrum quis. Fusce sed odio id arcu varius aliquet nec nec nibh.";

/// Compares all files of a folder that an expectation is known of; surprises fail, and so do too few.
fn compare(folder: &str, expected: &[(&str, Expect)], otherwise: &[(&str, &str)], at_least: usize) {
    let Some(corpus) = super::folder() else { return };
    let path = corpus.join(folder);
    if !path.is_dir() {
        println!("skipped: the corpus has no {folder}");
        return;
    }
    let (mut agreed, mut compared, mut surprises) = (0, 0, Vec::new());
    for file in super::files(&path) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        let begins_with_lorem = text.contains(LOREM_LAST);
        let known = expected.iter().find(|(known, _)| *known == name).map(|(_, expect)| expect);
        let Some(expect) = known.or(begins_with_lorem.then_some(&Lorem)) else { continue };
        let own = reply::own_text(&text);
        let agrees = match expect {
            Lorem => own.starts_with("Fusce bibendum") && own.ends_with(LOREM_LAST),
            Words(first, last) => own.starts_with(first) && own.ends_with(last),
            Without(first, not) => own.starts_with(first) && !own.contains(not),
        };
        compared += 1;
        agreed += usize::from(agrees);
        let is_known = otherwise.iter().any(|(known, _)| *known == name);
        if agrees == is_known {
            surprises.push(format!("{name}: {own:?}"));
        }
    }
    println!("{folder}: {agreed} of {compared} agree");
    assert!(surprises.is_empty() && agreed >= at_least, "{agreed} of {compared}: {surprises:#?}");
}

#[test]
fn talon_replies_are_told_apart() {
    let Some(corpus) = super::folder() else { return };
    let folder = corpus.join("talon/tests/fixtures");
    if !folder.is_dir() {
        println!("skipped: the corpus has no talon");
        return;
    }
    let (mut agreed, mut compared, mut surprises) = (0, 0, Vec::new());
    let mut take = |name: &str, own: String, expect: &str| {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let agrees = words(&own) == words(expect);
        compared += 1;
        agreed += usize::from(agrees);
        if agrees == TALON_OTHERWISE.iter().any(|(known, _)| *known == name) {
            surprises.push(format!("{name}: {own:?}"));
        }
    };
    for file in super::files(&folder.join("standard_replies")) {
        let Some(name) = file.file_name().and_then(|name| name.to_str()).filter(|it| it.ends_with(".eml"))
        else {
            continue;
        };
        let raw = std::fs::read(&file).unwrap();
        let message = message::read(&raw).unwrap();
        let own = reply::of(&message, &message.readable(), 1 << 20);
        take(name, own, "Hello");
    }
    for file in super::files(&folder.join("html_replies")) {
        let html = std::fs::read(&file).unwrap();
        let raw = [b"Content-Type: text/html; charset=utf-8\r\n\r\n", &html[..]].concat();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let message = message::read(&raw).unwrap();
        assert!(!body::shown(&message, &body::ShownOptions::default()).html.is_empty());
        take(&name, reply::of(&message, &message.readable(), 1 << 20), "Hi. I am fine. Thanks, Alex");
    }
    println!("talon: {agreed} of {compared} agree");
    assert!(surprises.is_empty(), "{agreed} of {compared}: {surprises:#?}");
}

const TALON_OTHERWISE: [(&str, &str); 0] = [];

#[test]
fn talon_signatures_are_cut_where_they_are_marked() {
    let Some(corpus) = super::folder() else { return };
    let folder = corpus.join("talon/tests/fixtures/signature/emails/stripped");
    if !folder.is_dir() {
        println!("skipped: the corpus has no signatures of talon");
        return;
    }
    let (mut agreed, mut compared) = (0, 0);
    for file in super::files(&folder).iter().filter(|file| ends_with(file, "_body")) {
        let text = std::fs::read_to_string(file).unwrap();
        let signature = file.to_string_lossy().replace("_body", "_signature");
        let signature = std::fs::read_to_string(signature).unwrap_or_default();
        let own = reply::own_text(&text);
        compared += 1;
        agreed += usize::from(!signature.is_empty() && !own.contains(signature.trim()));
        // Nothing that is no signature may be lost.
        let kept = text.trim().strip_suffix(signature.trim()).unwrap_or(&text).trim();
        assert!(own.starts_with(kept), "{}: {own:?}", file.display());
    }
    println!("talon signatures: {agreed} of {compared} are cut, none with text of the writer's");
}

fn ends_with(path: &Path, ending: &str) -> bool {
    path.to_string_lossy().ends_with(ending)
}
