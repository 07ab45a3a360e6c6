//! RCPT: is this address ours, and may this peer write to it? One look-up, no mail yet.

use std::net::IpAddr;
use std::sync::Arc;

use model::network::{self, Network};
use model::schema::catalogue::Route;
use model::schema::people::Sink;
use model::{EmailAddress, Id, limits};
use store::{Organization, Store, StoreError};

use super::copy::{EnvelopeRecipient, Proof, Source};
use crate::tokens::{self, Tokens};

/// What an address of ours leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientKind {
    /// A sink.
    Sink,
    /// A queue's address.
    Queue,
    /// A user's own address.
    User,
    /// The return paths of what went out.
    Return,
}

/// RFC 5321 §4.5.1, in any case.
const POSTMASTER: &str = "postmaster";

/// A recipient that is ours, and what the address and the peer say.
#[derive(Clone)]
pub struct Recipient {
    /// The organisation it belongs to.
    pub organization: Arc<Organization>,
    /// The address, what it leads to, and whose mailbox it names.
    pub envelope: EnvelopeRecipient,
    /// Whether the peer's network vouches for From.
    pub proof: Proof,
    /// Whether a server of ours brings it: one on this machine, in a named network, or with a credential. Whoever knows a key
    /// alone may be anybody.
    pub is_brought_by_us: bool,
}

impl Recipient {
    /// The same where nothing that the peer could do vouches for From.
    #[must_use]
    pub fn unproven(self) -> Self {
        Recipient { proof: Proof::None, is_brought_by_us: false, ..self }
    }
}

/// The answer to RCPT.
pub enum Welcome {
    /// Ours, and the peer may write.
    Yes(Recipient),
    /// Nobody here has this address.
    Unknown,
    /// The peer may not write to it.
    NotAllowed,
    /// The store cannot say now.
    TryLater,
}

/// Who wants to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The network address.
    pub address: IpAddr,
    /// The credential of a sink that it has proven.
    pub credential: Option<Id>,
}

/// Answers RCPT for one address and peer. `trusted` are networks that may write to queues and users.
pub fn welcome(store: &Store, trusted: &[Network], peer: Peer, address: &EmailAddress) -> Welcome {
    answered(look_up(store, trusted, peer, address))
}

/// Answers RCPT for `postmaster` without a domain, in a house of this name (RFC 5321 §4.5.1). Where the name is no
/// domain of ours, the first organization gets the mail to which the peer may write.
pub fn welcome_postmaster(store: &Store, trusted: &[Network], peer: Peer, house: &str) -> Welcome {
    let named = EmailAddress::parse(&format!("{POSTMASTER}@{house}"));
    let Some(address) = named.or_else(|| EmailAddress::parse("postmaster@localhost")) else {
        return Welcome::Unknown;
    };
    answered(look_up(store, trusted, peer, &address).and_then(|welcome| match welcome {
        Welcome::Unknown => at_postmaster(store, trusted, (peer, &address), |_| true),
        known => Ok(known),
    }))
}

fn answered(answer: Result<Welcome, StoreError>) -> Welcome {
    answer.unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "a recipient could not be looked up");
        Welcome::TryLater
    })
}

fn look_up(
    store: &Store,
    trusted: &[Network],
    peer: Peer,
    address: &EmailAddress,
) -> Result<Welcome, StoreError> {
    let (plain, detail) = address.split_detail();
    let exact = store.route(&address.key())?;
    let route = match &exact {
        None if detail.is_some() => store.route(&plain.key())?,
        found => found.clone(),
    };
    let Some(route) = route else {
        if detail.is_some() && store.certain_route(&address.key())?.is_some() {
            return Ok(Welcome::TryLater);
        }
        if !address.local_part().eq_ignore_ascii_case(POSTMASTER) {
            return Ok(Welcome::Unknown);
        }
        let domain = address.domain_key();
        return at_postmaster(store, trusted, (peer, address), |sink| sink.address.ends_with(&domain));
    };
    let Some(organization) = organization(store, &route)? else { return Ok(Welcome::TryLater) };
    let is_guess = detail.is_some() && exact.is_none();
    let arrival = Arrival { organization, peer, address, detail };
    let welcome = match kind(&route) {
        RecipientKind::Sink => arrival.at_sink_for_good(&route)?,
        RecipientKind::Queue => arrival.at_person(trusted, Source::Queue(plain)),
        RecipientKind::User => arrival.at_person(trusted, Source::User(plain)),
        RecipientKind::Return => arrival.at_return_path(&plain)?,
    };
    let is_refusal = matches!(welcome, Welcome::Unknown | Welcome::NotAllowed);
    // That the whole address leads nowhere is remembered for a moment; to refuse for good it is asked again.
    let is_ours = is_refusal && is_guess && store.certain_route(&address.key())?.is_some();
    Ok(if is_ours { Welcome::TryLater } else { welcome })
}

/// The organization of a route. `None` is a stale route, or an organization that is being moved: the address may be
/// somebody's still, so it is not "unknown".
fn organization(store: &Store, route: &Route) -> Result<Option<Arc<Organization>>, StoreError> {
    match store.organization(route.organizationid) {
        Ok(organization) => Ok((!organization.is_closed()).then_some(organization)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The postmaster of a domain is whoever reads what is Undeliverable in the organization of one of its sinks: of the
/// first, in the order of the catalogue, that the peer may write to, or that is his by a network of trust. To all
/// others the house is closed.
fn at_postmaster(
    store: &Store,
    trusted: &[Network],
    (peer, address): (Peer, &EmailAddress),
    is_of: impl Fn(&Route) -> bool,
) -> Result<Welcome, StoreError> {
    // As it is compared, so that it is one line of the accounting however it was written.
    let source = EmailAddress::parse(&address.key()).unwrap_or_else(|| address.clone());
    let source = Source::Postmaster(source);
    let (mut refusal, mut closed, mut is_troubled) = (Welcome::Unknown, None, false);
    for sink in store.sinks()?.iter().filter(|sink| is_of(sink)).take(limits::POSTMASTER_SINKS_MAX) {
        let arrival = |organization| Arrival { organization, peer, address, detail: None };
        let asked = organization(store, sink).and_then(|organization| {
            let Some(organization) = organization else { return Ok(Welcome::TryLater) };
            let welcome = arrival(Arc::clone(&organization)).at_sink_for_good(sink)?;
            Ok(match welcome {
                Welcome::Yes(recipient) => {
                    let bringer = Bringer { proof: recipient.proof, is_ours: recipient.is_brought_by_us };
                    arrival(organization).yes(source.clone(), None, bringer)
                }
                Welcome::NotAllowed => {
                    closed.get_or_insert(organization);
                    Welcome::NotAllowed
                }
                other => other,
            })
        });
        match asked {
            Ok(Welcome::Yes(recipient)) => return Ok(Welcome::Yes(recipient)),
            // One organization that does not open keeps nobody from the others.
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a sink could not be asked");
                is_troubled = true;
            }
            Ok(other) if matches!(refusal, Welcome::Unknown) => refusal = other,
            Ok(_) => {}
        }
    }
    // A network of trust counts only where no sink is the peer's own.
    let last = closed
        .map(|organization| Arrival { organization, peer, address, detail: None }.at_person(trusted, source));
    Ok(match last.unwrap_or(refusal) {
        Welcome::Yes(recipient) => Welcome::Yes(recipient),
        _ if is_troubled => Welcome::TryLater,
        other => other,
    })
}

fn kind(route: &Route) -> RecipientKind {
    match route.kind {
        1 => RecipientKind::Sink,
        2 => RecipientKind::Queue,
        4 => RecipientKind::Return,
        _ => RecipientKind::User,
    }
}

/// What the peer is worth at an address.
struct Bringer {
    proof: Proof,
    is_ours: bool,
}

struct Arrival<'a> {
    organization: Arc<Organization>,
    peer: Peer,
    address: &'a EmailAddress,
    detail: Option<&'a str>,
}

impl Arrival<'_> {
    /// The same as [`Arrival::at_sink`]. A refusal is for good, so it never rests on what another node has changed a
    /// moment ago.
    fn at_sink_for_good(&self, route: &Route) -> Result<Welcome, StoreError> {
        let welcome = self.at_sink(route)?;
        let is_refusal = matches!(welcome, Welcome::Unknown | Welcome::NotAllowed);
        if is_refusal && self.organization.catch_up()? { self.at_sink(route) } else { Ok(welcome) }
    }

    /// A sink is open to loopback, to its networks, to its credentials, and to whoever knows a user's key.
    /// What belongs to a disabled user opens nothing.
    fn at_sink(&self, route: &Route) -> Result<Welcome, StoreError> {
        let (sink, user, credential) = self.organization.read(|read| {
            let user = self.detail.map(|key| read.user_by_sink_key(&key.to_lowercase())).transpose()?;
            // Asked each time, so that one taken away is worth nothing any more.
            let proven = self.peer.credential.map(|id| read.sink_credential(id)).transpose()?.flatten();
            let owner = proven.as_ref().and_then(|credential| credential.systemuserid);
            let is_open = match owner {
                Some(owner) => read.user(owner)?.is_some_and(|owner| !owner.isdisabled),
                None => true,
            };
            let user = user.flatten().filter(|user| !user.isdisabled);
            Ok((read.sink(route.targetid)?, user, proven.filter(|_| is_open)))
        })?;
        let credential = credential.filter(|credential| credential.sinkid == route.targetid);
        let Some(sink) = sink else { return Ok(Welcome::TryLater) };
        let peer = self.peer.address;
        let is_loopback = network::is_loopback(peer);
        let may_write = is_loopback || user.is_some() || credential.is_some() || holds(&sink.networks, peer);
        if self.detail.is_some() && user.is_none() {
            return Ok(Welcome::Unknown);
        }
        if !may_write {
            return Ok(Welcome::NotAllowed);
        }
        // A key names the mailbox; it does not vouch for From: whoever writes to that mailbox chooses From.
        // Nor does a credential, but where it was said so: a server that hands on what comes proves itself alone.
        let is_refusing = credential.as_ref().is_some_and(|credential| credential.isrefusing);
        let vouches = is_loopback || is_refusing || holds(&sink.refusing, peer);
        let is_ours = vouches || credential.is_some() || holds(&sink.networks, peer);
        let own = credential.and_then(|credential| credential.systemuserid);
        let proof = if vouches { Proof::Network } else { own.map_or(Proof::None, Proof::User) };
        let mailbox_user = user.map(|user| user.systemuserid);
        let source = Source::Sink(address_of(&sink, self.address));
        Ok(self.yes(source, mailbox_user, Bringer { proof, is_ours }))
    }

    fn at_person(&self, trusted: &[Network], source: Source) -> Welcome {
        let peer = self.peer.address;
        let is_loopback = network::is_loopback(peer);
        if !is_loopback && !trusted.iter().any(|network| network.contains(peer)) {
            return Welcome::NotAllowed;
        }
        let proof = if is_loopback { Proof::Network } else { Proof::None };
        self.yes(source, None, Bringer { proof, is_ours: true })
    }

    /// A return path is open to everybody who knows one: that is whoever brings the mail on, from anywhere, with the null
    /// sender or his own.
    fn at_return_path(&self, plain: &EmailAddress) -> Result<Welcome, StoreError> {
        if !tokens::is_return_path(self.address) {
            return Ok(Welcome::Unknown);
        }
        // As it is compared, so that it is one line of the accounting however it was written.
        let source = EmailAddress::parse(&plain.key()).unwrap_or_else(|| plain.clone());
        let tokens = Tokens::of(&self.organization)?;
        Ok(match tokens.sent_to(self.address) {
            Some(_) => {
                let bringer = Bringer { proof: Proof::None, is_ours: false };
                self.yes(Source::Return(source), None, bringer)
            }
            None => Welcome::Unknown,
        })
    }

    fn yes(&self, source: Source, user: Option<Id>, bringer: Bringer) -> Welcome {
        let envelope = EnvelopeRecipient { address: self.address.clone(), source, user };
        let (organization, Bringer { proof, is_ours }) = (Arc::clone(&self.organization), bringer);
        Welcome::Yes(Recipient { organization, envelope, proof, is_brought_by_us: is_ours })
    }
}

fn address_of(sink: &Sink, given: &EmailAddress) -> EmailAddress {
    EmailAddress::parse(&sink.address).unwrap_or_else(|| given.split_detail().0)
}

/// Whether one of the networks holds an address.
pub(super) fn holds(networks: &str, peer: IpAddr) -> bool {
    networks
        .split_whitespace()
        .filter_map(|text| text.parse::<Network>().ok())
        .any(|network| network.contains(peer))
}
