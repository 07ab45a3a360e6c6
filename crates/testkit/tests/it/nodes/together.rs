//! Two nodes at the same moment: what one of them would do alone comes out.

use crm::intake::gather::record_ref;
use model::Id;
use model::outcome::Outcome;
use testkit::missing::or_skip;
use testkit::wait;

use super::{Node, Nodes, mail};

/// Often enough that the two meet in every order that there is.
const ROUNDS: u64 = 200;

#[test]
fn the_same_mail_is_one_email() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        for round in 0..ROUNDS {
            let raw = mail(&format!("same{round}"), &format!("Offer {round}"), "");
            let (one, other) = nodes.at_once(|node| node.take(&raw), |node| node.take(&raw));
            assert_eq!(one.1, other.1, "round {round}: {one:?} {other:?}");
            let mut outcomes = [one.0, other.0];
            outcomes.sort_unstable_by_key(|outcome| *outcome as i32);
            assert_eq!(outcomes, [Outcome::Duplicate, Outcome::Stored], "round {round}");
        }
        assert_eq!(count(&nodes.nodes[0]), i64::try_from(ROUNDS)?);
        nodes.books_are_right();
        Ok(())
    });
}

#[test]
fn a_reply_and_its_original_stand_in_one_conversation() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        for round in 0..ROUNDS {
            let original = mail(&format!("original{round}"), &format!("Offer {round}"), "");
            let reply = mail(
                &format!("reply{round}"),
                &format!("Re: Offer {round}"),
                &format!("In-Reply-To: <original{round}@customer.test>\n"),
            );
            let (one, other) = nodes.at_once(|node| node.take(&original), |node| node.take(&reply));
            let (original, reply) = (nodes.nodes[0].email(one.1), nodes.nodes[0].email(other.1));
            assert_eq!(original.conversationtrackingid, reply.conversationtrackingid, "round {round}");
            assert_eq!(reply.parentactivityid, Some(original.activityid), "round {round}");
        }
        nodes.books_are_right();
        Ok(())
    });
}

#[test]
fn two_replies_to_a_mail_that_is_not_here_stand_in_one_conversation() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        for round in 0..ROUNDS {
            let reply = |name: &str| {
                mail(
                    &format!("{name}{round}"),
                    &format!("Re: Offer {round}"),
                    &format!("In-Reply-To: <elsewhere{round}@customer.test>\n"),
                )
            };
            let (first, second) = (reply("first"), reply("second"));
            let (one, other) = nodes.at_once(|node| node.take(&first), |node| node.take(&second));
            assert_eq!(conversation(&nodes, one.1), conversation(&nodes, other.1), "round {round}");
        }
        nodes.books_are_right();
        Ok(())
    });
}

#[test]
fn mails_under_one_thread_index_stand_in_one_conversation() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        for round in 0..ROUNDS {
            let mail = |name: &str| {
                // 22 bytes in base64: one byte, five of time, sixteen that name the conversation.
                let index = format!("AdNLX{round:025}==").replace(' ', "A");
                let header = format!("Thread-Index: {index}\n");
                mail(&format!("{name}{round}"), &format!("Offer {round}"), &header)
                    .replace("09:15:00", if name == "first" { "09:15:01" } else { "09:15:02" })
            };
            let (first, second) = (mail("first"), mail("second"));
            let (one, other) = nodes.at_once(|node| node.take(&first), |node| node.take(&second));
            assert!(nodes.nodes[0].email(one.1).conversationindex.is_some(), "the sample has no index");
            assert_eq!(conversation(&nodes, one.1), conversation(&nodes, other.1), "round {round}");
        }
        nodes.books_are_right();
        Ok(())
    });
}

/// One node brings two conversations together, the other adds a mail to one of them by a mail that the first one never
/// looks at.
#[test]
fn a_mail_is_not_left_behind_by_its_conversation() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        let named = |ids: &[&str], round: u64| {
            let ids: Vec<String> = ids.iter().map(|id| format!("<{id}{round}@customer.test>")).collect();
            format!("References: {}\n", ids.join(" "))
        };
        for round in 0..ROUNDS {
            let subject = format!("Re: Offer {round}");
            let there =
                |id: &str, more: &str| nodes.nodes[0].take(&mail(&format!("{id}{round}"), &subject, more)).1;
            let ones = there("one", "");
            let others = [there("other", ""), there("leaf", &named(&["other"], round))];
            assert_eq!(conversation(&nodes, others[0]), conversation(&nodes, others[1]));
            assert_ne!(conversation(&nodes, ones), conversation(&nodes, others[0]));

            let bridge = mail(&format!("bridge{round}"), &subject, &named(&["one", "other"], round));
            let late = mail(&format!("late{round}"), &subject, &named(&["leaf"], round));
            let (bridge, late) = nodes.at_once(|node| node.take(&bridge), |node| node.take(&late));
            let all = [ones, others[0], others[1], bridge.1, late.1];
            let found = all.map(|id| conversation(&nodes, id));
            assert!(found.iter().all(|id| *id == found[0]), "round {round}: {found:?}");
        }
        nodes.books_are_right();
        Ok(())
    });
}

/// The same in the order that would split them: the late mail has looked, and stands still before it is written.
#[test]
fn conversations_are_joined_between_look_and_commit() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        let [first, second] = nodes.nodes.as_slice() else { anyhow::bail!("two nodes") };
        let subject = "Re: Offer";
        let there = |id: &str, more: &str| first.take(&mail(id, subject, more)).1;
        let (one, other) = (there("one", ""), there("other", ""));
        let leaf = there("leaf", "References: <other@customer.test>\n");
        let late = mail("late", subject, "References: <leaf@customer.test>\n");
        let bridge = mail("bridge", subject, "References: <one@customer.test> <other@customer.test>\n");

        let held = nodes.blocked("late")?;
        let (late, bridge) = std::thread::scope(|scope| {
            let late = scope.spawn(|| second.take(&late));
            nodes.until_waiting(1)?;
            let bridge = scope.spawn(|| first.take(&bridge));
            wait::until("the bridge", || (bridge.is_finished() || nodes.waiting() == Some(2)).then_some(()))?;
            held.run("rollback")?;
            anyhow::Ok((late.join().unwrap().1, bridge.join().unwrap().1))
        })?;
        let found = [one, other, leaf, late, bridge].map(|id| conversation(&nodes, id));
        assert!(found.iter().all(|id| *id == found[0]), "{found:?}");
        nodes.books_are_right();
        Ok(())
    });
}

#[test]
fn a_contact_is_added_while_its_mail_arrives() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        for round in 0..ROUNDS {
            let from = format!("zoe{round}@customer.test");
            let raw = mail(&format!("mail{round}"), &format!("Offer {round}"), "")
                .replace("zoe@customer.test", &from);
            let (added, taken) = nodes.at_once(|node| node.contact(&from), |node| node.take(&raw));
            added?;
            nodes.nodes[usize::try_from(round % 2)?].run_jobs();
            let parties = nodes.nodes[0].organization.read(|read| read.parties(taken.1))?;
            let sender = parties.iter().find(|party| party.participationtypemask == 1).unwrap();
            let record = record_ref(sender.partyobjecttypecode, sender.partyid);
            assert!(record.is_some(), "round {round}: the mail of {from} stands on no timeline");
        }
        nodes.books_are_right();
        Ok(())
    });
}

#[test]
fn contacts_are_added_at_two_nodes_while_mail_pours_in() {
    or_skip(|| {
        let nodes = Nodes::start(3)?;
        let import = |node: &Node, name: &str| {
            (0..40)
                .map(|number| node.contact(&format!("{name}{number}@customer.test")))
                .filter(Result::is_err)
                .count()
        };
        let faults = std::thread::scope(|scope| {
            let mut writers = Vec::new();
            for thread in 0..8 {
                let node = &nodes.nodes[2];
                writers.push(scope.spawn(move || {
                    (0..60)
                        .filter(|n| node.take_in(&mail(&format!("m{thread}.{n}"), "Offer", "")).is_err())
                        .count()
                }));
            }
            let (one, other) = nodes.at_once(|node| import(node, "one"), |node| import(node, "other"));
            let refused: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
            [one, other, refused]
        });
        assert_eq!(faults, [0, 0, 0]);
        nodes.books_are_right();
        Ok(())
    });
}

fn conversation(nodes: &Nodes, id: Id) -> Id {
    nodes.nodes[0].email(id).conversationtrackingid
}

fn count(node: &Node) -> i64 {
    node.organization.read(|read| read.email_count()).unwrap()
}
