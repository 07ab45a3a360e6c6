//! What outside senders are handed where a domain takes few mails a minute: the others go on, and who waits comes back in time.

use crm::outbox::{self, Place, Pull};
use model::Id;
use model::schema::outbox::OutboxMail;

use crate::house::House;
use crate::outbox::{now, send};
use crate::outside::{handed, house, limit, moment, only};

/// More than two pulls look at.
const MANY: usize = 130;

/// A house with so many mails to a domain that takes so few a minute that no machine is slower, and a bulk mail to another one.
async fn crowded(per_minute: i32) -> (House, Pull, Vec<Id>, Id) {
    let (house, way) = house().await;
    let bulk = send(&house, only("tom@northwind.test")).await.unwrap();
    assert_eq!(house.organization.tamper("update outboxmail set lane = 1, waitsin = 1").unwrap(), 1);
    let mut ids = Vec::new();
    for number in 0..MANY {
        ids.push(send(&house, only(&format!("zoe{number}@fabrikam.test"))).await.unwrap());
    }
    limit(&house, Place::domain("fabrikam.test").unwrap(), per_minute).await;
    (house, Pull { way, limit: 10, seconds: 600 }, ids, bulk)
}

async fn pulled(house: &House, pull: Pull) -> Vec<Id> {
    let handed = outbox::background_send(&house.organization, pull, moment(house)).await.unwrap();
    handed.mails.iter().map(|mail| mail.ticket.email).collect()
}

fn mails(house: &House, ids: &[Id]) -> Vec<OutboxMail> {
    ids.iter().map(|id| house.organization.read(|read| read.outbox_mail(*id)).unwrap().unwrap()).collect()
}

#[tokio::test]
async fn who_waits_for_a_slow_domain_keeps_no_lane_and_no_other_domain_waiting() {
    let (house, pull, ids, bulk) = crowded(1).await;
    let first = pulled(&house, pull).await;
    assert!(
        first.len() == 2 && first.contains(&bulk),
        "one to the slow domain, and the bulk mail: {first:?}"
    );
    let (count, more_in) = handed(&house, pull).await;
    assert_eq!(count, 0);
    assert!((1_000..=60_000).contains(&more_in.unwrap()), "nobody asks again without a pause: {more_in:?}");

    let fresh = send(&house, only("ann@northwind.test")).await.unwrap();
    assert_eq!(pulled(&house, pull).await, [fresh], "who waits does not stand before it");
    let waiting = mails(&house, &ids).into_iter().filter(|mail| mail.owner.is_none());
    let tries: Vec<(i32, i32)> = waiting.map(|mail| (mail.tries, mail.attempts)).collect();
    assert_eq!(tries, [(0, 1); MANY - 1], "it costs no try, and each was looked at once");
}

#[tokio::test]
async fn who_waits_for_a_slow_domain_comes_back_when_there_is_a_share() {
    let (house, pull, ids, _) = crowded(3).await;
    for _ in 0..3 {
        pulled(&house, pull).await;
    }
    let waiting = mails(&house, &ids).into_iter().filter(|mail| mail.owner.is_none());
    let mut dues: Vec<i64> = waiting.map(|mail| mail.dueon.0 - now(&house).0).collect();
    dues.sort_unstable();
    assert!(dues.len() > MANY - 5, "{}", dues.len());
    assert!(dues.windows(2).all(|two| two[1] - two[0] > 10_000), "one share is for one mail: {dues:?}");
    assert!(dues.iter().all(|due| *due <= 3_600_000), "and none is away for longer than an hour: {dues:?}");

    // With the next share.
    house.organization.tamper("update outboxlimit set nexton = nexton - 20000").unwrap();
    house.organization.tamper("update outboxmail set dueon = dueon - 20000 where owner is null").unwrap();
    let (count, more_in) = handed(&house, pull).await;
    assert!(
        count == 1 && (1..=20_000).contains(&more_in.unwrap()),
        "one, and then the next: {count} {more_in:?}"
    );
}

#[tokio::test]
async fn who_comes_back_at_once_with_many_leaves_no_share_unused() {
    let (house, pull, ids, _) = crowded(1).await;
    for _ in 0..3 {
        pulled(&house, pull).await;
    }
    let sql = "update outboxmail set dueon = (select max(dueon) from outboxmail where owner is null) where owner is null";
    assert!(house.organization.tamper(sql).unwrap() > MANY - 5);
    let late = send(&house, only("ann@fabrikam.test")).await.unwrap();
    assert_eq!(pulled(&house, pull).await, []);
    let [late] = mails(&house, &[late]).try_into().unwrap();
    let left = late.dueon.0 - now(&house).0;
    assert!(left <= 60_000, "there is a share for it before the others come: {left}");
    assert!(mails(&house, &ids).iter().all(|mail| mail.dueon.0 - now(&house).0 > left));
}

/// From now on no time of a limit can be given back, and no mail is taken beside one that somebody has.
fn breaks(house: &House) {
    let sql: &[&'static str] = match house.organization.is_at_server() {
        true => &[
            "create function keeps() returns trigger language plpgsql as 'begin if new.nexton < old.nexton \
             then raise exception using message = ''no''; end if; return new; end'",
            "create trigger keeps before update on outboxlimit for each row execute function keeps()",
            "create function holds() returns trigger language plpgsql as 'begin if old.owner is null and new.owner is not null \
             and exists (select 1 from outboxmail where owner is not null) \
             then raise exception using message = ''no''; end if; return new; end'",
            "create trigger holds before update on outboxmail for each row execute function holds()",
        ],
        false => &[
            "create trigger keeps before update on outboxlimit when new.nexton < old.nexton \
             begin select raise(abort, 'no'); end",
            "create trigger holds before update on outboxmail when old.owner is null and new.owner is not null \
             and exists (select 1 from outboxmail where owner is not null) begin select raise(abort, 'no'); end",
        ],
    };
    for sql in sql {
        house.organization.tamper(sql).unwrap();
    }
}

#[tokio::test]
async fn what_was_pulled_is_handed_out_whatever_breaks_behind_it() {
    let (house, way) = house().await;
    let mut ids = Vec::new();
    for at in ["zoe@fabrikam.test", "tom@northwind.test"] {
        ids.push(send(&house, only(at)).await.unwrap());
    }
    limit(&house, Place::Relay(way), 60).await;
    breaks(&house);
    let pull = Pull { way, limit: 10, seconds: 600 };
    assert_eq!(pulled(&house, pull).await.len(), 1, "nobody else can send it now");
    limit(&house, Place::Relay(way), 0).await;
    let pull = outbox::background_send(&house.organization, pull, moment(&house)).await;
    assert!(pull.is_err(), "of nothing he is told why: {pull:?}");
}
