//! Templates: kept, found by owner and language, filled with a record, taken along.

use crm::CrmError;
use crm::outbox::Draft;
use crm::records::import::{self, Columns, Customers, Row};
use crm::templates::{self, NewTemplate, Over, Rendered, Source, Wish};
use model::decision::{Entity, RecordRef};
use model::{Id, language};

use crate::house::{House, address};

fn welcome() -> NewTemplate {
    NewTemplate {
        title: "Welcome".to_owned(),
        language: language::ANY,
        kind: None,
        owner: None,
        source: Source {
            subject: "Welcome, {!contact:firstname;contact:fullname;Customer}".to_owned(),
            html: Some("<p>Dear {{ contact.fullname }}, yours, {{ sender.fullname }}</p>".to_owned()),
            text: None,
        },
    }
}

fn in_language(tag: &str, subject: &str) -> NewTemplate {
    let source = Source { subject: subject.to_owned(), ..welcome().source };
    NewTemplate { language: language::code(tag).unwrap(), source, ..welcome() }
}

async fn add(house: &House, new: NewTemplate) -> Result<Id, CrmError> {
    templates::add_template(&house.organization, new, house.moment()).await
}

fn zoe(house: &House) -> RecordRef {
    let rows = house.organization.read(|read| read.addresses("zoe@fabrikam.test")).unwrap();
    RecordRef { entity: Entity::Contact, id: rows[0].objectid }
}

fn made(house: &House, language: Option<&str>, user: Option<Id>) -> Result<Rendered, CrmError> {
    let jane = address("jane@contoso.test");
    let wish = Wish {
        title: "Welcome",
        language: language.map(|tag| language::code(tag).unwrap()),
        user,
        regarding: Some(zoe(house)),
        sender: Some(&jane),
    };
    templates::instantiate_template(&house.organization, &wish)
}

#[tokio::test]
async fn a_template_is_filled_with_a_record_and_its_sender() {
    let house = House::new().await;
    assert!(matches!(made(&house, None, None), Err(CrmError::NotFound { .. })));
    add(&house, welcome()).await.unwrap();
    let mail = made(&house, None, None).unwrap();
    assert_eq!(mail.subject, "Welcome, Zoë Müller");
    assert_eq!(mail.html.as_deref(), Some("<p>Dear Zoë Müller, yours, Jane Doe</p>"));
    let [missing] = mail.missing.as_slice() else { panic!("{:?}", mail.missing) };
    assert_eq!(
        missing.to_string(),
        "contact.firstname of Zoë Müller is empty; “Zoë Müller” stands instead (subject)"
    );
    assert!(matches!(add(&house, welcome()).await, Err(CrmError::Taken { .. })));
}

#[tokio::test]
async fn the_language_and_the_owner_decide_which_one_it_is() {
    let house = House::new().await;
    add(&house, in_language("de", "Willkommen")).await.unwrap();
    add(&house, in_language("fr-CA", "Bienvenue")).await.unwrap();
    let subject = |language: Option<&str>, user: Option<Id>| made(&house, language, user).unwrap().subject;
    assert_eq!(subject(Some("en"), None), "Willkommen", "the only other way would be none");
    add(&house, in_language("any", "Welcome")).await.unwrap();
    assert_eq!(subject(Some("de"), None), "Willkommen");
    assert_eq!(subject(Some("de-CH"), None), "Willkommen");
    assert_eq!(subject(Some("fr"), None), "Bienvenue");
    assert_eq!(subject(Some("en"), None), "Welcome");
    assert_eq!(subject(None, None), "Welcome");
    let own = NewTemplate { owner: Some(house.jane), ..in_language("any", "Hi there") };
    add(&house, own).await.unwrap();
    assert_eq!(subject(None, Some(house.jane)), "Hi there");
    assert_eq!(subject(None, Some(house.ben)), "Welcome", "Jane's is hers");

    let german = ("Welcome".to_owned(), None, language::code("de"));
    templates::remove_template(&house.organization, german, house.moment()).await.unwrap();
    assert_eq!(subject(Some("de"), None), "Welcome");
    let all = ("Welcome".to_owned(), None, None);
    templates::remove_template(&house.organization, all.clone(), house.moment()).await.unwrap();
    assert!(made(&house, None, None).is_err());
    assert_eq!(subject(None, Some(house.jane)), "Hi there");
    let again = templates::remove_template(&house.organization, all, house.moment()).await;
    assert!(matches!(again, Err(CrmError::NotFound { .. })));
}

#[tokio::test]
async fn what_cannot_be_rendered_is_not_kept() {
    let house = House::new().await;
    let with = |subject: &str| in_language("any", subject);
    let refused = async |new: NewTemplate| add(&house, new).await.unwrap_err().to_string();
    assert_eq!(
        refused(with("Dear {{ contact.nickname }}")).await,
        "the template “Welcome”: subject, line 1, column 9: there is no field “contact.nickname”"
    );
    assert!(refused(with("{% for x in range(2) %}")).await.contains("line 1"));
    assert!(refused(NewTemplate { title: " ".to_owned(), ..welcome() }).await.contains("title"));
    assert!(refused(NewTemplate { kind: Some(Entity::Queue), ..welcome() }).await.contains("for accounts"));
    let empty = Source { html: None, ..welcome().source };
    assert!(refused(NewTemplate { source: empty, ..welcome() }).await.contains("neither HTML nor text"));
    add(&house, welcome()).await.unwrap();
    let known = || {
        let row = house.organization.read(|read| read.templates_titled("Welcome")).unwrap().remove(0);
        (row.templateid, row.modifiedon)
    };
    let broken = templates::change_template(&house.organization, known(), with("{{"), house.moment()).await;
    assert!(broken.is_err());
    assert_eq!(
        made(&house, None, None).unwrap().subject,
        "Welcome, Zoë Müller",
        "the one before is there still"
    );
    let set = templates::change_template(&house.organization, known(), with("Hello"), house.moment()).await;
    assert!(set.unwrap());
    assert_eq!(made(&house, None, None).unwrap().subject, "Hello");
}

#[tokio::test]
async fn of_two_who_change_a_template_at_the_same_time_one_is_told() {
    let house = House::new().await;
    let id = add(&house, welcome()).await.unwrap();
    let of = |id: Id| house.organization.read(|read| read.template(id)).unwrap().unwrap();
    let seen = of(id).modifiedon;
    let change = |subject: &str, moment| {
        let new = NewTemplate { source: in_language("any", subject).source, ..welcome() };
        templates::change_template(&house.organization, (id, seen), new, moment)
    };
    // Both saw the same one.
    let (mine, yours) =
        tokio::join!(change("Mine", house.moment_after(1)), change("Yours", house.moment_after(2)));
    let (mine, yours) = (mine.unwrap(), yours.unwrap());
    assert!(mine != yours, "one of them is kept: {mine} {yours}");
    assert_eq!(of(id).subject, if mine { "Mine" } else { "Yours" });
    templates::remove_template(
        &house.organization,
        ("Welcome".to_owned(), None, None),
        house.moment_after(3),
    )
    .await
    .unwrap();
    assert!(matches!(change("Mine", house.moment_after(4)).await, Err(CrmError::NotFound { .. })));
}

#[tokio::test]
async fn a_template_for_leads_is_not_for_people() {
    let house = House::new().await;
    add(&house, NewTemplate { kind: Some(Entity::Lead), ..welcome() }).await.unwrap();
    let refused = made(&house, None, None).unwrap_err().to_string();
    assert_eq!(refused, "the template “Welcome” is for another kind of record: lead");
}

#[tokio::test]
async fn the_company_of_a_person_is_known_and_the_author_of_an_e_mail() {
    let house = House::new().await;
    let row = |columns: &[&str], cells: &[&str], customers: Customers| {
        let heading: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
        let columns = Columns::read(customers, &heading).unwrap();
        let cells = cells.iter().map(|cell| (*cell).to_owned()).collect();
        (columns, vec![Row { line: 2, cells }])
    };
    for (columns, rows) in [
        row(&["name"], &["Northwind & Co"], Customers::Accounts),
        row(
            &["fullname", "emailaddress1", "Company"],
            &["Tom", "tom@northwind.test", "Northwind & Co"],
            Customers::Contacts,
        ),
    ] {
        let done = import::import(&house.organization, &columns, rows, house.moment()).await.unwrap();
        assert_eq!(done.faults, vec![]);
    }
    let mail = "Message-ID: <q@northwind.test>\nFrom: tom@northwind.test\nTo: support@contoso.test\n\
                Subject: {{ sender.fullname }}\nDate: Fri, 6 Mar 2026 11:00:00 +0100\n\nHelp!\n";
    let email = house.store(house.to_support(mail)).await;
    let source = Source {
        subject: "Re: {{ email.subject }}".to_owned(),
        html: None,
        text: Some(
            "{{ contact.fullname }} of {{ account.name }}, {{ record.name }}, {{ email.senton }}".to_owned(),
        ),
    };
    add(&house, NewTemplate { source, ..welcome() }).await.unwrap();
    let record = house.organization.read(|read| templates::record_of(read, email)).unwrap();
    assert_eq!(record, Some(RecordRef { entity: Entity::Email, id: email }));
    let wish = Wish { title: "Welcome", language: None, user: None, regarding: record, sender: None };
    let made = templates::instantiate_template(&house.organization, &wish).unwrap();
    assert_eq!(made.subject, "Re: {{ sender.fullname }}");
    assert_eq!(made.text.as_deref(), Some("Tom of Northwind & Co, {{ sender.fullname }}, 2026-03-06"));
    let nobody = Some(RecordRef { entity: Entity::Contact, id: Id([7; 16]) });
    let none = templates::instantiate_template(&house.organization, &Wish { regarding: nobody, ..wish });
    assert!(matches!(none, Err(CrmError::NotFound { .. })));
}

#[tokio::test]
async fn a_mail_is_sent_that_is_made_of_a_template() {
    let house = crate::outbox::house().await;
    add(&house, welcome()).await.unwrap();
    let mut draft = Draft::by(address("jane@contoso.test"));
    draft.about.regarding = Some(zoe(&house));
    let ids = || (house.moment().id(), house.moment());
    let sent =
        templates::send_from_template(&house.organization, ("Welcome", draft.clone()), ids()).await.unwrap();
    let email = house.email(sent);
    assert_eq!(
        (email.subject.as_str(), email.torecipients.as_str()),
        ("Welcome, Zoë Müller", "zoe@fabrikam.test")
    );
    assert_eq!(email.regardingobjectid, Some(zoe(&house).id));
    assert_eq!(email.preview, "Dear Zoë Müller, yours, Jane Doe");
    let none = templates::send_from_template(&house.organization, ("Nothing", draft), ids()).await;
    assert!(matches!(none, Err(CrmError::NotFound { .. })));
    let nobody = Draft::by(address("jane@contoso.test"));
    let none =
        templates::send_from_template(&house.organization, ("Welcome", nobody), ids()).await.unwrap_err();
    assert_eq!(none.to_string(), "the mail has no recipient");
}

#[tokio::test]
async fn templates_go_to_paper_and_back_and_are_the_same() {
    let house = House::new().await;
    add(&house, welcome()).await.unwrap();
    let german = NewTemplate {
        kind: Some(Entity::Contact),
        ..in_language("de", "Willkommen \"{{ contact.fullname }}\"")
    };
    add(&house, german).await.unwrap();
    let own = Source { subject: "a\tb".to_owned(), html: None, text: Some("x\r\ny\n".to_owned()) };
    add(&house, NewTemplate { owner: Some(house.jane), source: own, ..welcome() }).await.unwrap();
    let paper = templates::write_templates(&house.organization, None).unwrap();
    let all = templates::read_templates(&house.organization, &paper).unwrap();
    assert_eq!(all.len(), 3);

    let other = House::new().await;
    let import = |all| templates::import_templates(&other.organization, (all, Over::Seen), other.moment());
    assert_eq!(import(all.clone()).await.unwrap(), 3);
    let read = || templates::read_templates(&other.organization, &paper).unwrap();
    let rows = || templates::templates(&other.organization).unwrap();
    let before = rows();
    import(read()).await.unwrap();
    assert_eq!(rows(), before, "what is there as it is brought is left alone");
    assert_eq!(templates::write_templates(&other.organization, None).unwrap(), paper, "twice is once");

    let mut wrong = all;
    wrong.iter_mut().for_each(|it| it.new.source.subject = "new".to_owned());
    wrong[2].new.source.text = Some("{{ x }}".to_owned());
    assert!(import(wrong).await.is_err());
    assert_eq!(templates::write_templates(&other.organization, None).unwrap(), paper, "all or none");
    let refused = |json: &str| templates::read_templates(&other.organization, json).unwrap_err().to_string();
    assert!(refused("{}").contains("these are no templates"));
    assert!(refused(&paper.replace("\"de\"", "\"any\"")).contains("is there twice"));
    assert!(refused(&paper.replace("jane@contoso.test", "eve@contoso.test")).contains("the user"));
    assert!(refused(&paper.replace("\"contact\"", "\"opportunity\"")).contains("kind of record"));
}

#[tokio::test]
async fn what_is_brought_takes_the_place_of_what_it_was_made_of_and_of_nothing_else() {
    let house = House::new().await;
    let id = add(&house, welcome()).await.unwrap();
    add(&house, in_language("de", "Willkommen")).await.unwrap();
    let read = |json: &str| templates::read_templates(&house.organization, json).unwrap();
    let import = |all, over| templates::import_templates(&house.organization, (all, over), house.moment());
    let subjects = || {
        let rows = templates::templates(&house.organization).unwrap();
        rows.into_iter().map(|row| row.subject).collect::<Vec<_>>()
    };
    let paper = templates::write_templates(&house.organization, None).unwrap();
    let edited = |paper: &str| {
        let mut all = read(paper);
        all.iter_mut().for_each(|brought| brought.new.source.subject.push('!'));
        all
    };
    assert_eq!(import(edited(&paper), Over::Seen).await.unwrap(), 2);
    assert!(subjects().iter().all(|subject| subject.ends_with('!')), "{:?}", subjects());

    // Somebody writes on a page; what was exported before does not take that away, nor the one beside it.
    let paper = templates::write_templates(&house.organization, None).unwrap();
    let row = house.organization.read(|read| read.template(id)).unwrap().unwrap();
    let seen = (id, row.modifiedon);
    let new = NewTemplate { source: in_language("any", "By hand").source, ..welcome() };
    assert!(templates::change_template(&house.organization, seen, new, house.moment()).await.unwrap());
    let before = subjects();
    let refused = import(edited(&paper), Over::Seen).await.unwrap_err().to_string();
    assert!(refused.contains("“Welcome” (any)") && !refused.contains("(de)"), "{refused}");
    assert!(refused.contains("--over") && subjects() == before, "{refused}");
    let mut unknown = edited(&templates::write_templates(&house.organization, None).unwrap());
    unknown.iter_mut().for_each(|brought| brought.version = None);
    assert!(import(unknown, Over::Seen).await.is_err(), "what does not say of what it was made");
    assert_eq!(import(edited(&paper), Over::Anything).await.unwrap(), 2);
    assert!(!subjects().contains(&"By hand".to_owned()));
}
