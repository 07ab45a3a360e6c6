//! Who claims the key of a Message-ID, and whether mail names it.

use model::Id;
use model::schema::emails::Identity;
use store::{Claims, Priority, StoreError, Tx};

use crate::house::{House, id};

const KEY: [u8; 16] = [3; 16];

fn does(house: &House, work: impl Fn(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static) {
    house.organization.unit(Priority::Intake, work).wait().unwrap();
}

fn claims(house: &House) -> Claims<Identity> {
    house.organization.read(|read| read.claims(&KEY)).unwrap()
}

fn claim(email: Id) -> Identity {
    Identity {
        keyhash: KEY.to_vec(),
        variant: 0,
        activityid: email,
        sender: None,
        senton: None,
        hasmessageid: true,
        textdigest: vec![1; 16],
        rawdigest: vec![2; 32],
    }
}

#[test]
fn a_key_that_is_named_is_claimed_by_nobody_until_somebody_does() {
    let house = House::new();
    assert!(!claims(&house).is_any());
    does(&house, |tx| tx.note_name(&KEY).and_then(|()| tx.note_name(&KEY)));
    assert_eq!(claims(&house), Claims { by: Vec::new(), is_named: true });
    does(&house, |tx| tx.claim(&claim(id(1))).and_then(|()| tx.claim(&claim(id(2)))));
    let Claims { by, is_named } = claims(&house);
    let claimed: Vec<_> = by.iter().map(|it| (it.variant, it.activityid)).collect();
    assert_eq!((claimed, is_named), (vec![(1, id(2)), (0, id(1))], true));
}
