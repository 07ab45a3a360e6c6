//! Several mailboxes watched side by side.

use std::time::Duration;

use poll::{House, Live, Opener, Pair, Room, SourceError, Trouble, Watching};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::world::{PAIR, Session, World, away};

struct Door {
    world: World,
    is_closed: bool,
}

impl Opener for Door {
    type Source = Session;

    fn place(&self) -> (Pair, &str) {
        (PAIR, "INBOX")
    }

    async fn open(&mut self) -> Result<Session, SourceError> {
        if self.is_closed { Err(away()) } else { Ok(Session(self.world.clone())) }
    }
}

fn begin(world: &World, is_closed: bool, room: &Room) -> (watch::Receiver<Live>, JoinHandle<()>) {
    let watching = Watching {
        house: House { intake: world.clone(), ledger: world.clone() },
        room: room.clone(),
        patience: Duration::from_secs(60),
        spread: || 0,
    };
    let (sender, receiver) = watch::channel(Live::default());
    let door = Door { world: world.clone(), is_closed };
    (receiver, tokio::spawn(poll::watch(door, watching, sender)))
}

#[tokio::test(start_paused = true)]
async fn one_that_is_away_keeps_nobody_back_and_comes_later_and_later() {
    let (open, closed) = (World::of(&["Subject: offer\n\n", "Subject: noise\n\n"]), World::of(&[]));
    let room = Room::default();
    let (mut away, _away) = begin(&closed, true, &room);
    let (mut well, _well) = begin(&open, false, &room);
    let live = well.wait_for(|live| live.is_well).await.unwrap().clone();
    assert_eq!((live.ended, live.trouble), (2, None));
    let live = away.wait_for(|live| live.failures == 4).await.unwrap().clone();
    assert!(matches!(live.trouble, Some(Trouble::Source(_))), "{live:?}");
    assert_eq!(live.pause, Duration::from_secs(20), "5 · 2³ s, and half of it by the spread");
}

#[tokio::test(start_paused = true)]
async fn a_line_that_breaks_is_opened_again_and_nothing_is_doubled() {
    let world = World::of(&["Subject: offer\n\n", "Subject: another\n\n"]);
    world.break_call(6, true);
    let (mut live, _task) = begin(&world, false, &Room::default());
    live.wait_for(|live| live.failures == 1).await.unwrap();
    live.wait_for(|live| live.is_well).await.unwrap();
    assert_eq!((world.delivered().len(), world.state().messages.len()), (2, 0));
    assert_eq!(world.state().deliveries.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn sessions_that_break_each_time_news_are_waited_for_come_later_and_later() {
    let world = World::of(&["Subject: offer\n\n"]);
    world.state().breaks_while_waiting = true;
    let (mut live, _task) = begin(&world, false, &Room::default());
    let live = live.wait_for(|live| live.failures == 4).await.unwrap().clone();
    assert_eq!((live.ended, live.pause), (1, Duration::from_secs(20)));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_end_well_is_none_that_went_well() {
    let world = World::of(&["Subject: offer\n\n"]);
    world.state().breaks_while_waiting = true;
    world.state().one_look = Some(Duration::from_secs(120));
    let (mut live, _task) = begin(&world, false, &Room::default());
    let mut was_well = false;
    let found = live.wait_for(|live| {
        was_well |= live.is_well;
        live.failures == 3
    });
    let found = found.await.unwrap().clone();
    assert_eq!((was_well, found.ended, found.pause), (false, 0, Duration::from_secs(120)));
    world.state().breaks_while_waiting = false;
    world.state().messages.insert(7, b"Subject: another\r\n\r\n".to_vec());
    let found = live.wait_for(|live| live.is_well).await.unwrap().clone();
    assert_eq!((found.ended, found.failures), (1, 0));
    world.state().breaks_while_waiting = true;
    let again = live.wait_for(|live| live.failures > 0).await.unwrap().clone();
    assert_eq!(again.failures, 1, "one that ended well ends the row");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stalls_keeps_no_other_back_and_comes_to_an_end() {
    let (whole, mut stalled) = (Room::default(), Vec::new());
    let texts: Vec<String> = (0..64).map(|n| format!("Subject: offer {n}\n\nFirm.\n")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for _ in 0..200 {
        let world = World::of(&texts);
        world.state().stalls = true;
        stalled.push(begin(&world, false, &whole));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let well = World::of(&texts);
    let (mut live, _task) = begin(&well, false, &whole.of_another_host(None));
    let begun = tokio::time::Instant::now();
    live.wait_for(|live| live.is_well).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "it waited for nobody");
    assert_eq!(live.borrow().ended, 64);
    // Those that wait for room get it when the time of the others is up.
    for (live, _) in &mut stalled {
        live.wait_for(|live| live.failures > 0).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn mailboxes_of_a_host_that_takes_one_connection_have_their_turns() {
    let host = Room::default().of_another_host(Some(1));
    let worlds: Vec<World> = (0..3).map(|_| World::of(&["Subject: offer\n\n"])).collect();
    let mut watched: Vec<_> = worlds.iter().map(|world| begin(world, false, &host)).collect();
    for (live, _) in &mut watched {
        let live = live.wait_for(|live| live.is_well).await.unwrap().clone();
        assert_eq!((live.ended, live.trouble), (1, None));
        assert_eq!(live.remark.as_deref(), Some("shares one connection with 2 mailboxes"));
    }
    for world in &worlds {
        world.state().messages.insert(7, b"Subject: another\r\n\r\n".to_vec());
    }
    for (live, _) in &mut watched {
        live.wait_for(|live| live.ended == 2 && live.is_well).await.unwrap();
    }
}
