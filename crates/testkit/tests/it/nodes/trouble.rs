//! The server or the way to it fails: units are refused for now and nothing of them is kept, or they are kept; and
//! afterwards everything goes on by itself.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use model::limits;
use store::{Priority, StoreError};
use testkit::missing::or_skip;
use testkit::peers::{PostgresSettings, Stop};
use testkit::proxy::Way;
use testkit::wait;

use super::{Node, Nodes, mail};

/// A unit waits for the answer to its last question, then it is asked what became of its commit.
const ANSWERED_WITHIN: Duration = Duration::from_secs(
    limits::DATABASE_ANSWER_SECONDS_MAX
        + limits::COMMIT_SETTLE_SECONDS_MAX
        + 2 * limits::DATABASE_CONNECT_SECONDS_MAX,
);

/// Keeps a setting and looks whether the answer is true.
fn answer_is_true(node: &Node, name: &str) -> Result<(), StoreError> {
    let began = Instant::now();
    let answer = node.set(name, "kept");
    assert!(began.elapsed() < ANSWERED_WITHIN, "{name} took {:?}", began.elapsed());
    assert!(answer.as_ref().err().is_none_or(StoreError::is_temporary), "{name}: {answer:?}");
    answer
}

#[test]
fn units_that_change_rows_crosswise_are_kept() {
    or_skip(|| {
        let nodes = Nodes::start(2)?;
        for name in ["a", "b"] {
            nodes.nodes[0].set(name, "0")?;
        }
        let crosswise = |node: &Node, [one, other]: [&'static str; 2], value: u32| {
            let unit = node.organization.unit(Priority::Intake, move |tx| {
                tx.set_setting(one, &value.to_string())?;
                tx.set_setting(other, &value.to_string())
            });
            unit.wait()
        };
        for round in 0..20 {
            let (one, other) = nodes.at_once(
                |node| crosswise(node, ["a", "b"], 2 * round),
                |node| crosswise(node, ["b", "a"], 2 * round + 1),
            );
            assert!(one.is_ok() && other.is_ok(), "round {round}: {one:?} {other:?}");
            assert_eq!(nodes.nodes[0].setting("a"), nodes.nodes[0].setting("b"), "round {round}");
        }
        Ok(())
    });
}

#[test]
fn a_statement_that_fails_leaves_its_neighbors() {
    or_skip(|| {
        let nodes = Nodes::start(1)?;
        let node = &nodes.nodes[0];
        node.set("held", "0")?;
        // Longer than anybody waits for a lock.
        let session = nodes.session(&format!(
            "set search_path = {}; begin; update setting set value = '1' where name = 'held'",
            nodes.schema()?
        ))?;
        let units: Vec<_> = ["one", "held", "other"]
            .map(|name| node.organization.unit(Priority::Intake, move |tx| tx.set_setting(name, "kept")))
            .into();
        let began = Instant::now();
        let answers: Vec<_> = units.into_iter().map(|unit| unit.wait()).collect();
        assert!(began.elapsed() < ANSWERED_WITHIN, "{:?}", began.elapsed());
        let [one, held, other] = answers.as_slice() else { anyhow::bail!("{answers:?}") };
        assert!(one.is_ok() && other.is_ok(), "{answers:?}");
        assert!(held.as_ref().is_err_and(StoreError::is_temporary), "{answers:?}");
        session.run("rollback")?;
        node.set("held", "kept")?;
        Ok(())
    });
}

#[test]
fn a_server_that_restarts_is_found_again() {
    or_skip(|| {
        let mut nodes = Nodes::start(2)?;
        for (round, how) in [Stop::Fast, Stop::Immediate, Stop::Killed].into_iter().enumerate() {
            let name = |what: &str| format!("{what} {round}");
            answer_is_true(&nodes.nodes[0], &name("before"))?;
            nodes.postgres.stop(how)?;
            let refused = answer_is_true(&nodes.nodes[0], &name("while"));
            assert!(refused.is_err(), "there was no server");
            nodes.postgres.start_again()?;
            // Connections that rested have died: nobody is refused for that.
            answer_is_true(&nodes.nodes[0], &name("after"))?;
            answer_is_true(&nodes.nodes[1], &name("after, elsewhere"))?;
            let found = ["before", "while", "after", "after, elsewhere"]
                .map(|what| nodes.nodes[1].setting(&name(what)).is_some());
            assert_eq!(found, [true, false, true, true]);
        }
        Ok(())
    });
}

#[test]
fn a_standby_refuses_for_now_and_takes_over_when_it_is_promoted() {
    or_skip(|| {
        let mut nodes = Nodes::start(1)?;
        let second = nodes.postgres.replica("second")?;
        nodes.postgres.commits_wait_for(Some("second"))?;
        answer_is_true(&nodes.nodes[0], "before")?;
        nodes.nodes[0].proxy.lead_to(second.address());
        nodes.nodes[0].proxy.cut();
        for _ in 0..3 {
            assert!(answer_is_true(&nodes.nodes[0], "while").is_err(), "it only reads");
        }
        nodes.postgres.stop(Stop::Killed)?;
        second.promote()?;
        let node = &nodes.nodes[0];
        wait::until("a server that writes", || answer_is_true(node, "after").ok())?;
        let found = ["before", "while", "after"].map(|name| node.setting(name).is_some());
        assert_eq!(found, [true, false, true]);
        Ok(())
    });
}

#[test]
fn a_server_without_room_for_connections_is_busy() {
    or_skip(|| {
        let settings =
            PostgresSettings { is_synced: false, connections_max: 24, ..PostgresSettings::default() };
        let nodes = Nodes::start_on(1, settings)?;
        let node = &nodes.nodes[0];
        // Of a server whose connections are all taken by others, those of ours that died are not replaced.
        nodes.session("alter role postgres connection limit 100")?;
        let mut others = Vec::new();
        while let Ok(session) = nodes.session("select 1") {
            others.push(session);
        }
        // One of ours that ends late, or begins again meanwhile, may have its place yet.
        wait::until("a refusal", || {
            node.proxy.cut();
            while let Ok(session) = nodes.session("select 1") {
                others.push(session);
            }
            answer_is_true(node, "while").err().map(drop)
        })?;
        drop(others);
        wait::until("room", || answer_is_true(node, "after").ok())?;
        Ok(())
    });
}

#[test]
fn a_user_who_is_shut_out_is_refused_for_now() {
    or_skip(|| {
        let nodes = Nodes::start(1)?;
        let node = &nodes.nodes[0];
        let before = node.take(&mail("before", "Offer", ""));
        // As where somebody changes a password at the server and forgets the nodes.
        let session = nodes.session("alter role postgres nologin")?;
        session.run(
            "select pg_terminate_backend(pid) from pg_stat_activity
            where pid <> pg_backend_pid() and backend_type = 'client backend'",
        )?;
        let put_off = mail("while", "Offer", "");
        let Err(error) = node.take_in(&put_off) else { anyhow::bail!("nobody was let in") };
        assert!(error.is_temporary(), "{error}");
        session.run("alter role postgres login")?;
        wait::until("the server letting it in", || node.take_in(&put_off).ok())?;
        assert_eq!(node.email(before.1).subject, "Offer");
        assert_eq!(node.organization.read(|read| read.email_count())?, 2);
        nodes.books_are_right();
        Ok(())
    });
}

/// The network fails at each place of a unit's way.
#[test]
fn a_network_that_is_cut_anywhere_makes_no_answer_untrue() {
    or_skip(|| {
        let nodes = Nodes::start(1)?;
        let node = &nodes.nodes[0];
        let mut refused = 0;
        for round in 0..120 {
            let _ = node.set("warm", "kept");
            let before = node.proxy.traffic().statements;
            let name = format!("setting {round}");
            let answer = thread::scope(|scope| {
                let unit = scope.spawn(|| answer_is_true(node, &name));
                // It has some statements; where it comes to its end before, the cut meets whoever rests.
                while node.proxy.traffic().statements < before + round % 8 && !unit.is_finished() {
                    thread::yield_now();
                }
                node.proxy.cut();
                unit.join().unwrap()
            });
            assert_eq!(
                nodes.postgres.ask(&is_kept(&nodes, &name)?)?,
                u8::from(answer.is_ok()).to_string(),
                "{name}"
            );
            refused += u32::from(answer.is_err());
        }
        assert!(refused > 0, "no cut met a unit");
        node.set("after", "kept")?;
        Ok(())
    });
}

#[test]
fn many_nodes_change_one_row() {
    or_skip(|| {
        let nodes = Nodes::start(6)?;
        for round in 0..20 {
            let ready = Barrier::new(nodes.nodes.len());
            let answers: Vec<_> = thread::scope(|scope| {
                let set = |node| {
                    let ready = &ready;
                    scope.spawn(move || {
                        ready.wait();
                        answer_is_true(node, &format!("setting {round}"))
                    })
                };
                let all: Vec<_> = nodes.nodes.iter().map(set).collect();
                all.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert!(answers.iter().all(Result::is_ok), "round {round}: {answers:?}");
        }
        Ok(())
    });
}

/// The network is silent, for longer than anybody waits, at each place of a unit's way.
#[test]
fn a_network_that_is_silent_is_noticed() {
    or_skip(|| {
        let nodes = Nodes::start(6)?;
        let ready = Barrier::new(nodes.nodes.len());
        thread::scope(|scope| {
            for (place, node) in (0u64..).zip(&nodes.nodes) {
                let (nodes, ready) = (&nodes, &ready);
                scope.spawn(move || {
                    node.set("warm", "kept").unwrap();
                    let (way, name) =
                        (if place % 2 == 0 { Way::Swallow } else { Way::Stall }, format!("setting {place}"));
                    ready.wait();
                    let before = node.proxy.traffic().statements;
                    let answer = thread::scope(|scope| {
                        let unit = scope.spawn(|| answer_is_true(node, &name));
                        while node.proxy.traffic().statements < before + place / 2 * 3 && !unit.is_finished()
                        {
                            thread::yield_now();
                        }
                        node.proxy.set(way).unwrap();
                        let answer = unit.join().unwrap();
                        node.proxy.set(Way::Carry).unwrap();
                        answer
                    });
                    let is_there = nodes.postgres.ask(&is_kept(nodes, &name).unwrap()).unwrap() == "1";
                    // Where nothing could be learned for so long, a commit may have been kept and refused.
                    assert!(is_there || answer.is_err(), "{name}: {answer:?}");
                    wait::until("its end", || node.set("after", "kept").ok()).unwrap();
                });
            }
        });
        nodes.books_are_right();
        Ok(())
    });
}

fn is_kept(nodes: &Nodes, name: &str) -> anyhow::Result<String> {
    Ok(format!("select count(*) from {}.setting where name = '{name}'", nodes.schema()?))
}

/// A server whose disk is full refuses, and goes on when there is room again.
#[test]
fn a_server_whose_disk_is_full_refuses_for_now() {
    or_skip(|| {
        let Some(disk) = super::disk::SmallDisk::mount(64)? else { return Ok(()) };
        let settings =
            PostgresSettings { folder: Some(disk.path().to_owned()), ..PostgresSettings::default() };
        let nodes = Nodes::start_on(1, settings)?;
        let node = &nodes.nodes[0];
        let before = node.take(&mail("before", "Offer", ""));
        let filled = disk.fill()?;
        let big =
            |number: u64| mail(&format!("big{number}"), "Offer", "").replace("It is", &super::noise(number));
        let mut kept = Vec::new();
        let refused = (0..400).find_map(|number| match node.take_in(&big(number)) {
            Ok(_) => {
                kept.push(number);
                None
            }
            Err(error) => Some((number, error)),
        });
        let Some((number, error)) = refused else { anyhow::bail!("the disk did not become full") };
        assert!(error.is_temporary(), "{error}");
        drop(filled);
        wait::until("room", || node.take_in(&big(number)).ok())?;
        assert_eq!(node.email(before.1).subject, "Offer");
        let emails = node.organization.read(|read| read.email_count())?;
        assert_eq!(emails, i64::try_from(kept.len() + 2)?);
        nodes.books_are_right();
        Ok(())
    });
}
