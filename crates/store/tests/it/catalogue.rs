//! The data folder, its organizations, and whose an address is.

use std::sync::Arc;

use model::schema::catalogue::Route;
use store::{Priority, Store, StoreError, StoreSettings};

use crate::house::{House, id, organization};

#[test]
fn a_data_folder_has_one_store_at_a_time() {
    let house = House::new();
    assert!(matches!(Store::open(StoreSettings::for_tests(house.folder.path())), Err(StoreError::Locked)));
    let House { store, organization, folder } = house;
    drop((store, organization));
    Store::open(StoreSettings::for_tests(folder.path())).unwrap();
}

#[test]
fn an_organization_is_made_once_and_found_by_id_and_name() {
    let house = House::new();
    assert!(matches!(house.store.create_organization(organization(1)), Err(StoreError::Exists)));
    let mut same_name = organization(2);
    same_name.name = organization(1).name;
    assert!(matches!(house.store.create_organization(same_name), Err(StoreError::Exists)));
    assert_eq!(house.store.organizations().unwrap(), [organization(1)]);
    assert_eq!(house.store.organization(id(1)).unwrap().name(), "Organization 1");
    assert_eq!(house.store.organization_by_name("Organization 1").unwrap().id(), id(1));
    assert!(matches!(house.store.organization(id(2)), Err(StoreError::NotFound)));
    assert!(matches!(house.store.organization_by_name("nobody"), Err(StoreError::NotFound)));
}

#[test]
fn the_least_recently_used_organization_is_closed_and_opens_again() {
    let house = House::with(|settings| settings.open_organizations_max = 2);
    let first = Arc::downgrade(&house.organization);
    let House { store, organization: held, folder: _folder } = house;
    held.unit(Priority::Intake, |tx| tx.set_setting("one", "kept")).wait().unwrap();
    for number in 2..6 {
        store.create_organization(organization(number)).unwrap();
        assert!(first.upgrade().is_some(), "what is in use stays open");
    }
    drop(held);
    for number in 2..6 {
        store.organization(id(number)).unwrap();
    }
    assert!(first.upgrade().is_none());
    let again = store.organization(id(1)).unwrap();
    assert_eq!(again.read(|read| read.setting("one")).unwrap().as_deref(), Some("kept"));
}

#[test]
fn organizations_that_come_and_go_under_load_lose_nothing() {
    let house = House::with(|settings| settings.open_organizations_max = 2);
    let House { store, organization: first, folder: _folder } = house;
    drop(first);
    let others = 2..6;
    others.clone().for_each(|number| drop(store.create_organization(organization(number)).unwrap()));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, others) = (&store, others.clone());
            scope.spawn(move || {
                for (round, number) in
                    (0..20).flat_map(|round| others.clone().map(move |number| (round, number)))
                {
                    let name = format!("{thread} {round}");
                    let organization = store.organization(id(number)).unwrap();
                    let unit = organization.unit(Priority::Intake, move |tx| tx.set_setting(&name, "kept"));
                    drop(organization);
                    unit.wait().unwrap();
                }
            });
        }
    });
    for number in others {
        let organization = store.organization(id(number)).unwrap();
        for name in (0..4).flat_map(|thread| (0..20).map(move |round| format!("{thread} {round}"))) {
            assert!(organization.read(|read| read.setting(&name)).unwrap().is_some(), "{name} of {number}");
        }
    }
}

#[test]
fn an_address_leads_to_one_place() {
    let house = House::new();
    let route = route("sales@example.com", 1);
    assert_eq!(house.store.route("sales@example.com").unwrap(), None);
    house.store.publish_route(&route).unwrap();
    house.store.publish_route(&route).unwrap();
    assert_eq!(house.store.route("sales@example.com").unwrap(), Some(route.clone()));

    let elsewhere = Route { organizationid: id(2), ..route.clone() };
    assert!(matches!(house.store.publish_route(&elsewhere), Err(StoreError::AddressTaken)));
    let another_target = Route { targetid: id(8), ..route.clone() };
    assert!(matches!(house.store.publish_route(&another_target), Err(StoreError::AddressTaken)));
    assert_eq!(house.store.route("sales@example.com").unwrap(), Some(route));

    assert!(!house.store.withdraw_route("sales@example.com", id(2)).unwrap());
    assert!(house.store.withdraw_route("sales@example.com", id(1)).unwrap());
    assert_eq!(house.store.route("sales@example.com").unwrap(), None);
    house.store.publish_route(&elsewhere).unwrap();
}

fn route(address: &str, organization: u8) -> Route {
    Route { address: address.to_owned(), organizationid: id(organization), kind: 2, targetid: id(7) }
}
