//! What a turn does with each kind of message.

use model::outcome::Outcome;
use poll::Trouble;

use crate::world::World;

const OFFER: &str = "Subject: offer\n\nFirm.\n";

/// How many ended in each way: ignored, stored, undeliverable.
fn tally(world: &World) -> (usize, usize, usize) {
    let outcomes = world.outcomes();
    let count = |outcome| outcomes.iter().filter(|one| **one == outcome).count();
    (count(Outcome::Ignored), count(Outcome::Stored), count(Outcome::Undeliverable))
}

#[tokio::test]
async fn each_message_leaves_the_folder_by_its_way() {
    let noise = "Subject: noise\n\nBuy!\n";
    let wanted = "Subject: noise\nX: wanted after all\n\nBuy!\n";
    let world = World::of(&[OFFER, noise, wanted, "Subject: broken\n\n\n"]);
    assert_eq!(world.session().await.unwrap(), 4);
    assert_eq!(tally(&world), (1, 2, 1));
    assert_eq!(world.delivered().len(), 3, "what nobody wants is not fetched");
    let state = world.state();
    assert!(state.messages.is_empty());
    assert_eq!(state.set_aside, [b"Subject: broken\r\n\r\n\r\n".to_vec()]);
}

#[tokio::test]
async fn of_what_nobody_wants_nothing_is_kept_however_large_it_is() {
    let world = World::of(&["Subject: noise\nX-Size: huge\n\nBuy!\n"]);
    world.look().await.unwrap();
    assert_eq!(tally(&world), (1, 0, 0), "it is no undeliverable mail");
    let wanted = World::of(&["Subject: noise\nX: wanted after all\nX-Size: huge\n\nBuy!\n", OFFER]);
    wanted.look().await.unwrap();
    assert_eq!(tally(&wanted), (0, 1, 1), "nor is it fetched when it is wanted");
}

#[tokio::test]
async fn a_folder_of_many_turns_is_emptied() {
    let texts: Vec<String> = (0..600).map(|n| format!("Subject: offer {n}\n\nFirm.\n")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for window in [None, Some(1), Some(7)] {
        let world = World::of(&texts);
        world.state().window = window;
        assert_eq!(world.session().await.unwrap(), 600);
        assert!(world.state().messages.is_empty());
        assert_eq!((tally(&world), world.session().await.unwrap()), ((0, 600, 0), 0));
    }
}

#[tokio::test]
async fn while_the_house_takes_nothing_everything_stays_however_long() {
    let world = World::of(&[OFFER]);
    world.state().is_closed = true;
    for _ in 0..10 {
        assert!(matches!(world.session().await, Err(Trouble::House(_))));
    }
    assert_eq!(world.state().messages.len(), 1);
    world.state().is_closed = false;
    world.session().await.unwrap();
    assert_eq!(tally(&world), (0, 1, 0), "the trouble was none of the message");
}

#[tokio::test]
async fn a_message_that_a_hook_never_says_yes_to_keeps_none_behind_it_waiting() {
    let unheard = "Subject: unheard\n\n";
    let world = World::of(&[unheard, unheard, unheard, unheard, unheard, unheard, OFFER, OFFER]);
    // Each is a handful of its own, as large ones are.
    world.state().window = Some(1);
    assert_eq!(world.session().await.unwrap(), 2, "one session comes to those behind all of them");
    assert_eq!(tally(&world), (0, 2, 0));
    assert_eq!(world.state().messages.len(), 6, "they wait");
    assert!(world.state().rows.values().all(|row| row.is_gone || row.attempts == 0), "and are no suspects");
    assert_eq!(world.state().put_off, ["a hook says no"; 6]);
    for _ in 0..10 {
        world.wait();
        assert_eq!(world.session().await.unwrap(), 0);
    }
    assert_eq!((tally(&world), world.state().messages.len()), ((0, 2, 0), 6));
    assert_eq!(world.state().put_off.len(), 66, "each is asked about again");
}

#[tokio::test]
async fn what_somebody_else_takes_out_ends_as_well() {
    let world = World::of(&[OFFER, OFFER]);
    world.state().is_closed = true;
    world.session().await.unwrap_err();
    world.state().messages.remove(&1);
    world.state().is_closed = false;
    world.session().await.unwrap();
    assert_eq!(tally(&world), (1, 1, 0), "one was entered, and is accounted for");
    world.session().await.unwrap();
    assert_eq!(tally(&world), (1, 1, 0));
}

#[tokio::test]
async fn what_was_marked_as_removed_when_the_line_broke_is_removed() {
    let world = World::of(&[OFFER, OFFER]);
    // The mark is set, and nothing more is heard.
    world.break_call(11, true);
    world.session().await.unwrap_err();
    assert_eq!((tally(&world), world.state().messages.len()), ((0, 2, 0), 2));
    assert_eq!(world.session().await.unwrap(), 2);
    assert!(world.state().messages.is_empty());
    assert_eq!((tally(&world), world.session().await.unwrap()), ((0, 2, 0), 0));
}

#[tokio::test]
async fn a_key_that_was_given_out_again_deletes_nothing() {
    let world = World::of(&[OFFER]);
    // The outcome is committed, and the line breaks before the message is removed.
    world.break_call(10, false);
    world.session().await.unwrap_err();
    assert_eq!((tally(&world), world.state().messages.len()), ((0, 1, 0), 1));
    world.state().messages.insert(1, b"Subject: another\r\n\r\n".to_vec());
    assert_eq!(world.session().await, Err(Trouble::Anew));
    world.session().await.unwrap();
    assert_eq!(tally(&world), (0, 2, 0));
    // A server that goes back to a backup shows what was removed, under the same validity.
    world.state().messages.insert(1, b"Subject: from the backup\r\n\r\n".to_vec());
    assert_eq!(world.session().await, Err(Trouble::Anew));
    world.session().await.unwrap();
    assert_eq!(tally(&world), (0, 3, 0));
}

#[tokio::test]
async fn another_validity_is_another_folder() {
    let world = World::of(&[OFFER]);
    world.break_call(10, false);
    world.session().await.unwrap_err();
    world.state().validity = 7;
    world.session().await.unwrap();
    assert_eq!(world.state().rows.len(), 2, "it was delivered anew; the house knows duplicates");
    assert!(world.state().messages.is_empty());
}

#[tokio::test]
async fn a_message_that_breaks_the_intake_is_set_aside_and_the_others_go_on() {
    let deadly = "Subject: deadly\n\n";
    let world = World::of(&[deadly, OFFER, OFFER]);
    let mut sessions = 0;
    while !world.state().messages.is_empty() {
        let _ = world.session().await;
        world.wait();
        sessions += 1;
        assert!(sessions < 10, "{world:?}");
    }
    assert_eq!(tally(&world), (0, 2, 1));
    assert_eq!(world.state().set_aside.len(), 1, "it is kept whole, unread");
}

#[tokio::test]
async fn a_message_that_is_shown_and_not_given_is_set_aside_in_the_end() {
    let world = World::of(&[OFFER, OFFER]);
    world.state().withholds.insert(1);
    for number in 0..5 {
        assert!(world.state().messages.contains_key(&1), "{number}");
        world.session().await.unwrap();
        world.wait();
        // Another mail shows that the line carries something.
        world.state().messages.insert(10 + number, OFFER.replace('\n', "\r\n").into_bytes());
    }
    assert_eq!(tally(&world), (0, 5, 1), "{world:?}");
    assert_eq!(world.state().set_aside.len(), 1);
}

#[tokio::test]
async fn a_message_that_hangs_the_server_does_not_keep_the_others_back() {
    let world = World::of(&[OFFER, OFFER, OFFER]);
    world.state().hangs.insert(1);
    let mut sessions = 0;
    while world.state().messages.len() > 1 {
        let _ = world.session().await;
        world.wait();
        sessions += 1;
        assert!(sessions < 12, "{world:?}");
    }
    assert_eq!(tally(&world), (0, 2, 0));
    for number in 0..6 {
        world.state().messages.insert(10 + number, OFFER.replace('\n', "\r\n").into_bytes());
        let _ = world.session().await;
        world.wait();
    }
    assert_eq!(tally(&world), (0, 8, 1), "{world:?}");
    assert!(world.state().messages.is_empty());
}

#[tokio::test]
async fn a_line_that_carries_no_body_at_all_blames_no_message() {
    let world = World::of(&[OFFER, OFFER]);
    world.state().withholds.extend([1, 2]);
    for _ in 0..12 {
        world.session().await.unwrap();
        world.wait();
    }
    assert_eq!((tally(&world), world.state().messages.len()), ((0, 0, 0), 2));
    world.state().withholds.clear();
    world.session().await.unwrap();
    assert_eq!(world.state().messages.len(), 0);
}

#[tokio::test]
async fn a_full_folder_for_the_undeliverable_stops_nothing_else() {
    let world = World::of(&["Subject: broken\n\n", OFFER]);
    world.state().is_full = true;
    world.session().await.unwrap();
    assert_eq!((tally(&world), world.state().messages.len()), ((0, 1, 1), 1));
    assert_eq!(world.state().put_off, ["over quota"]);
    world.state().is_full = false;
    world.wait();
    world.session().await.unwrap();
    assert_eq!(world.state().set_aside.len(), 1);
    assert_eq!(tally(&world), (0, 1, 1), "it was not taken in twice");
}

#[tokio::test]
async fn a_header_that_hangs_the_server_does_not_keep_the_others_back() {
    let world = World::of(&[OFFER, OFFER, OFFER]);
    world.state().header_hangs.insert(1);
    let mut sessions = 0;
    while world.state().messages.len() > 1 {
        let _ = world.session().await;
        sessions += 1;
        assert!(sessions < 12, "{world:?}");
    }
    assert_eq!(tally(&world), (0, 2, 0));
    // In the end it is told that it cannot be had; it stays where it is, and is not asked for any more.
    for _ in 0..12 {
        let _ = world.session().await;
        world.wait();
    }
    assert_eq!((tally(&world), world.state().messages.len()), ((0, 2, 1), 1), "{world:?}");
    world.session().await.unwrap();
    world.state().messages.insert(9, OFFER.replace('\n', "\r\n").into_bytes());
    world.wait();
    world.session().await.unwrap();
    assert_eq!((tally(&world), world.state().messages.len()), ((0, 3, 1), 1));
}

#[tokio::test]
async fn a_header_that_is_made_anew_each_time_does_not_number_the_folder_anew() {
    let world = World::of(&[OFFER, OFFER]);
    world.state().header_is_made_anew = true;
    for _ in 0..8 {
        world.session().await.unwrap();
        world.wait();
    }
    assert_eq!(tally(&world), (0, 0, 2), "no body begins with such a header");
    let state = world.state();
    assert_eq!((state.set_aside.len(), state.rows.len()), (2, 2));
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_whole_when_it_comes_again_as_it_was() {
    let world = World::of(&[OFFER]);
    world.state().sizes_are_estimates = true;
    world.session().await.unwrap();
    assert_eq!(tally(&world), (0, 0, 0), "half a message is none");
    world.wait();
    world.session().await.unwrap();
    assert_eq!((tally(&world), world.delivered().len()), ((0, 1, 0), 1));
    assert!(world.state().messages.is_empty());
}

#[tokio::test]
async fn a_short_body_that_is_another_each_time_is_kept_as_far_as_it_came() {
    let world = World::of(&[OFFER]);
    (world.state().sizes_are_estimates, world.state().body_is_made_anew) = (true, true);
    for _ in 0..8 {
        world.session().await.unwrap();
        world.wait();
    }
    assert_eq!((tally(&world), world.delivered().len()), ((0, 0, 1), 1), "a person has what there is");
    assert_eq!(world.state().set_aside.len(), 1);
}

#[tokio::test]
async fn a_message_that_is_its_header_alone_is_taken_in() {
    let world = World::of(&["Subject: offer\n"]);
    world.session().await.unwrap();
    assert_eq!(world.delivered(), [("Subject: offer\r\n".to_owned(), Outcome::Stored)]);
}

#[tokio::test]
async fn a_folder_that_is_looked_at_stays_as_it_is() {
    let world = World::of(&[OFFER, "Subject: noise\n\nBuy!\n", "Subject: broken\n\n"]);
    assert_eq!(world.look().await.unwrap(), 3);
    assert_eq!((tally(&world), world.state().messages.len()), ((1, 1, 1), 3));
    assert_eq!(world.look().await.unwrap(), 0, "nothing is read again");
    world.state().messages.insert(9, OFFER.replace('\n', "\r\n").into_bytes());
    assert_eq!(world.look().await.unwrap(), 1);
    assert!(world.state().set_aside.is_empty());
    // Under other numbers everything is delivered anew, and the house knows duplicates.
    world.state().validity = 7;
    assert_eq!(world.look().await.unwrap(), 4);
}

#[tokio::test]
async fn what_a_user_takes_out_before_it_is_read_ends_as_well() {
    let world = World::of(&[OFFER, OFFER]);
    world.state().is_closed = true;
    world.look().await.unwrap_err();
    world.state().messages.remove(&1);
    world.state().is_closed = false;
    for _ in 0..2 {
        world.look().await.unwrap();
        world.wait();
    }
    assert_eq!(tally(&world), (1, 1, 0));
}
