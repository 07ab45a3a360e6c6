//! Letters that a person writes in a real browser: they arrive by Postfix at Dovecot, with HTML and its text beside it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use crm::outbox::{Draft, Recipient, save_draft};
use model::decision::{Entity, RecordRef};
use model::{EmailAddress, Mailbox, Moment, Timestamp};
use postroom::commands::{AddRelay, OutboxRequest, OutboxRow, Reply, Request};
use serde_json::Value;
use testkit::House;
use testkit::client::{Client, Envelope, Protocol};
use testkit::house::free_ports;
use testkit::missing::or_skip;
use testkit::peers::{Chromium, Dovecot, DovecotSettings, Maildir, NextHop, Postfix};
use testkit::wait;
use testkit::world::World;

use super::house::{SINK, WORLD, ZOE, books_are_whole};

const PASSWORD: &str = "correct horse battery";

/// A house whose mail goes out by this relay, and in it a person at a browser.
struct Story {
    house: House,
    browser: Chromium,
    site: String,
}

impl Story {
    fn begin(folder: &Path, relay: u16) -> Result<Self> {
        Story::begin_in(folder, relay, WORLD)
    }

    fn begin_in(folder: &Path, relay: u16, world: &str) -> Result<Self> {
        let browser = Chromium::start()?;
        let mut settings = free_ports(folder)?;
        settings.web.undo_seconds = 0;
        let house = House::start_in(folder, settings)?;
        let world = World::parse(world)?;
        world.make(|request| house.command(request), |_| Some(PASSWORD.to_owned()))?;
        let relay = AddRelay {
            organization: "example".to_owned(),
            name: "relay".to_owned(),
            kind: postroom::commands::SMTP,
            host: "127.0.0.1".to_owned(),
            port: relay,
            tls: 0,
            authority: None,
            login: None,
            return_domain: None,
        };
        house.command(Request::Outbox(OutboxRequest::AddRelay(relay)))?;
        let site = format!("http://{}", house.web()?);
        let mut story = Story { house, browser, site };
        story.open("/sign-in")?;
        story.type_into("#address", "jane@example.test")?;
        story.type_into("#password", PASSWORD)?;
        story.press("button[type=submit]", "location.pathname === '/'")?;
        Ok(story)
    }

    fn open(&mut self, path: &str) -> Result<()> {
        self.browser.open(&format!("{}{path}", self.site))
    }

    fn type_into(&mut self, field: &str, text: &str) -> Result<()> {
        self.browser.focus(field)?;
        self.browser.write(text)
    }

    /// Presses something, and waits for what comes of it.
    fn press(&mut self, what: &str, expected: &str) -> Result<()> {
        self.browser.until(&format!("document.querySelector({}) !== null", Value::from(what)))?;
        self.browser.press(what)?;
        self.browser.until(&format!("document.readyState === 'complete' && ({expected})"))
    }

    fn rows(&self) -> Vec<OutboxRow> {
        match self.house.command(Request::Outbox(OutboxRequest::List(None))) {
            Ok(Reply::Outbox(rows)) => rows,
            other => panic!("{other:?}"),
        }
    }
}

/// The mail in a mailbox whose source has these words.
fn arrived(mailbox: &Maildir, words: &str) -> Result<String> {
    wait::until(words, || {
        let files = mailbox.inbox().ok()?.into_iter().filter_map(|name| {
            let file = ["new", "cur"].map(|folder| mailbox.path().join(folder).join(&name));
            file.iter().find_map(|file| fs::read_to_string(file).ok())
        });
        files.into_iter().find(|source| source.contains(words))
    })
}

const SENT: &str =
    "location.pathname.startsWith('/emails/') && document.body.innerText.includes('Our offer')";
const WRITING: &str = "document.querySelector('.rich') !== null";

#[test]
fn a_person_writes_in_a_browser_is_answered_and_answers() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let folder = tempfile::TempDir::new()?;
        let mut story = Story::begin(folder.path(), postfix.smtp().port())?;
        offer_from_the_record(&mut story)?;
        let offer = arrived(&customers.mailbox(ZOE), "Subject: Our offer")?;
        ensure!(offer.contains("multipart/alternative") && offer.contains("<b>pallets</b>"), "{offer}");
        let text = message::read(offer.as_bytes())?.text().replace('\u{a0}', " ");
        ensure!(text.contains("Fifty pallets") && offer.contains("text/plain"), "its text beside it: {text}");
        ensure!(!offer.contains("onerror") && !offer.contains("<script"), "{offer}");
        arrived(&customers.mailbox("bob@customer.test"), "Subject: Our offer")?;

        let id = message::read_header(offer.as_bytes())?.message_id.context("a Message-ID")?;
        answer_of_zoe(&story.house, id.as_str())?;
        reply_to_it(&mut story, folder.path())?;
        let reply = arrived(&customers.mailbox(ZOE), "Subject: Re: Our offer")?;
        ensure!(reply.contains("In-Reply-To: <yes@customer.test>"), "{reply}");
        let read = message::read(reply.as_bytes())?;
        ensure!(
            read.text().contains("Thank you, Zo") && read.text().contains("> Yes, fifty."),
            "{}",
            read.text()
        );
        ensure!(read.attachments().iter().any(|file| file.filename == "plan.csv"), "{reply}");

        draft_with_a_picture(&mut story)?;
        let plan = arrived(&customers.mailbox(ZOE), "Subject: A plan")?;
        ensure!(plan.contains("multipart/related") && plan.contains("picture-1.png"), "{plan}");
        ensure!(!plan.contains("data:image") && plan.matches("Content-ID: ").count() == 1, "{plan}");

        // What was pasted was refused by the policy, too, and so are the styles of quotations. No script failed.
        let complaints = story.browser.complaints();
        let is_refusal =
            |words: &String| words.contains("inline event handler") || words.contains("inline style");
        ensure!(complaints.iter().all(is_refusal), "{complaints:?}");
        books_are_whole(&story.house);
        Ok(())
    });
}

#[test]
fn a_draft_that_is_gone_on_with_means_whom_it_meant() {
    or_skip(|| {
        let folder = tempfile::TempDir::new()?;
        let namesake = format!("{{ name = \"Zoë the Second\", address = \"{ZOE}\" }},\n    {{ name = \"Bob");
        let world = WORLD.replacen("{ name = \"Bob", &namesake, 1);
        let mut story = Story::begin_in(folder.path(), wait::free_port()?.port(), &world)?;
        let organization = story.house.organization("example")?;
        let records = organization.read(|read| read.records_by_address(ZOE))?;
        ensure!(records.len() == 2, "{records:?}");
        for (number, meant) in (1..).zip(&records) {
            let address = |text: &str| EmailAddress::parse(text).context("an address");
            let mut draft = Draft::by(address("jane@example.test")?);
            let mailbox = Mailbox { name: None, address: address(ZOE)? };
            draft.who.to = vec![Recipient {
                mailbox,
                record: Some(RecordRef { entity: Entity::Contact, id: meant.id }),
            }];
            let moment = Moment::new(Timestamp(1_795_430_000_000), number);
            let id = story.house.block_on(save_draft(&organization, draft, moment))?;
            story.open(&format!("/write?draft={id}"))?;
            story.browser.until(WRITING)?;
            story.type_into("#subject", "Our offer")?;
            story.press("[value=draft]", "document.body.innerText.includes('draft, kept')")?;
            story.browser.until(WRITING)?;
            story.type_into(".rich", "Fifty?")?;
            story.press("[value=send]", SENT)?;
            let parties = organization.read(|read| read.parties(id))?;
            let zoe = parties.iter().find(|party| party.participationtypemask == 2).context("Zoë")?;
            assert_eq!((zoe.partyid, zoe.isambiguous), (Some(meant.id), None));
        }
        Ok(())
    });
}

#[test]
fn a_template_is_written_in_a_browser_tried_for_a_customer_and_a_letter_is_made_of_it() {
    or_skip(|| {
        let customers = Dovecot::start(DovecotSettings::default())?;
        let postfix = Postfix::start(NextHop::Lmtp(customers.lmtp()))?;
        let folder = tempfile::TempDir::new()?;
        let world = WORLD.replacen(
            "address = \"jane@example.test\"",
            "address = \"jane@example.test\", administrator = true",
            1,
        );
        let mut story = Story::begin_in(folder.path(), postfix.smtp().port(), &world)?;
        let says = |words: &str| format!("document.body.innerText.includes({})", Value::from(words));
        story.open("/templates")?;
        story.press("a[href='/templates/new']", "document.querySelector('#title') !== null")?;
        story.type_into("#title", "Offer")?;
        story.browser.look("document.getElementById('owner').value = 'all'")?;
        story.type_into("#subject", "Our offer for {{ contact.fullname }}")?;
        story.type_into("#html", "<p>Dear {{ contact.nickname }},</p>")?;
        story.press("[value=keep]", &says("there is no field “contact.nickname”"))?;
        ensure!(story.browser.look("document.getElementById('title').value")? == "Offer", "nothing is lost");
        story.browser.look("document.getElementById('html').value = ''")?;
        story.type_into("#html", "<p>Dear <b>{!contact:firstname;contact:fullname;Customer}</b>, {{ account.name or \"fifty\" }}?</p>")?;
        story.type_into("#record", ZOE)?;
        story.press(".find [value=show]", &says("“fifty” stands instead"))?;
        ensure!(story.browser.look(&says("Our offer for Zoë Müller"))? == true);
        look_at(&mut story, "template-written")?;
        story.press("[value=keep]", &says("It is kept."))?;
        look_at(&mut story, "template-kept")?;

        // In another language, changed there, and taken away.
        story.press("a[href^='/templates/new?of=']", "document.querySelector('#title') !== null")?;
        story.browser.look("document.getElementById('language').value = 'de'")?;
        story.browser.look("document.getElementById('subject').value = 'Unser Angebot'")?;
        story.press("[value=keep]", &says("It is kept."))?;
        story.press("a[href$='/edit']", "document.querySelector('#html') !== null")?;
        story.browser.look("document.getElementById('subject').value = 'Ein Angebot'")?;
        story.press("[value=keep]", &says("Ein Angebot"))?;
        story.open("/templates")?;
        story.browser.until("document.querySelectorAll('.template-line').length === 2")?;
        look_at(&mut story, "templates")?;
        story.press(".template-line:last-child", "document.querySelector('.sure summary') !== null")?;
        story.browser.press(".sure summary")?;
        story.press(".sure button", "document.querySelectorAll('.template-line').length === 1")?;

        story.press(".template-line", "document.querySelector('#record') !== null")?;
        story.type_into("#record", ZOE)?;
        story.press(".find button", &says("Write with it"))?;
        story.press(".actions a.main", WRITING)?;
        story.press("[value=send]", SENT)?;
        let offer = arrived(&customers.mailbox(ZOE), "Dear <b>")?;
        ensure!(message::read_header(offer.as_bytes())?.subject == "Our offer for Zoë Müller", "{offer}");
        ensure!(offer.contains("Dear <b>Zoë Müller</b>") || offer.contains("Dear <b>Zo=C3=AB"), "{offer}");
        let complaints = story.browser.complaints();
        ensure!(complaints.is_empty(), "{complaints:?}");
        Ok(())
    });
}

#[test]
fn a_person_with_a_phone_sees_where_he_is_and_loses_no_long_form_and_no_draft_to_another_page() {
    or_skip(|| {
        let folder = tempfile::TempDir::new()?;
        let mut story = Story::begin(folder.path(), wait::free_port()?.port())?;
        bar_says_where_one_is(&mut story)?;
        long_template(&mut story)?;
        large_file(&mut story, folder.path())?;
        let key = two_pages_with_a_draft(&mut story)?;
        ensure!(story.browser.look("document.querySelector('.by-now textarea').value.trim()")? == "Sixty?");
        look_at(&mut story, "draft-changed")?;
        let is_another = format!(
            "document.body.innerText.includes('draft, kept') && document.querySelector('[name=key]').value !== {key}"
        );
        story.press("[value=apart]", &is_another)?;
        story.open("/drafts")?;
        story.browser.until("document.querySelectorAll('.outbox-row').length === 2")?;
        let complaints = story.browser.complaints();
        // That the server found it too large is what is tried here.
        ensure!(complaints.iter().all(|words| words.contains("413")), "{complaints:?}");
        Ok(())
    });
}

/// At the width of a phone one entry is lit: that of the page, or of the page that leads there.
fn bar_says_where_one_is(story: &mut Story) -> Result<()> {
    story.browser.look_like(390, false)?;
    for (path, expected) in [
        ("/", "Today"),
        ("/mail", "Mail"),
        ("/outbox", "Outbox"),
        ("/drafts", "Outbox"),
        ("/templates", "Outbox"),
        ("/templates/new", "Outbox"),
        ("/people", "People"),
        ("/companies", "People"),
        ("/leads", "People"),
        ("/unresolved", "Unresolved"),
    ] {
        story.open(path)?;
        let seen = "[...document.querySelectorAll('.rail .entry')].filter((it) => it.offsetParent !== null)";
        let lit = format!(
            "{seen}.filter((it) => getComputedStyle(it).fontWeight === '600').map((it) => it.querySelector('.label').innerText).join()"
        );
        ensure!(story.browser.look(&lit)? == expected, "{path}: {}", story.browser.look(&lit)?);
        ensure!(story.browser.look(&format!("{seen}.length"))? == 5, "{path}: a bar of five");
    }
    look_at(story, "unresolved-bar")?;
    story.open("/outbox")?;
    look_at(story, "outbox-bar")
}

/// One that is far too long comes back, and the beginning of one beyond all measure: browsers go back to no answer of a form.
fn long_template(story: &mut Story) -> Result<()> {
    let says = |words: &str| format!("document.body.innerText.includes({})", Value::from(words));
    let written = |count: u32| {
        format!(
            "document.getElementById('title').value = 'Long'; document.getElementById('text').value = 'a line\\n'.repeat({count})"
        )
    };
    story.open("/templates/new")?;
    story.browser.look(&written(100_000))?;
    story.press("[value=keep]", &says("it is longer than 262144 bytes"))?;
    ensure!(story.browser.look("document.getElementById('text').value.length")? == 700_000);
    story.browser.look(&written(3_000_000))?;
    story.press("[value=keep]", &says("That is too much for a template"))?;
    ensure!(story.browser.look("document.getElementById('text').value.length > 1000000")? == true);
    story.open("/templates/new")?;
    // Somebody who is not known any more: as much as is read of his comes back.
    story.browser.look(&written(20_000))?;
    story.browser.look("document.querySelector('[name=stamp]').value = ''")?;
    story.browser.forget()?;
    story.press("[value=keep]", &says("only its beginning is below"))?;
    ensure!(story.browser.look("document.getElementById('text').value.length > 30000")? == true);
    look_at(story, "template-cut")?;
    story.open("/sign-in")?;
    story.type_into("#address", "jane@example.test")?;
    story.type_into("#password", PASSWORD)?;
    story.press("button[type=submit]", "location.pathname === '/'")
}

/// A letter with a file that is too large for any mail comes back with its words.
fn large_file(story: &mut Story, folder: &Path) -> Result<()> {
    let file = folder.join("film.mp4");
    fs::File::create(&file)?.set_len(80_000_000)?;
    story.open("/write?to=zoe@customer.test")?;
    story.browser.until(WRITING)?;
    story.type_into(".rich", "See this film")?;
    story.browser.choose("#files", &file)?;
    story.press("[value=send]", "document.body.innerText.includes('choose fewer or smaller files')")?;
    story.browser.until(WRITING)?;
    ensure!(
        story.browser.look("document.querySelector('.rich').innerText.includes('See this film')")? == true
    );
    ensure!(story.rows().is_empty());
    look_at(story, "letter-too-large")
}

/// One draft on two pages, kept on one of them and then on the other; says which draft it is.
fn two_pages_with_a_draft(story: &mut Story) -> Result<Value> {
    story.open("/write?to=zoe@customer.test")?;
    story.browser.until(WRITING)?;
    story.type_into("#subject", "Our offer")?;
    story.press("[value=draft]", "document.body.innerText.includes('draft, kept')")?;
    story.browser.until(WRITING)?;
    // The other page is this very one, whose form a script sends.
    let other = "(async () => { const form = new FormData(document.querySelector('form.write')); form.set('do', 'draft'); \
                 form.set('text', 'Sixty?'); form.set('html', ''); return (await fetch('/write', {method: 'POST', body: form})).status; })()";
    ensure!(story.browser.look(other)? == 200);
    let key = story.browser.look("document.querySelector('[name=key]').value")?;
    story.type_into(".rich", "Seventy?")?;
    story.press("[value=draft]", "document.body.innerText.includes('changed on another page')")?;
    story.browser.until(WRITING)?;
    ensure!(story.browser.look("document.querySelector('.rich').innerText.includes('Seventy?')")? == true);
    Ok(key)
}

/// Pictures of a page in light, dark and at the width of a phone, in the folder `POSTROOM_PICTURES`, where one is named. None is
/// wider than its window.
fn look_at(story: &mut Story, name: &str) -> Result<()> {
    let folder = std::env::var_os("POSTROOM_PICTURES").map(std::path::PathBuf::from);
    for (look, width, is_dark) in [("phone", 390, false), ("dark", 1_280, true), ("light", 1_280, false)] {
        story.browser.look_like(width, is_dark)?;
        let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
        ensure!(story.browser.look(fits)? == true, "{name} is too wide: {look}");
        if let Some(folder) = &folder {
            // What is never in sight is not drawn.
            story.browser.look("document.querySelector('iframe')?.scrollIntoView()")?;
            fs::write(folder.join(format!("{name}-{look}.png")), story.browser.picture()?)?;
        }
    }
    Ok(())
}

/// From the page of a record; a colleague is found while one types, and the form is sent twice.
fn offer_from_the_record(story: &mut Story) -> Result<()> {
    story.open("/people?q=zo")?;
    story.press("a.line", "document.querySelector('.record-write') !== null")?;
    story.press(".record-write", WRITING)?;
    ensure!(story.browser.look("document.getElementById('to').value")? == "Zoë Müller <zoe@customer.test>");
    story.type_into("#cc", "bo")?;
    story.browser.until("document.querySelectorAll('.suggested li').length === 1")?;
    story.browser.key("Enter")?;
    story.browser.until("document.getElementById('cc').value === 'Bob Buyer <bob@customer.test>, '")?;
    story.type_into("#subject", "Our offer")?;
    story.type_into(".rich", "Fifty ")?;
    story.browser.press(".rich-bar button[data-tag=B]")?;
    story.browser.write("pallets")?;
    story.browser.until("document.querySelector('.rich-bar button[data-tag=B]').ariaPressed === 'true'")?;
    story.browser.press(".rich-bar button[data-tag=B]")?;
    story.browser.write("?")?;
    let complaints = story.browser.complaints();
    ensure!(complaints.is_empty(), "{complaints:?}");
    // What is pasted is cleaned before it is a part of the page.
    story.browser.look(
        "(() => { const data = new DataTransfer(); \
         data.setData('text/html', '<img src=x onerror=\"document.title=1\"><script>document.title=1</script><i>Jane</i>'); \
         document.querySelector('.rich').dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})); })()",
    )?;
    story.browser.until("document.querySelector('.rich i') !== null && document.title !== '1'")?;
    ensure!(
        story.browser.look("document.querySelector('.rich img[src], .rich [onerror]') === null")? == true
    );
    // A double click: two forms are on their way, one mail goes out.
    let twice = "(() => { const form = document.querySelector('form.write'), send = form.querySelector('[value=send]'); \
                 form.requestSubmit(send); form.requestSubmit(send); })()";
    story.browser.look(twice)?;
    story.browser.until(SENT)?;
    let row = wait::until("the offer sent", || story.rows().into_iter().find(|row| row.state == "Sent"))?;
    ensure!(story.rows().len() == 1 && row.recipients == 2, "{:?}", story.rows());
    Ok(())
}

fn answer_of_zoe(house: &House, offer: &str) -> Result<()> {
    let answer = format!(
        "From: Zoe <{ZOE}>\r\nTo: jane@example.test\r\nSubject: Re: Our offer\r\nMessage-ID: <yes@customer.test>\r\n\
         In-Reply-To: <{offer}>\r\n\r\nYes, fifty.\r\n"
    );
    let replies =
        Client::connect(house.smtp()?, Protocol::Smtp)?.send(&Envelope::new(ZOE, SINK), answer.as_bytes())?;
    assert_eq!(replies.codes(), [250]);
    Ok(())
}

/// From the page of the e-mail, with a file; sent for later first, and taken back.
fn reply_to_it(story: &mut Story, folder: &Path) -> Result<()> {
    story.open("/mail")?;
    story.press("a.line", "document.querySelector('a[data-key=r]') !== null")?;
    story.press("a[data-key=r]", WRITING)?;
    ensure!(story.browser.look("document.getElementById('to').value")? == "Zoe <zoe@customer.test>");
    ensure!(story.browser.look("document.querySelector('.rich blockquote').innerText")? == "Yes, fifty.");
    story.browser.focus(".rich")?;
    story.browser.write("Thank you, Zoë.")?;
    story.browser.look("document.getElementById('at').value = '2036-11-27T09:30'")?;
    story.press("[value=send]", "document.body.innerText.includes('Undo')")?;
    story.press(".sent button", WRITING)?;
    ensure!(
        story.browser.look("document.querySelector('.rich').innerText.includes('Thank you, Zoë.')")? == true
    );
    ensure!(story.browser.look("document.getElementById('subject').value")? == "Re: Our offer");
    let canceled = story.rows().into_iter().filter(|row| row.state == "Canceled").count();
    assert_eq!(canceled, 1, "it is taken back");
    ensure!(
        story.browser.look("document.getElementById('at').value")? == "2036-11-27T09:30",
        "with its time"
    );
    story.browser.look("document.getElementById('at').value = ''")?;
    let file = folder.join("plan.csv");
    fs::write(&file, "a;b\r\n")?;
    story.browser.choose("#files", &file)?;
    story.press("[value=send]", SENT)
}

/// A dot, as PNG.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A new letter with a picture that is pasted, kept as a draft, opened from the list, and sent from there.
fn draft_with_a_picture(story: &mut Story) -> Result<()> {
    story.open("/write?to=zoe@customer.test")?;
    story.browser.until(WRITING)?;
    story.type_into("#subject", "A plan")?;
    story.type_into(".rich", "See this ")?;
    story.browser.look(&format!(
        "(() => {{ const bytes = Uint8Array.from(atob('{PNG}'), (c) => c.charCodeAt(0)); \
         const data = new DataTransfer(); data.items.add(new File([bytes], 'dot.png', {{type: 'image/png'}})); \
         document.querySelector('.rich').dispatchEvent(new ClipboardEvent('paste', {{clipboardData: data, bubbles: true, cancelable: true}})); }})()"
    ))?;
    let is_there = "document.querySelector('.rich img[src^=\"data:image/png\"]') !== null";
    story.browser.until(is_there)?;
    story.press("[value=draft]", "document.body.innerText.includes('draft, kept')")?;
    story.open("/drafts")?;
    story.press(".outbox-row .actions a.btn", WRITING)?;
    story.browser.until(is_there)?;
    ensure!(story.browser.look("document.getElementById('subject').value")? == "A plan");
    let sent = "location.pathname.startsWith('/emails/') && document.body.innerText.includes('A plan')";
    story.press("[value=send]", sent)?;
    story.open("/drafts")?;
    ensure!(story.browser.look("document.body.innerText.includes('No drafts')")? == true);
    Ok(())
}
