//! Commits whose end nobody heard of, and readers beside transactions that end late.

use std::sync::mpsc::channel;

use model::decision::Entity;
use store::{Cursor, Priority};
use testkit::missing::or_skip;
use testkit::proxy::Lost;
use testkit::wait;

use super::{Node, Nodes, mail};

#[test]
fn a_reader_misses_no_event_that_commits_late() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        let [first, second] = nodes.nodes.as_slice() else { anyhow::bail!("two nodes") };
        let mut reader = Reader { node: first, cursor: 0, seen: Vec::new() };
        for round in 0..20 {
            // The first transaction has a number and stands still; the second one comes later and commits.
            let name = format!("late{round}");
            let (blocked, late) = (nodes.blocked(&name)?, mail(&name, &name, ""));
            std::thread::scope(|scope| {
                let late = scope.spawn(|| second.take(&late));
                nodes.until_waiting(1)?;
                let early = format!("early{round}");
                first.take(&mail(&early, &early, ""));
                reader.follow()?;
                blocked.run("rollback")?;
                late.join().unwrap();
                anyhow::Ok(())
            })?;
            wait::until("both events", || {
                reader.follow().ok()?;
                (reader.seen.len() == 2 * (round + 1)).then_some(())
            })?;
        }
        let mut sorted = reader.seen.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(reader.seen, sorted, "an event was seen twice, or behind a later one");
        Ok(())
    });
}

/// Follows the events, as the text index does.
struct Reader<'n> {
    node: &'n Node,
    cursor: i64,
    seen: Vec<i64>,
}

impl Reader<'_> {
    fn follow(&mut self) -> anyhow::Result<()> {
        let eventid = self.cursor;
        let events = self.node.organization.read(|read| {
            let first = read.first_cursor()?;
            read.events_after(Cursor { eventid, ..first }, 100)
        })?;
        let mails =
            events.iter().filter(|event| event.operation == "created" && event.objecttypecode == EMAIL);
        self.seen.extend(mails.map(|event| event.eventid));
        self.cursor = events.last().map_or(self.cursor, |event| event.eventid);
        Ok(())
    }
}

const EMAIL: i32 = Entity::Email as i32;

#[test]
fn a_commit_whose_answer_is_lost_is_answered_as_kept() {
    or_skip(|| {
        let nodes = Nodes::start(1)?;
        let node = &nodes.nodes[0];
        for round in 0..20 {
            let name = format!("setting {round}");
            node.set("before", "kept")?;
            node.proxy.lose_commit(Lost::Answer);
            node.set(&name, "kept")?;
            assert_eq!(node.setting(&name).as_deref(), Some("kept"), "round {round}");
            node.proxy.lose_commit(Lost::Answer);
            let (_, email) = node.take(&mail(&format!("mail{round}"), &format!("Offer {round}"), ""));
            assert_eq!(node.email(email).subject, format!("Offer {round}"));
        }
        assert_eq!(node.proxy.commits_lost(), 40);
        // Each connection had a sheet of the ledger; those that were lost left no gap.
        nodes.books_are_right();
        Ok(())
    });
}

#[test]
fn a_commit_that_did_not_arrive_is_refused_for_now() {
    or_skip(|| {
        let nodes = Nodes::start(1)?;
        let node = &nodes.nodes[0];
        for round in 0..20 {
            let name = format!("setting {round}");
            node.set("before", "kept")?;
            node.proxy.lose_commit(Lost::Question);
            let refused = node.set(&name, "kept").unwrap_err();
            assert!(refused.is_temporary(), "round {round}: {refused}");
            assert_eq!(node.setting(&name), None, "round {round}");
            let raw = mail(&format!("mail{round}"), &format!("Offer {round}"), "");
            node.proxy.lose_commit(Lost::Question);
            assert!(node.take_in(&raw).unwrap_err().is_temporary());
            assert_eq!(node.take(&raw).0, model::outcome::Outcome::Stored, "round {round}");
        }
        nodes.books_are_right();
        Ok(())
    });
}

#[test]
fn a_commit_that_arrives_after_it_was_settled_changes_nothing() {
    or_skip(|| {
        let nodes = Nodes::start(1)?;
        let node = &nodes.nodes[0];
        node.set("before", "kept")?;
        let (reached, reaches) = channel::<()>();
        let (open, opened) = channel::<()>();
        let opened = std::sync::Mutex::new(opened);
        let unit = node.organization.unit(Priority::Intake, move |tx| {
            tx.set_setting("late", "kept")?;
            // By now the transaction stands, and it has asked all that it wants to know.
            if tx.setting("before")?.is_some() {
                let _ = reached.send(());
                let _ = opened.lock().unwrap().recv();
            }
            Ok::<_, store::StoreError>(())
        });
        reaches.recv()?;
        node.proxy.freeze();
        drop(open);
        let refused = unit.wait().unwrap_err();
        assert!(refused.is_temporary(), "{refused}");
        assert_eq!(node.setting("late"), None);
        node.set("after", "kept")?;
        node.proxy.thaw();
        wait::until("the end of the late transaction", || {
            let left = "select count(*) from pg_stat_activity where state like 'idle in transaction%'";
            (nodes.postgres.ask(left).ok()? == "0").then_some(())
        })?;
        assert_eq!((node.setting("late"), node.setting("after").as_deref()), (None, Some("kept")));
        nodes.books_are_right();
        Ok(())
    });
}

#[test]
fn a_copy_that_is_taken_out_is_missed_on_any_sheet() {
    or_skip(|| {
        let nodes = Nodes::start(3)?;
        for round in 0..4 {
            for (number, node) in nodes.nodes.iter().enumerate() {
                node.take(&mail(&format!("mail{round}.{number}"), "Offer", ""));
            }
        }
        let sheets = format!("select count(distinct copynumber >> 32) from {}.copy", nodes.schema()?);
        assert!(nodes.postgres.ask(&sheets)?.parse::<i64>()? >= 3);
        nodes.books_are_right();
        let sheet = format!("select min(copynumber >> 32) from {}.copy", nodes.schema()?);
        let sheet: i64 = nodes.postgres.ask(&sheet)?.parse()?;
        for missing in 1..=2 {
            let taken = format!(
                "delete from {0}.copy where copynumber = (select min(copynumber) from {0}.copy \
                 where copynumber >> 32 = {1})",
                nodes.schema()?,
                sheet + missing - 1
            );
            nodes.postgres.ask(&taken)?;
            let found = nodes.nodes[0].organization.read(|read| read.copies_taken_out())?;
            assert_eq!(found, missing);
        }
        Ok(())
    });
}
