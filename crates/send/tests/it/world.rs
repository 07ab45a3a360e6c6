//! An outbox in memory, and relays that do what a script says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use model::Id;
use send::{Carrier, Outbox, Parcel, Reply, Tried};

/// The relay of every mail but those that say otherwise.
pub(crate) const RELAY: Id = Id([1; 16]);
/// One that nobody reaches.
pub(crate) const AWAY: Id = Id([2; 16]);

/// What is known after the work.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) waiting: VecDeque<(u32, Id)>,
    pub(crate) settled: Vec<(u32, Tried)>,
    pub(crate) sent: Vec<u32>,
    pub(crate) opened: usize,
    pub(crate) open_now: usize,
    pub(crate) closed: usize,
    /// Mails of which the end may not go out.
    pub(crate) lost: Vec<u32>,
    /// A session ends after so many mails, without a word.
    pub(crate) mails_a_session: Option<usize>,
    /// Mails whose source cannot be read.
    pub(crate) unreadable: Vec<u32>,
    /// The relay thinks about this one until it is woken.
    pub(crate) hangs: Option<u32>,
    /// How often something was written down.
    pub(crate) commits: usize,
    /// Mails that were held for longer.
    pub(crate) renewed: Vec<u32>,
    /// The program stops when this mail is sent.
    pub(crate) stops_at: Option<u32>,
}

#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    pub(crate) woken: Arc<tokio::sync::Notify>,
    pub(crate) stop: tokio_util::sync::CancellationToken,
}

impl World {
    pub(crate) fn of(mails: u32) -> Self {
        let world = World {
            state: Arc::default(),
            woken: Arc::default(),
            stop: tokio_util::sync::CancellationToken::new(),
        };
        (0..mails).for_each(|mail| world.put(mail, RELAY));
        world
    }

    pub(crate) fn put(&self, mail: u32, relay: Id) {
        self.state().waiting.push_back((mail, relay));
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) async fn run(&self) -> send::Ended {
        send::send_due(self.clone(), &self.stop).await
    }
}

impl Outbox for World {
    type Mail = (u32, Id);
    type Carrier = Line;

    async fn claim(&self, at_most: usize) -> Vec<(u32, Id)> {
        let mut state = self.state();
        let count = at_most.min(state.waiting.len());
        state.waiting.drain(..count).collect()
    }

    async fn load(&self, (mail, relay): &(u32, Id)) -> Result<Parcel, String> {
        if self.state().unreadable.contains(mail) {
            return Err("its source is not here".to_owned());
        }
        Ok(Parcel {
            relay: *relay,
            mail_from: "jane@contoso.test".to_owned(),
            recipients: vec![format!("{mail}@fabrikam.test")],
            raw: b"Subject: it\r\n\r\n".as_slice().into(),
            wants_report: false,
        })
    }

    async fn open(&self, relay: Id) -> Result<Line, String> {
        if relay == AWAY {
            self.state().opened += 1;
            return Err("nobody answers".to_owned());
        }
        let mut state = self.state();
        state.opened += 1;
        state.open_now += 1;
        Ok(Line { world: self.clone(), mails: 0, is_broken: false })
    }

    async fn write_down(&self, tried: Vec<((u32, Id), Tried)>, ending: Vec<(u32, Id)>) -> Vec<bool> {
        tokio::task::yield_now().await;
        for ((mail, _), tried) in tried {
            self.state().settled.push((mail, tried));
        }
        self.state().commits += 1;
        if let Some((mail, _)) = ending.first() {
            if self.state().hangs == Some(*mail) {
                self.woken.notified().await;
            }
        }
        ending.iter().map(|(mail, _)| !self.state().lost.contains(mail)).collect()
    }

    async fn renew(&self, mails: Vec<(u32, Id)>) {
        self.state().renewed.extend(mails.into_iter().map(|(mail, _)| mail));
    }
}

pub(crate) struct Line {
    world: World,
    mails: usize,
    is_broken: bool,
}

impl Carrier for Line {
    async fn send(&mut self, parcel: &Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        if self.world.state().mails_a_session.is_some_and(|most| self.mails >= most) {
            self.is_broken = true;
            return Tried::NotSent { words: "the relay hung up".to_owned(), replies: vec![None] };
        }
        if !may_end.await {
            self.is_broken = true;
            return Tried::NotSent { words: "another node has it".to_owned(), replies: vec![None] };
        }
        self.mails += 1;
        let mail = parcel.recipients[0].split('@').next().unwrap().parse().unwrap();
        let mut state = self.world.state();
        state.sent.push(mail);
        if state.stops_at == Some(mail) {
            self.world.stop.cancel();
        }
        Tried::Answered(vec![Reply { code: 250, text: "taken".to_owned() }])
    }

    fn has_ended(&self) -> bool {
        self.is_broken
    }

    async fn close(self) {
        let mut state = self.world.state();
        state.closed += 1;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.world.state().open_now -= 1;
    }
}
