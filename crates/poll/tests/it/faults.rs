//! Whatever call fails, before or after its effect: nothing is lost, nothing is doubled.

use model::outcome::Outcome;

use crate::world::World;

const MESSAGES: [&str; 5] = [
    "Subject: offer\n\nFirm.\n",
    "Subject: noise\n\nBuy!\n",
    "Subject: broken\n\n\n",
    "Subject: noise\nX: wanted after all\n\nBuy!\n",
    "Subject: another offer\n\nSoft.\n",
];

/// A folder that is listed so many at a time.
fn world(window: Option<usize>) -> World {
    let world = World::of(&MESSAGES);
    world.state().window = window;
    world
}

#[tokio::test]
async fn whatever_call_fails_each_message_ends_once() {
    fails_anywhere(None).await;
}

/// Several handfuls are under way then.
#[tokio::test]
async fn whatever_call_fails_each_message_of_several_handfuls_ends_once() {
    fails_anywhere(Some(1)).await;
    fails_anywhere(Some(2)).await;
}

/// Breaks the n-th call, for every n, and then another one of the next session; then all is well again.
async fn fails_anywhere(window: Option<usize>) {
    let calm = world(window);
    calm.session().await.unwrap();
    let mut broken = 0;
    for first in 0.. {
        let mut was_reached = false;
        for second in 0..16 {
            for effects in 0..4 {
                let world = world(window);
                world.break_call(first, effects & 1 == 1);
                let _ = world.session().await;
                was_reached = world.has_broken();
                world.break_call(second, effects & 2 == 2);
                let _ = world.session().await;
                world.has_broken();
                // What was put off is due again.
                world.wait();
                world.session().await.unwrap();
                check(&world, (&calm, &format!("calls {first} and {second}, effects {effects:02b}")));
                broken += 1;
            }
        }
        if !was_reached {
            break;
        }
    }
    assert!(broken > 500, "{broken}");
}

/// Texts that were taken in whole are each there once, and the folder is empty.
fn check(world: &World, (calm, what): (&World, &str)) {
    let sorted = |world: &World| {
        let mut delivered = world.delivered();
        delivered.sort_by(|one, other| one.0.cmp(&other.0));
        delivered
    };
    assert_eq!(sorted(world), sorted(calm), "{what}");
    let ignored = world.outcomes().iter().filter(|outcome| **outcome == Outcome::Ignored).count();
    assert_eq!(ignored, 1, "{what}");
    let state = world.state();
    assert!(state.messages.is_empty(), "{what}");
    assert_eq!(state.set_aside.len(), 1, "{what}");
    assert_eq!(state.rows.len(), state.deliveries.len(), "every row has its outcome: {what}");
}

/// The same for a folder that is only looked at.
#[tokio::test]
async fn whatever_call_fails_each_message_that_is_looked_at_ends_once() {
    fails_anywhere_when_looked_at(|| world(None)).await;
    fails_anywhere_when_looked_at(|| world(Some(2))).await;
}

/// What is listed together is several handfuls where it is too large for one.
#[tokio::test]
async fn whatever_call_fails_each_large_message_that_is_looked_at_ends_once() {
    let huge = "Subject: noise\nX-Size: huge\n\nBuy!\n";
    let [offer, _, broken, _, other] = MESSAGES;
    fails_anywhere_when_looked_at(|| World::of(&[huge, offer, huge, broken, other])).await;
}

async fn fails_anywhere_when_looked_at(world: impl Fn() -> World) {
    let calm = world();
    calm.look().await.unwrap();
    let mut broken = 0;
    for first in 0.. {
        let mut was_reached = false;
        for second in 0..16 {
            for effects in 0..4 {
                let world = world();
                world.break_call(first, effects & 1 == 1);
                let _ = world.look().await;
                was_reached = world.has_broken();
                world.break_call(second, effects & 2 == 2);
                let _ = world.look().await;
                world.has_broken();
                world.wait();
                world.look().await.unwrap();
                let what = format!("calls {first} and {second}, effects {effects:02b}");
                let sorted = |world: &World| {
                    let mut delivered = world.delivered();
                    delivered.sort_by(|one, other| one.0.cmp(&other.0));
                    delivered
                };
                assert_eq!(sorted(&world), sorted(&calm), "{what}");
                assert_eq!(world.outcomes().len(), MESSAGES.len(), "{what}");
                let state = world.state();
                assert_eq!(state.rows.len(), state.deliveries.len(), "{what}");
                broken += 1;
            }
        }
        if !was_reached {
            break;
        }
    }
    assert!(broken > 300, "{broken}");
}
