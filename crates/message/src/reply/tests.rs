use super::*;

fn check(text: &str, expect: &str) {
    assert_eq!(own_text(text), expect, "{text}");
    let lines: usize = blocks(text).iter().map(|block| block.text.split('\n').count()).sum();
    assert_eq!(lines, text.lines().count(), "{text}");
}

#[test]
fn attributions_of_many_languages_begin_a_quotation() {
    for line in [
        "On Mon, Apr 2, 2012 at 6:26 PM, Zoë <zoe@x.test> wrote:",
        "Am 13.12.2017 21:11 schrieb \"Zoë\" <zoe@x.test>:",
        "Am Mo., 2. Apr. 2012 um 18:26 Uhr schrieb Zoë <zoe@x.test>:",
        "Le 29 avr. 2025 à 11:11, Zoë <zoe@x.test> a écrit :",
        "El lun., 2 abr. 2012 a las 18:26, Zoë (<zoe@x.test>) escribió:",
        "Il giorno lun 2 apr 2012 alle ore 18:26 Zoë <zoe@x.test> ha scritto:",
        "Op ma 2 apr. 2012 om 18:26 schreef Zoë <zoe@x.test>:",
        "Em seg., 2 de abr. de 2012 às 18:26, Zoë <zoe@x.test> escreveu:",
        "pon., 2 kwi 2012 o 18:26 Zoë <zoe@x.test> napisał(a):",
        "Den mån 2 apr. 2012 kl 18:26 skrev Zoë <zoe@x.test>:",
        "ma 2. huhtik. 2012 klo 18.26 Zoë (zoe@x.test) kirjoitti:",
        "po 2. 4. 2012 v 18:26 odesílatel Zoë <zoe@x.test> napsal:",
        "2012.04.02. 18:26 keltezéssel, Zoë írta:",
        "пн, 2 апр. 2012 г. в 18:26, Zoë <zoe@x.test>:",
        "2 Nis 2012 Pzt, 18:26 tarihinde Zoë <zoe@x.test> şunu yazdı:",
        "Zoë <zoe@x.test> 于2012年4月2日周一 18:26写道：",
        "On Nov 26, 2013 you wrote:",
        "---- On Wed, 24 Feb 2021 14:02:50 +0530 zoe@x.test wrote ----",
        "On Mon, Apr 2, 2012 at 6:26 PM, Zoë\n<zoe@x.test>\nwrote:",
        "-----Original Message-----",
        "-------- Ursprüngliche Nachricht --------",
        "From: Zoë\nSent: Monday\nTo: Jane\nSubject: Hi",
        "________________________________\nVon: Zoë\nGesendet: Montag\nAn: Jane\nBetreff: Hi",
        "*De :* Zoë\n*Envoyé :* lundi\n*À :* Jane\n*Objet :* Salut",
    ] {
        check(&format!("New.\n\n{line}\nold"), "New.");
        check(&format!("New.\n{line}\n\n> old\n> old"), "New.");
    }
}

#[test]
fn what_only_looks_like_a_quotation_stays() {
    for text in [
        "On the other hand, it could be so.\nOn average it works.",
        "See https://x.test/on-date-someone-wrote-about\nHe wrote:\nnothing",
        "It comes From: our database.\nFrom: is a label.",
        "From: Hamburg\nTo: Berlin\n\nWhich train?",
        "## Key\n----\n1. a\n----\nEnd",
        "2024-01-15 14:30:25\n15.01.2024 14:30\nThese are times.",
        "Sent from my desk, which is easier than from my telephone.",
        "We have:\n-- first\n-- second\nThanks!",
        "See below.\n\n---------- Forwarded message ---------\nWhat I mean.",
    ] {
        check(text, text);
    }
}

#[test]
fn answers_between_and_below_quotations_stay() {
    check("On Dec 15, 2024, at 2:00 PM, Jane wrote:\n> a?\n\nYes.\n\n> b?\n\nNo.", "Yes.\n\nNo.");
    check("> a?\nYes.", "Yes.");
    check("> only\n> this", "");
    check("Yes.\n--\nZoë\n\nOn Dec 15, 2024, at 2:00 PM, Jane wrote:\n> a?\n", "Yes.");
}

#[test]
fn signatures_are_told_by_their_marks() {
    check("Yes.\n-- \nZoë\nContoso", "Yes.");
    check("Yes.\n\nSent from my iPhone", "Yes.");
    check("Ja.\n\nVon meinem iPhone gesendet\n\nAm 13.12.2017 um 21:11 schrieb Z <z@x.test>:\n> a", "Ja.");
    check("Oui.\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n", "Oui.");
    check("Yes.\n\n____________\nlist mailing list\nhttp://x.test/", "Yes.");
    check("Yes.\n\nBest regards,\nZoë", "Yes.\n\nBest regards,\nZoë");
    let long = format!("a\n--\n{}", "line\n".repeat(60));
    check(&long, long.trim());
}

#[test]
fn long_texts_of_nothing_but_beginnings_are_read_once() {
    for piece in [
        ">",
        "> > > >\n",
        "On On On ",
        "On \n",
        "On 1 wrote:",
        "From: a\n",
        "-- \n",
        "____\n",
        "wrote: \n",
        "写道",
    ] {
        let text = piece.repeat((1 << 20) / piece.len());
        assert!(!blocks(&text).is_empty());
    }
}
