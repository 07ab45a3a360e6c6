//! Mail that goes out at a server: what a handful of it costs there in round trips.

use std::sync::Arc;

use crm::outbox::{self, Claimed, Draft, Ends, NewRelay, Recipient, RecipientReply, Tried, Wanted};
use model::{Id, Mailbox};
use testkit::missing::or_skip;

use super::{Node, Nodes, SUPPORT, address};

/// Mails of a handful, and handfuls.
const HANDFUL: usize = 20;
/// So many that one of them meets a connection which knows all statements, though other tests have the machine.
const HANDFULS: usize = 12;

#[test]
fn a_handful_of_mail_goes_out_in_few_round_trips() {
    or_skip(|| {
        let nodes = Nodes::start(1)?;
        let node = &nodes.nodes[0];
        let relay = written(node)?;
        let (mut claims, mut renewals, mut ends) = (Trips::new(node), Trips::new(node), Trips::new(node));
        let mut before: Vec<Arc<Claimed>> = Vec::new();
        for _ in 0..HANDFULS {
            let wanted = Wanted { relay, limit: HANDFUL, has_bulk: false };
            let claimed = claims.counted(|| {
                let moment = node.moment();
                Ok(node.runtime.block_on(outbox::claim(&node.organization, Id([7; 16]), (moment, wanted)))?)
            })?;
            let claimed: Vec<Arc<Claimed>> = claimed.into_iter().map(Arc::new).collect();
            assert_eq!(claimed.len(), HANDFUL);
            renewals.counted(|| {
                let mails = claimed.iter().map(|claimed| claimed.mail.clone()).collect();
                Ok(node.runtime.block_on(outbox::renew(&node.organization, mails, node.moment().now))?)
            })?;
            // As where so many connections end a mail each, and each has one that was answered.
            let may_end = ends.counted(|| end(node, &claimed, &before))?;
            assert_eq!(may_end, [true; HANDFUL]);
            before = claimed;
        }
        println!("a claim {}, a renewal {}, the ends {}", claims.least, renewals.least, ends.least);
        assert!(claims.least <= 10, "{} round trips claim a handful", claims.least);
        assert!(renewals.least <= 4, "{} round trips hold a handful", renewals.least);
        assert!(ends.least <= 4, "{} round trips settle a handful and note the next ends", ends.least);
        let rows = node.organization.read(|read| read.outbox(HANDFUL * HANDFULS))?;
        let ended = rows.iter().filter(|row| row.endedon.is_some()).count();
        assert_eq!(ended, HANDFUL * (HANDFULS - 1));
        let again = end(node, &before, &before)?;
        assert_eq!(again, [false; HANDFUL], "what has ended is nobody's any more");
        nodes.books_are_right();
        Ok(())
    });
}

/// Round trips, as few as it took once: a connection that is new asks the server about each statement first.
struct Trips<'a> {
    node: &'a Node,
    least: u64,
}

impl<'a> Trips<'a> {
    fn new(node: &'a Node) -> Self {
        Trips { node, least: u64::MAX }
    }

    fn counted<T>(&mut self, what: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let before = self.node.proxy.traffic().round_trips;
        let done = what()?;
        self.least = self.least.min(self.node.proxy.traffic().round_trips - before);
        Ok(done)
    }
}

/// Puts handfuls into the outbox; their way out.
fn written(node: &Node) -> anyhow::Result<Id> {
    let relay = NewRelay {
        name: "relay".to_owned(),
        kind: outbox::SMTP,
        host: "relay.test".to_owned(),
        port: 25,
        tls: 0,
        authority: None,
        login: None,
        return_domain: None,
    };
    node.runtime.block_on(outbox::add_relay(&node.organization, relay, node.moment()))?;
    for number in 0..HANDFUL * HANDFULS {
        let mut draft = Draft::by(address(SUPPORT));
        let to = address(&format!("zoe{number}@customer.test"));
        draft.who.to = vec![Recipient::from(Mailbox { name: None, address: to })];
        draft.what.subject = format!("Offer {number}");
        let moment = (node.moment().id(), node.moment());
        node.runtime.block_on(outbox::send(&node.organization, draft, moment))?;
    }
    Ok(outbox::relays(&node.organization)?[0].emailserverprofileid)
}

fn end(node: &Node, ending: &[Arc<Claimed>], tried: &[Arc<Claimed>]) -> anyhow::Result<Vec<bool>> {
    let taken = || Tried::Answered(vec![RecipientReply { code: 250, text: "taken".to_owned() }]);
    let tried: Vec<_> = tried.iter().map(|claimed| (Arc::clone(claimed), taken())).collect();
    let ends = Ends { tried: tried.into(), ending: ending.to_vec() };
    let written = node.runtime.block_on(outbox::write_down(&node.organization, ends, node.moment()))?;
    Ok(written.may_end)
}
