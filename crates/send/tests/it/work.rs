//! Each mail that is due is tried once, and settled; sessions are kept; what fails holds up no more than it must.

use model::limits;
use send::{Ended, Tried};

use crate::world::{FIRST_BULK, World};

fn all(count: u32) -> Vec<u32> {
    (0..count).collect()
}

fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers
}

fn settled(world: &World) -> Vec<u32> {
    sorted(world.state().settled.iter().map(|(mail, _)| *mail).collect())
}

#[tokio::test]
async fn everything_that_is_due_goes_out_once_over_few_sessions() {
    let world = World::of(1_000);
    assert_eq!(world.run().await, Ended::Done);
    assert_eq!(sorted(world.state().sent.clone()), all(1_000));
    assert_eq!(settled(&world), all(1_000));
    let state = world.state();
    assert!(state.opened <= limits::OUTBOX_CONNECTIONS_MAX, "{} sessions", state.opened);
    assert_eq!((state.closed, state.open_now), (state.opened, 0), "each took its leave");
    assert!(state.commits <= 1_000 + 1_000 / limits::OUTBOX_CLAIM_MAX + 1, "{} commits", state.commits);
}

#[tokio::test]
async fn a_mail_that_is_anothers_by_now_never_ends() {
    let world = World::of(40);
    world.state().lost = vec![3, 17];
    world.run().await;
    let state = world.state();
    assert!(state.sent.iter().all(|mail| ![3, 17].contains(mail)));
    assert_eq!((state.sent.len(), state.settled.len()), (38, 40));
    let told = state.settled.iter().find(|(mail, _)| *mail == 17).map(|(_, tried)| tried.clone());
    assert!(matches!(told, Some(Tried::NotSent { words, .. }) if words == "another node has it"));
}

#[tokio::test]
async fn a_session_that_ended_while_it_rested_costs_no_try() {
    let world = World::of(100);
    world.state().mails_a_session = Some(3);
    world.run().await;
    let state = world.state();
    assert_eq!(state.sent.len(), 100);
    assert!(state.settled.iter().all(|(_, tried)| matches!(tried, Tried::Answered(_))));
}

#[tokio::test]
async fn a_relay_that_nobody_reaches_is_knocked_at_once_and_the_rest_waits() {
    let world = World::of(1_000);
    world.state().is_away = true;
    assert_eq!(world.run().await, Ended::Unreached);
    let state = world.state();
    assert!(!state.settled.is_empty());
    assert!(state.settled.iter().all(|(_, tried)| matches!(tried, Tried::NotSent { .. })));
    assert_eq!(
        state.settled.len() + state.waiting.len(),
        1_000,
        "what was claimed is settled, the rest waits"
    );
    let tried = limits::OUTBOX_CONNECTIONS_MAX * limits::OUTBOX_CLAIM_MAX;
    assert!(state.settled.len() <= tried, "the rest is not tried for nothing");
    assert!(state.opened <= 2 * limits::OUTBOX_CONNECTIONS_MAX);
}

#[tokio::test]
async fn bulk_leaves_connections_to_what_persons_write() {
    let world = World::of(0);
    // The relay thinks about the first mail of each batch of bulk mail, and about nothing else.
    let places = limits::OUTBOX_CONNECTIONS_MAX as u32;
    let bulk = places * limits::OUTBOX_CLAIM_MAX as u32;
    (0..bulk).for_each(|mail| world.put(FIRST_BULK + mail));
    world.state().is_slow_with_bulk = true;
    let running = tokio::spawn({
        let world = world.clone();
        async move { world.run().await }
    });
    while world.state().open_now < limits::OUTBOX_CONNECTIONS_MAX - 2 {
        tokio::task::yield_now().await;
    }
    world.put(1);
    while world.state().settled.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(settled(&world), [1], "no bulk mail is out yet");
    world.state().is_slow_with_bulk = false;
    world.woken.notify_waiters();
    assert_eq!(running.await.unwrap(), Ended::Done);
    assert_eq!(world.state().settled.len() as u32, bulk + 1);
}

#[tokio::test]
async fn no_more_connections_than_are_allowed_and_none_where_none_is() {
    let world = World::of(500);
    world.state().connections = Some(2);
    assert_eq!(world.run().await, Ended::Done);
    let counts = |world: &World| {
        let state = world.state();
        (state.settled.len(), state.waiting.len(), state.opened)
    };
    assert_eq!(counts(&world), (500, 0, 2));
    let world = World::of(5);
    world.state().connections = Some(0);
    assert_eq!(world.run().await, Ended::Done);
    assert_eq!(counts(&world), (0, 5, 0), "another node has them all");
}

#[tokio::test]
async fn a_mail_whose_time_it_is_not_is_given_back_with_its_time() {
    let world = World::of(3);
    world.state().sent_away = vec![1];
    assert_eq!(world.run().await, Ended::Done);
    let state = world.state();
    assert_eq!(sorted(state.sent.clone()), [0, 2]);
    let told = state.settled.iter().find(|(mail, _)| *mail == 1).map(|(_, tried)| tried.clone());
    assert_eq!(told, Some(Tried::Untouched(std::time::Duration::from_secs(7))));
}

#[tokio::test]
async fn what_is_stopped_or_taken_over_goes_to_no_relay() {
    let world = World::of(20);
    (world.state().stopped, world.state().taken_over) = (vec![3], vec![7, 8]);
    world.state().lost = vec![8];
    assert_eq!(world.run().await, Ended::Done);
    let state = world.state();
    let told =
        |mail: u32| state.settled.iter().find(|(other, _)| *other == mail).map(|(_, tried)| tried.clone());
    assert!(matches!(told(3), Some(Tried::Stopped { is_failure: false, .. })));
    assert!(matches!(told(7), Some(Tried::TakenOver(replies)) if replies.len() == 1));
    assert!(matches!(told(8), Some(Tried::NotSent { .. })), "another node has it: nobody delivers it here");
    assert_eq!((state.sent.len(), state.settled.len()), (18, 20));
}

#[tokio::test]
async fn at_a_stop_what_was_claimed_is_given_back() {
    let world = World::of(1_000);
    world.state().stops_at = Some(5);
    world.run().await;
    let state = world.state();
    assert_eq!(state.settled.len() + state.waiting.len(), 1_000);
    assert!(state.sent.len() < 1_000);
    let given_back = state.settled.iter().filter(|(_, tried)| matches!(tried, Tried::Untouched(_)));
    assert_eq!(given_back.count(), state.settled.len() - state.sent.len());
}

#[tokio::test]
async fn one_that_cannot_be_read_holds_up_nobody() {
    let world = World::of(40);
    world.state().unreadable = vec![3, 17];
    world.run().await;
    let state = world.state();
    assert_eq!((state.sent.len(), state.settled.len()), (38, 40));
    let told = state.settled.iter().find(|(mail, _)| *mail == 17).map(|(_, tried)| tried.clone());
    assert!(matches!(told, Some(Tried::NotSent { words, .. }) if words == "its source is not here"));
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_thinks_keeps_nobody_else_waiting() {
    let world = World::of(1);
    world.state().hangs = Some(0);
    let running = tokio::spawn({
        let world = world.clone();
        async move { world.run().await }
    });
    tokio::task::yield_now().await;
    world.put(1);
    while world.state().settled.is_empty() {
        tokio::time::advance(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(world.state().sent, [1], "the first one hangs still");
    world.woken.notify_one();
    assert_eq!(running.await.unwrap(), Ended::Done);
    assert_eq!(sorted(world.state().sent.clone()), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_written_down_and_held_while_the_next_one_takes_long() {
    let world = World::of(4);
    world.state().hangs = Some(1);
    let running = tokio::spawn({
        let world = world.clone();
        async move { world.run().await }
    });
    while world.state().settled.is_empty() {
        tokio::time::advance(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(settled(&world), [0], "it waits for nobody");
    let claim = std::time::Duration::from_secs(limits::OUTBOX_LEASE_SECONDS.unsigned_abs());
    let begun = tokio::time::Instant::now();
    while world.state().renewed.is_empty() {
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
    }
    assert!(begun.elapsed() < claim / 2, "long before it runs out");
    assert_eq!(world.state().renewed[..3], [1, 2, 3]);
    world.woken.notify_one();
    assert_eq!(running.await.unwrap(), Ended::Done);
    assert_eq!(settled(&world), all(4));
}
