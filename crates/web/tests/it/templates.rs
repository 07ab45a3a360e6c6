//! Templates and signatures: what may stand in a letter before a word of it is typed.

use web::Failure;

use crate::site::Site;
use crate::world::HOSTILE;

const OFFER: &str = "019ab100-0000-7000-8000-000000000320";

#[tokio::test]
async fn a_template_is_shown_for_a_record_and_what_was_missing_is_said() {
    let site = Site::signed_in();
    let list = site.get("/templates").await;
    assert!(list.text.contains("Our offer for {{ contact.firstname }}") && list.text.contains("your own"));
    assert!(!list.text.contains(HOSTILE), "{}", list.text);
    let source = site.get(&format!("/templates/{OFFER}")).await;
    assert!(source.text.contains("&lt;p&gt;Dear {{ contact.firstname }}"), "{}", source.text);
    assert!(source.text.contains("Also in") && !source.text.contains("<iframe"));
    let made = site.get(&format!("/templates/{OFFER}?record=zoe@customer.test")).await;
    assert!(made.text.contains("is empty.") && made.text.contains("sandbox=\"\""), "{}", made.text);
    let begin = made.attributes("href").into_iter().find(|link| link.starts_with("/write?about=")).unwrap();
    let form = site.get(&begin).await;
    assert!(
        form.text.contains("Dear Zoë,") && form.text.contains("contact.firstname of Zoë"),
        "{}",
        form.text
    );
    let nobody = site.get(&format!("/templates/{OFFER}?record={}", "%3Cscript%3E")).await;
    assert!(nobody.text.contains("Nobody here has “&lt;script"), "{}", nobody.text);
    assert_eq!(site.get("/templates/019ab100-0000-7000-8000-0000000fffff").await.status, 404);
    let none = Site::in_world(|world| world.is_empty = true);
    assert!(none.get("/templates").await.text.contains("No templates"));
    assert!(!none.get("/write").await.text.contains("value=\"fill\""), "there is nothing to choose");
}

#[tokio::test]
async fn a_letter_is_filled_and_what_stood_there_stays() {
    let site = Site::signed_in();
    let typed = |to| {
        vec![
            ("to", to),
            ("text", "Fifty pallets?"),
            ("at", "2036-11-27T09:30"),
            ("key", "key-7"),
            ("receipt", "yes"),
            ("template", OFFER),
            ("do", "fill"),
        ]
    };
    let filled = site.press("/write", &typed("zoe@customer.test")).await;
    for words in [
        "Dear Zoë,\n\nFifty pallets?",
        "Our offer for {{ contact.firstname }}",
        "2036-11-27T09:30",
        "is empty.",
    ] {
        assert!(filled.text.contains(words), "{words} is not in {}", filled.text);
    }
    assert!(
        filled.text.contains("value=\"key-7\"")
            && filled.text.contains("name=\"receipt\" value=\"yes\" checked")
    );
    assert!(filled.text.contains(&format!("value=\"{OFFER}\" selected")));
    let refused = site.press("/write", &typed("")).await;
    assert!(
        refused.text.contains("is for another kind of record") && refused.text.contains("Fifty pallets?")
    );
    let mut none = typed("a@b.test");
    none.retain(|(name, _)| *name != "template");
    assert!(site.press("/write", &none).await.text.contains(">\nFifty pallets?<"), "nothing was chosen");
}

#[tokio::test]
async fn a_template_is_written_shown_and_kept_and_what_was_typed_stays() {
    let site = Site::of_administrator();
    let page = site.get(&format!("/templates/{OFFER}")).await;
    assert!(page.text.contains(&format!("href=\"/templates/{OFFER}/edit\"")) && page.text.contains("Remove"));
    let form = site.get(&format!("/templates/{OFFER}/edit")).await;
    assert!(
        form.text.contains("Our offer for {{ contact.firstname }}") && !form.text.contains("id=\"title\"")
    );
    assert!(!form.text.contains(HOSTILE), "{}", form.text);
    let new = site.get("/templates/new").await;
    for field in ["id=\"title\"", "id=\"language\"", "id=\"owner\"", "<option value=\"de-AT\">"] {
        assert!(new.text.contains(field), "{field} is not in {}", new.text);
    }
    assert!(!Site::signed_in().get("/templates/new").await.text.contains("id=\"owner\""));
    assert_eq!(Site::signed_in().get(&format!("/templates/{OFFER}/edit")).await.status, 404);

    let typed = "title=Thanks&language=de&kind=contact&owner=own&subject=Danke%2C+%7B%7B+contact.firstname+%7D%7D\
        &html=%3Cp%3EDanke%3C%2Fp%3E&text=Danke&record=zoe%40customer.test";
    let shown = site.post("/templates/new", &format!("{typed}&do=show")).await;
    for words in
        ["Danke, {{ contact.firstname }}", "contact.firstname is empty.", "sandbox=\"\"", "Zoë Müller"]
    {
        assert!(shown.text.contains(words), "{words} is not in {}", shown.text);
    }
    assert!(shown.text.contains("<option value=\"de\" selected>") && shown.text.contains("value=\"Thanks\""));
    let kept = site.post("/templates/new", &format!("{typed}&do=keep")).await;
    assert_eq!(
        (kept.status.as_u16(), kept.header("location")),
        (303, "/templates/019ab100-0000-7000-8000-000000000320?kept=1")
    );
    let refused = site.post("/templates/new", "title=Thanks&subject=nonsense&do=keep").await;
    assert!(
        refused.text.contains("It was not kept: it has neither HTML nor text.")
            && refused.text.contains("nonsense")
    );
    let noted = site.post("/templates/new", "title=Thanks&subject=nonsense&text=x&do=show").await;
    assert!(noted.text.contains("is no field") && !noted.text.contains("<iframe"), "{}", noted.text);

    // Somebody else was faster: it is said once, and then what was typed counts.
    let path = format!("/templates/{OFFER}/edit");
    let late = site.post(&path, "subject=Mine&text=Mine&version=1&do=keep").await;
    assert!(late.text.contains("somebody has changed it") && late.text.contains("value=\"Mine\""));
    assert!(late.text.contains("name=\"version\" value=\"2\""));
    assert_eq!(site.post(&path, "subject=Mine&text=Mine&version=2&do=keep").await.status, 303);
    assert_eq!(site.post(&format!("/templates/{OFFER}/remove"), "").await.header("location"), "/templates");
}

#[tokio::test]
async fn a_template_is_not_lost_with_a_session_or_a_busy_house() {
    let typed = "title=Thanks&subject=Thank+you&html=%3Cp%3EThank+you+so+much%3C%2Fp%3E&do=keep";
    let kept = Site::stranger().post("/templates/new", typed).await;
    assert_eq!((kept.status.as_u16(), kept.heading()), (403, "You were signed out"));
    assert!(
        kept.text.contains("&lt;p&gt;Thank you so much") && kept.text.contains("value=\"Thanks\""),
        "{}",
        kept.text
    );
    let large = format!("html={}", "x".repeat(100_000));
    let cut = Site::stranger().post("/templates/new", &large).await;
    assert_eq!((cut.status.as_u16(), cut.heading()), (413, "You were signed out"));
    assert!(cut.text.contains("only its beginning") && cut.text.contains("xxxx</textarea>"));
    assert!(!cut.text.contains("Go on writing"), "half of it does not take the place of the whole");
    // Whoever is known gets back what is far too long; beyond all measure he is told what fits, and by which way to go on.
    let site = Site::signed_in();
    let long = site.post("/templates/new", &format!("html={}", "%C3%A4".repeat(400_000))).await;
    assert!(long.status == 200 && long.text.contains("ää</textarea>"), "{}", long.status);
    let huge = format!("html={}", "x".repeat(13_000_000));
    let huge = site.post(&format!("/templates/{OFFER}/edit"), &huge).await;
    assert_eq!((huge.status.as_u16(), huge.heading()), (413, "That is too much for a template"));
    assert!(huge.text.contains("xxxx</textarea>") && !huge.text.contains("Go on writing"));
    assert!(huge.attributes("href").contains(&format!("/templates/{OFFER}/edit")));
    // A long one by somebody who was signed in when the form was given to him.
    let site = Site::signed_in();
    let form = site.get("/templates/new").await;
    let at = form.text.find("name=\"stamp\" value=\"").unwrap();
    assert!(form.text.find("name=\"version\"").unwrap() > at, "browsers send the fields in their order");
    let stamp = form.text[at..].split('"').nth(3).unwrap();
    let long = format!("title=Thanks&html={}&text=the+end&do=keep", "%C3%A4".repeat(30_000));
    let kept = site.signed_out().post("/templates/new", &format!("stamp={stamp}&{long}")).await;
    assert_eq!((kept.status.as_u16(), kept.heading()), (403, "You were signed out"));
    assert!(kept.text.contains("ää") && kept.text.contains("the end") && kept.text.contains(stamp));
    for stamp in ["", "1.2", &format!("9{stamp}")] {
        let long = format!("stamp={stamp}&{long}");
        let cut = site.signed_out().post("/templates/new", &long).await;
        assert!(cut.status == 413 && cut.text.contains("ää") && !cut.text.contains("the end"), "{stamp}");
        assert!(cut.text.contains("name=\"stamp\" value=\"\""), "it proved nothing");
    }
    let forged = Site::stranger().post(&format!("/templates/{OFFER}/remove"), "").await;
    assert_eq!(forged.status, 303, "to sign in");
}

#[tokio::test]
async fn a_template_that_is_taken_away_while_it_is_written_goes_on_as_a_new_one() {
    let typed = "title=Thanks&language=de&owner=all&subject=Danke&text=Vielen+Dank&version=7";
    for verb in ["keep", "show"] {
        let site = Site::failing(Failure::NotFound);
        let gone = site.post(&format!("/templates/{OFFER}/edit"), &format!("{typed}&do={verb}")).await;
        assert_eq!((gone.status.as_u16(), gone.heading()), (404, "It is not here for you any more"));
        assert_eq!(gone.attributes("action"), ["/templates/new"]);
        for words in [
            "name=\"title\" value=\"Thanks\"",
            "name=\"language\" value=\"de\"",
            "name=\"owner\" value=\"own\"",
            "name=\"version\" value=\"\"",
            "Vielen Dank",
        ] {
            assert!(gone.text.contains(words), "{words} is not in {}", gone.text);
        }
    }
}

#[tokio::test]
async fn a_signature_is_kept_and_shown_again_where_it_is_not() {
    let site = Site::signed_in();
    assert!(site.get("/signature").await.text.contains("Jane Doe\nFabrikam Pallets</textarea>"));
    let kept = site.post("/signature", "text=Jane%0D%0ADoe&html=%3Cb%3EJane%3C%2Fb%3E").await;
    assert_eq!(kept.header("location"), "/signature?kept=1");
    let page = site.get("/signature?kept=1").await;
    assert!(page.text.contains("It is kept.") && page.text.contains("Jane\nDoe<"), "{}", page.text);
    assert!(page.text.contains("data-html=\"&lt;b&gt;Jane"), "{}", page.text);
    let long = site.post("/signature", &format!("text={}", "x".repeat(2_000))).await;
    assert!(long.text.contains("It was not kept: a signature") && long.text.contains("xxxx</textarea>"));
    assert_eq!(
        Site::stranger().post("/signature", "text=x").await.header("location"),
        "/sign-in?to=/signature"
    );
}
